#include "fr/recogniser/decision.h"

#include <cmath>

#include "base/error.h"
#include "fr/report/figure_text.h"
#include "fr/report/number.h"
#include "fr/report/protocol_report.h"

namespace fr {
namespace {

const ProtocolResult& result_with_card(const SavedResults& saved, const std::string& calibration,
                                       const fs::path& path) {
  std::string found;
  for (const ProtocolResult& r : saved.results) {
    if (r.card.empty()) continue;
    if (r.calibration == calibration) return r;
    found += (found.empty() ? "" : ", ") + r.calibration;
  }
  throw Error(ErrorKind::data, cat(path.string(), ": no threshold card for scores with calibration ",
                                   calibration, found.empty() ? "" : "; there are some with: " + found));
}

}  // namespace

Decision decision_from_card(const fs::path& path, const std::string& calibration, double far,
                            const std::string& weights) {
  const SavedResults saved = read_results(path);
  for (const auto& [name, value] : saved.facts)
    if (name == kWeightsFact && !weights.empty() && value != weights)
      throw Error(ErrorKind::state,
                  cat(path.string(), ": is the card of another model: weights ", value, ", not ", weights));
  const ProtocolResult& result = result_with_card(saved, calibration, path);
  std::string known;
  for (const CardRow& row : result.card) {
    known += (known.empty() ? "" : ", ") + ascii_number(format_number(row.far));
    if (std::abs(row.far - far) > 1e-9 * far) continue;
    if (!std::isfinite(row.threshold))
      throw Error(ErrorKind::usage, cat(path.string(), ": no threshold reaches FAR ", far, " on ",
                                        result.title, ": the highest score of all is an impostor's"));
    const int64_t impostors = count_of(result, "impostor pairs");
    Decision d{row.threshold, row.far,
               cat(title_text(result), ", ", format_count(impostors), " impostor pairs"), ""};
    if (!row.resolved)
      d.warning = cat("the data behind the card cannot show a FAR this small: it has ", d.source);
    return d;
  }
  throw Error(ErrorKind::usage,
              cat(path.string(), ": the threshold card has no FAR ", far, "; it has ", known));
}

const char* verdict(const Decision& d, double score) {
  return score >= d.threshold ? "same person" : "different people";
}

std::string to_text(const Decision& d) {
  std::string text = cat("the same person at ", ascii_number(format_fixed(d.threshold, 4)), " or more");
  if (std::isfinite(d.far))
    text += cat(": FAR ", ascii_number(format_number(d.far)), " (", ascii_number(d.source), ")");
  return text;
}

}  // namespace fr
