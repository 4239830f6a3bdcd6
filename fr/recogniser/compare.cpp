#include "fr/recogniser/compare.h"

#include "fr/report/number.h"

namespace fr {
namespace {

std::string headline(const Comparison& c, const std::optional<Decision>& decision) {
  return decision ? verdict(*decision, c.score) : "score " + ascii_number(format_fixed(c.score, 4));
}

}  // namespace

Comparison compare(const Recogniser& recogniser, const Calibrator& calibrator, const fs::path& a,
                   const fs::path& b) {
  Comparison c{recogniser.find(load_image(a), a.string()), recogniser.find(load_image(b), b.string())};
  const Embeddings e = recogniser.embed(
      {c.a.aligned, c.b.aligned}, calibrator.fusion() ? EmbeddingKind::distributions : EmbeddingKind::points);
  const CalibratedRows rows = calibrator.prepare(e.view());
  c.score = calibrator.score(rows, 0, rows, 1);
  return c;
}

std::string to_text(const Comparison& c, const Calibrator& calibrator,
                    const std::optional<Decision>& decision) {
  std::string text =
      cat("score     ", ascii_number(format_fixed(c.score, 4)), " (", calibrator.score(), ")\n");
  if (!decision) return text + "decision  none: give --card, or --threshold\n";
  text += cat("decision  ", verdict(*decision, c.score), "; ", to_text(*decision), "\n");
  if (!decision->warning.empty()) text += cat("warning   ", decision->warning, "\n");
  return text;
}

std::string to_html(const Comparison& c, const Calibrator& calibrator,
                    const std::optional<Decision>& decision, const fs::path& a, const fs::path& b,
                    const Recogniser& recogniser) {
  std::vector<std::pair<std::string, std::string>> facts = {
      {"Score", format_fixed(c.score, 4) + " (" + calibrator.score() + ")"}};
  if (decision) facts.emplace_back("Threshold", to_text(*decision));
  if (decision && !decision->warning.empty()) facts.emplace_back("Warning", decision->warning);
  facts.emplace_back("Model", recogniser.model().path.string());
  facts.emplace_back("Pictures", to_text(recogniser.model().info.input));
  return pair_page(headline(c, decision), {a.string(), load_image(a), c.a.face, c.a.aligned},
                   {b.string(), load_image(b), c.b.face, c.b.aligned}, facts);
}

}  // namespace fr
