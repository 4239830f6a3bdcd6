// Decisions by a threshold card: the right row of the right card, and every card that does not hold for the scores.
#include "fr/recogniser/decision.h"

#include <gtest/gtest.h>

#include <cmath>

#include "fr/report/protocol_report.h"
#include "test/data/temporary.h"

namespace fr {
namespace {

const ScoreMaking kMaking = {"none", "cosine similarity", "0123abcd", "sum", "full"};

ProtocolResult card(const std::string& calibration, const std::string& score) {
  ProtocolResult r;
  r.protocol = "lfw", r.title = "LFW", r.calibration = calibration, r.score = score;
  r.counts = {{"genuine pairs", 3000}, {"impostor pairs", 3000}};
  r.card = {{1e-1, 0.2, 0.0999, 0.99, {}, true},
            {1e-3, 0.4, 1e-3, 0.9, {}, true},
            {1e-6, 0.7, 0, 0.5, {}, false},
            {0, std::numeric_limits<double>::infinity(), 0, 0, {}, false}};
  return r;
}

fs::path card_file(const TemporaryFolder& folder, const std::vector<ProtocolResult>& results,
                   const ReportFacts& facts = {
                       {kWeightsFact, "0123abcd"}, {kFlipFact, "sum"}, {kPatchFact, "full"}}) {
  return folder.put("result.json", to_json(results, facts));
}

TEST(Decision, ComesFromTheRowOfTheCard) {
  const TemporaryFolder folder;
  const fs::path file =
      card_file(folder, {card("s_norm", "in deviations"), card("none", "cosine similarity")});
  const Decision d = decision_from_card(file, kMaking, 1e-3);
  EXPECT_EQ(d.threshold, 0.4);
  EXPECT_EQ(d.warning, "");
  EXPECT_FALSE(d.searched);
  EXPECT_STREQ(verdict(d, 0.4), "same person");
  EXPECT_STREQ(verdict(d, std::nextafter(0.4, 0)), "different people");
  EXPECT_EQ(to_text(d), "the same person at 0.4000 or more: FAR 0.001 (LFW, 3,000 impostor pairs)");
  EXPECT_NE(decision_from_card(file, kMaking, 1e-6).warning.find("less than the data"), std::string::npos);
}

TEST(Decision, OfASearchIsNamedSo) {
  const TemporaryFolder folder;
  ProtocolResult r = card("none", "cosine similarity");
  r.title = "Identification", r.counts = {{"probes with a mate", 90}, {"probes without a mate", 60}};
  const Decision d = decision_from_card(card_file(folder, {r}), kMaking, 1e-3);
  EXPECT_TRUE(d.searched);
  EXPECT_EQ(to_text(d),
            "the same person at 0.4000 or more: FPIR 0.001 (Identification, 60 probes without a mate)");
}

TEST(Decision, SaysWhatTheCardDoesNotHave) {
  const TemporaryFolder folder;
  const fs::path file = card_file(folder, {card("none", "cosine similarity")});
  ScoreMaking normed = kMaking;
  normed.calibration = "s_norm", normed.score = "in deviations";
  EXPECT_ERROR(data, "for scores that are in deviations; there are cards for: cosine similarity",
               decision_from_card(file, normed, 1e-3));
  EXPECT_ERROR(usage, "no rate 0.01; it has 0.1, 0.001, ", decision_from_card(file, kMaking, 1e-2));
  EXPECT_ERROR(usage, "no threshold reaches", decision_from_card(file, kMaking, 0));
  EXPECT_ERROR(io, "none.json", decision_from_card(folder.path / "none.json", kMaking, 1e-3));
}

TEST(Decision, ACardOfOtherEmbeddingsIsRefused) {
  const TemporaryFolder folder;
  const fs::path file = card_file(folder, {card("none", "cosine similarity")});
  ScoreMaking other = kMaking;
  other.weights = "00000000";
  EXPECT_ERROR(state, "Weights 0123abcd, not 00000000", decision_from_card(file, other, 1e-3));
  other = kMaking, other.flip = "none";
  EXPECT_ERROR(state, "Flip sum, not none", decision_from_card(file, other, 1e-3));
  other = kMaking, other.patch = "upper";
  EXPECT_ERROR(state, "Patch full, not upper", decision_from_card(file, other, 1e-3));
  const fs::path silent = card_file(folder, {card("none", "cosine similarity")}, {});
  EXPECT_ERROR(state, "Weights not told", decision_from_card(silent, kMaking, 1e-3));
}

}  // namespace
}  // namespace fr
