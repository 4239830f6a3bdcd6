#include "fr/report/pair_page.h"

#include "fr/report/html.h"
#include "fr/report/number.h"
#include "fr/report/sections.h"

namespace fr {
namespace {

constexpr int kLargestSide = 480, kAlignedSide = 224, kJpegQuality = 85;

std::string at(double x) { return plain_number(x, 1); }

// In the pixels of the picture: the box, and a dot at each landmark.
std::string marks(const Face& face, double dot) {
  std::string svg = "<rect x=\"" + at(face.box.left) + "\" y=\"" + at(face.box.top) + "\" width=\"" +
                    at(face.box.width()) + "\" height=\"" + at(face.box.height()) +
                    "\" fill=\"none\" stroke=\"#e8590c\" stroke-width=\"" + at(dot) + "\"/>";
  for (const Point& p : face.landmarks)
    svg += "<circle cx=\"" + at(p.x) + "\" cy=\"" + at(p.y) + "\" r=\"" + at(dot) + "\" fill=\"#e8590c\"/>";
  return svg;
}

std::string picture_svg(const PageFace& f) {
  const std::string w = std::to_string(f.picture.width), h = std::to_string(f.picture.height);
  std::string svg = "<svg viewBox=\"0 0 " + w + " " + h + "\" role=\"img\" aria-label=\"" +
                    escape_html(f.name) + "\" style=\"width:100%;height:auto\"><image width=\"" + w +
                    "\" height=\"" + h + "\" href=\"" +
                    picture_data_uri(f.picture, kLargestSide, kJpegQuality) + "\"/>";
  if (f.face) svg += marks(*f.face, std::max(1.0, std::max(f.picture.width, f.picture.height) / 160.0));
  return svg + "</svg>";
}

std::string face_figure(const PageFace& f) {
  std::string html = "<figure class=\"pair\">";
  if (f.face) html += picture_svg(f);
  html += "<img style=\"width:50%\" src=\"" + picture_data_uri(f.aligned, kAlignedSide, kJpegQuality) +
          "\" alt=\"" + escape_html(f.name) + ", aligned\"/><figcaption><span class=\"names\">" +
          escape_html(f.name);
  if (f.face) html += "<br/>face found with confidence " + format_fixed(f.face->score, 3);
  return html + "</span></figcaption></figure>\n";
}

std::string probe_figure(const PageProbe& p, PictureBudget& budget) {
  const std::string uri =
      budget.exceeded ? "" : picture_data_uri(p.probe.aligned, kAlignedSide, kJpegQuality);
  budget.exceeded = budget.exceeded || uri.size() > budget.left;
  std::string html = "<figure class=\"pair\">";
  if (!budget.exceeded) {
    budget.left -= uri.size();
    html += "<img style=\"width:100%\" src=\"" + uri + "\" alt=\"" + escape_html(p.probe.name) + "\"/>";
  }
  html += "<figcaption>";
  html += p.known ? "<b>" + escape_html(p.candidates.front().first) + "</b> <span class=\"right\">" +
                        format_fixed(p.candidates.front().second, 3) + "</span>"
                  : "<b>unknown</b>";
  html += "<span class=\"names\">" + escape_html(p.probe.name);
  for (size_t i = p.known ? 1 : 0; i < p.candidates.size(); ++i)
    html += "<br/>" + format_fixed(p.candidates[i].second, 3) + " " + escape_html(p.candidates[i].first);
  return html + "</span></figcaption></figure>\n";
}

}  // namespace

std::string pair_page(const std::string& verdict, const PageFace& a, const PageFace& b,
                      const std::vector<std::pair<std::string, std::string>>& facts) {
  return page_html(verdict, "<h1>" + escape_html(verdict) + "</h1>\n" + facts_html(facts) +
                                section_html("Faces", block_html("pairs", face_figure(a) + face_figure(b))));
}

std::string probes_page(const std::vector<PageProbe>& probes,
                        const std::vector<std::pair<std::string, std::string>>& facts) {
  std::string figures;
  PictureBudget budget;
  for (const PageProbe& p : probes) figures += probe_figure(p, budget);
  if (budget.exceeded)
    figures += paragraph_html("remark", "Pictures beyond the size limit of the page are left out.");
  return page_html("Identification", "<h1>Identification</h1>\n" + facts_html(facts) +
                                         section_html("Faces", block_html("pairs", figures)));
}

}  // namespace fr
