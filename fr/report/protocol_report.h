// What bin/evaluate leaves behind: the table on stdout, result.json, figures.csv, curves.csv, scores.csv, report.html; and the page
// that compares several of them.
#pragma once
#include <string>
#include <vector>

#include "base/file.h"
#include "fr/protocol/protocol.h"

namespace fr {

// Facts that say what made the embeddings: weights_of(), flip_word(), and patch_word() of each model, joined by "+".
inline constexpr const char *kWeightsFact = "Weights", *kFlipFact = "Flip", *kPatchFact = "Patch";

// For stdout: title, counts, figures with intervals, the threshold card, groups, warnings.
std::string to_text(const ProtocolResult& result);

// "model", "network", "alignment", ...: what stands at the head of the page.
using ReportFacts = std::vector<std::pair<std::string, std::string>>;

// All files, each atomic, into `folder`, which is created. Several results make one page: before and after a calibration
// (same protocol, another calibration), or several protocols. Score files of the run whose result.json stands there are removed
// unless written anew. Throws Error{io}.
void write_protocol_report(const fs::path& folder, const std::vector<ProtocolResult>& results,
                           const PictureList& pictures, const ReportFacts& facts);

// The page alone.
std::string render_protocol_report(const std::vector<ProtocolResult>& results, const PictureList& pictures,
                                   const ReportFacts& facts);

// result.json and back, exactly, NaN and infinities too; only ProtocolResult::scores is left to scores.csv (docs/formats.md).
// Reading throws Error{io}, Error{data} naming the file and the key.
inline constexpr const char* kResultFormat = "prosopon-result-1";
std::string to_json(const std::vector<ProtocolResult>& results, const ReportFacts& facts);
struct SavedResults {
  std::vector<ProtocolResult> results;
  ReportFacts facts;
};
SavedResults read_results(const fs::path& result_json);

}  // namespace fr
