// The hardest pairs as pictures, and classes beside their doppelgangers.
#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "fr/report/html.h"
#include "fr/report/number.h"
#include "fr/report/sections.h"

namespace fr {
namespace {

constexpr size_t kPairsShown = 12;
constexpr int kLargestSide = 160, kJpegQuality = 82;

std::string frame(const Image& image, const std::string& name, PictureBudget& budget) {
  const std::string empty = "<span class=\"empty\">no picture</span>";
  const std::string uri = budget.exceeded ? "" : picture_data_uri(image, kLargestSide, kJpegQuality);
  if (uri.empty()) return empty;
  if (uri.size() > budget.left) {
    budget.exceeded = true;
    return empty;
  }
  budget.left -= uri.size();
  return "<img src=\"" + uri + "\" alt=\"" + escape_html(name) + "\"/>";
}

// A path may be broken behind its separators.
std::string breakable(const std::string& name) {
  std::string html;
  for (const char c : escape_html(name))
    html += c == '/' || c == '_' ? std::string(1, c) + "<wbr/>" : std::string(1, c);
  return html;
}

std::string pair_figure(const PairPicture& pair, double threshold, GalleryKind kind, PictureBudget& budget) {
  std::string html = "<figure class=\"pair\"><div class=\"pictures\">" + frame(pair.a, pair.name_a, budget) +
                     frame(pair.b, pair.name_b, budget) + "</div>\n<figcaption><b>" +
                     format_fixed(pair.score, 3) + "</b>";
  if (std::isfinite(threshold) && std::isfinite(pair.score)) {
    const bool accepted = pair.score >= threshold, right = accepted == (kind == GalleryKind::genuine);
    html += cat(" <span class=\"", right ? "right" : "wrong", "\">", right ? "\u2713 " : "\u2717 ",
                accepted ? "accepted, " : "rejected, ", format_fixed(std::abs(pair.score - threshold), 3),
                accepted ? " above" : " below", "</span>");
  }
  html += "<span class=\"names\">" + breakable(pair.name_a) + "<br/>" + breakable(pair.name_b) + "</span>";
  return html + "</figcaption></figure>\n";
}

// Hardest first; a score that is not a number goes last.
std::vector<const PairPicture*> in_order(const std::vector<PairPicture>& pairs, GalleryKind kind) {
  std::vector<const PairPicture*> order;
  for (const PairPicture& p : pairs) order.push_back(&p);
  const auto rank = [&](const PairPicture* p) {
    return std::isnan(p->score) ? INFINITY : kind == GalleryKind::genuine ? p->score : -p->score;
  };
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return rank(a) < rank(b); });
  order.resize(std::min(order.size(), kPairsShown));
  return order;
}

}  // namespace

std::string hardest_pairs(const std::vector<PairPicture>& pairs, GalleryKind kind, double threshold,
                          const std::string& score, PictureBudget& budget) {
  if (pairs.empty()) return "";
  std::string html = kind == GalleryKind::genuine
                         ? "<h3>Hardest genuine pairs <span>one person, lowest scores</span></h3>\n"
                         : "<h3>Hardest impostor pairs <span>two people, highest scores</span></h3>\n";
  html += "<div class=\"pairs\">\n";
  for (const PairPicture* p : in_order(pairs, kind)) html += pair_figure(*p, threshold, kind, budget);
  html += "</div>\n";
  if (std::isfinite(threshold))
    html += paragraph_html("remark", "The number is the score (" + score +
                                         "), then its distance to the threshold " +
                                         format_number(threshold, 3) + ".");
  if (budget.exceeded)
    html += paragraph_html("remark", "Pictures beyond the size limit of the page are left out.");
  return html;
}

std::string doppelganger_section(const ReportDoppelgangers& d, PictureBudget& budget) {
  if (d.classes == 0) return "";
  std::string html = paragraph_html("remark", d.text) + "<div class=\"pairs doppelgangers\">\n";
  for (const PairPicture& p : d.pairs) html += pair_figure(p, kUnknown, GalleryKind::impostor, budget);
  return section_html("Doppelgangers", html + "</div>\n");
}

}  // namespace fr
