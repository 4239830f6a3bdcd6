#include "fr/recogniser/decision.h"

#include <cmath>

#include "base/error.h"
#include "fr/report/figure_text.h"
#include "fr/report/number.h"
#include "fr/report/protocol_report.h"

namespace fr {
namespace {

const ProtocolResult& result_with_card(const SavedResults& saved, const ScoreMaking& scores,
                                       const fs::path& path) {
  std::string found;
  for (const ProtocolResult& r : saved.results) {
    if (r.card.empty()) continue;
    if (r.calibration == scores.calibration && r.score == scores.score) return r;
    found += (found.empty() ? "" : "; ") + r.score;
  }
  throw Error(ErrorKind::data, cat(path.string(), ": no threshold card for scores that are ", scores.score,
                                   found.empty() ? "" : "; there are cards for: " + found));
}

void check_fact(const SavedResults& saved, const char* fact, const std::string& wanted,
                const fs::path& path) {
  std::string found = "not told";
  for (const auto& [name, value] : saved.facts)
    if (name == fact) found = value;
  if (found != wanted)
    throw Error(ErrorKind::state, cat(path.string(), ": is the card of other embeddings: ", fact, " ", found,
                                      ", not ", wanted));
}

// What is behind a card, in words: "3,000 impostor pairs", or of an identification "60 probes without a mate".
std::string source_of(const ProtocolResult& result, bool searched) {
  for (const auto& [name, count] : result.counts)
    if (name.rfind(searched ? "probes without a mate" : "impostor pairs", 0) == 0)
      return cat(title_text(result), ", ", ascii_number(format_count(count)), " ", name);
  return title_text(result);
}

const CardRow& row_at(const ProtocolResult& result, double rate, const fs::path& path) {
  std::string known;
  for (const CardRow& row : result.card) {
    known += (known.empty() ? "" : ", ") + ascii_number(format_number(row.far));
    if (std::abs(row.far - rate) <= 1e-9 * rate) return row;
  }
  throw Error(ErrorKind::usage,
              cat(path.string(), ": the threshold card has no rate ", rate, "; it has ", known));
}

}  // namespace

Decision decision_from_card(const fs::path& path, const ScoreMaking& scores, double rate) {
  const SavedResults saved = read_results(path);
  check_fact(saved, kWeightsFact, scores.weights, path);
  check_fact(saved, kFlipFact, scores.flip, path);
  check_fact(saved, kPatchFact, scores.patch, path);
  const ProtocolResult& result = result_with_card(saved, scores, path);
  const CardRow& row = row_at(result, rate, path);
  if (!std::isfinite(row.threshold))
    throw Error(ErrorKind::usage, cat(path.string(), ": no threshold reaches the rate ", rate, " on ",
                                      result.title, ": the highest score of all is an impostor's"));
  Decision d{row.threshold, row.far, count_of(result, "impostor pairs") == 0};
  d.source = source_of(result, d.searched);
  if (!row.resolved)
    d.warning = cat("a rate of ", rate, " is less than the data behind the card can show: ", d.source);
  return d;
}

const char* verdict(const Decision& d, double score) {
  return score >= d.threshold ? "same person" : "different people";
}

std::string to_text(const Decision& d) {
  std::string text = cat("the same person at ", ascii_number(format_fixed(d.threshold, 4)), " or more");
  if (std::isfinite(d.rate))
    text += cat(d.searched ? ": FPIR " : ": FAR ", ascii_number(format_number(d.rate)), " (", d.source, ")");
  return text;
}

}  // namespace fr
