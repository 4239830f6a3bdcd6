// Verification with folds: for every fold a threshold is chosen on all others and the share of its pairs that it decides rightly
// is the fold's accuracy. LFW, CFP, AgeDB-30, CALFW, CPLFW, RFW, AFW, any list of pairs.   Huang et al. 2007, "LFW", View 2
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "fr/protocol/protocol.h"
#include "fr/protocol/verification_set.h"

namespace fr {

class FoldVerification : public Protocol {
 public:
  // Throws std::invalid_argument for a set with videos, or with groups of their own folds and a pair in no group.
  explicit FoldVerification(VerificationSet set);
  const PictureList& pictures() const override { return set_.pictures; }
  std::string description() const override;
  // Throws, beside what Protocol says, Error{usage} for a threshold convention or a centre that the calibrator's scores do
  // not have.
  ProtocolResult evaluate(const ModelEmbeddings& embeddings, const Calibrator& calibrator,
                          const ProtocolOptions& options) const override;

 private:
  VerificationSet set_;
};

// The calibrator whose scores are the plain cosines of the embeddings: then they are taken in double from the rows themselves.
inline constexpr const char* kPlainCosine = "none";

// Throws Error{usage} for a threshold convention or a centre that calibrated scores do not have. `calibration`: the word.
void check_convention(const std::string& calibration, const ProtocolOptions& options);

// Throws Error{data} unless the set, or each group that is a verification of its own, has both kinds of pairs in two folds or
// more.
void check_parts(const VerificationSet& set);

// What pictures and videos have in common. The rows' cosines, or the calibrator's scores:
ProtocolResult verify_rows(const VerificationSet& set, const ModelEmbeddings& rows,
                           const Calibrator& calibrator, const ProtocolOptions& options);
// ... or scores of any kind: the scorer of some of the set's pairs, in; the whole result, out.
using ScorerOf = std::function<PairScorer(const std::vector<VerificationPair>& pairs)>;
ProtocolResult verify_set(const VerificationSet& set, const ScorerOf& scorer_of, const Calibrator& calibrator,
                          const ProtocolOptions& options);

// Throws std::invalid_argument unless there is a model and each has `count` embeddings of its size.
void check_embeddings(const ModelEmbeddings& models, int64_t count);
// "6000 pairs in 10 folds from pairs.txt, 7701 pictures"
std::string describe_set(const VerificationSet& set);

}  // namespace fr
