// Anchors in a file: round trip with their people, the calibrators made of it, and every file that is refused.
#include <gtest/gtest.h>

#include <cmath>

#include "fr/calibration/anchors.h"
#include "fr/calibration/cohort_file.h"
#include "fr/calibration/cohort_norm.h"
#include "fr/text_tensors.h"
#include "test/data/temporary.h"
#include "test/fr/random_rows.h"
#include "test/fr/thrown.h"

namespace fr {
namespace {

Cohort small_anchors() {
  Cohort c;
  c.type = CalibrationType::ida_r, c.top = 3, c.tau = .5, c.from = "12 pictures";
  c.origin = {"depth = 4\n", "0123abcd", "sum", "full"};
  c.M = 12, c.D = 6, c.rows = unit_rows(random_rows(1, 12, 6).view()).rows;
  for (int64_t i = 0; i < 12; ++i) c.people.push_back(i == 5 ? "" : "person " + std::to_string(i / 2));
  return c;
}

struct AnchorFile : testing::Test {
  TemporaryFolder folder;
  fs::path path = folder.path / "anchors.safetensors";
  CalibrationOptions options(CalibrationType type, int64_t top = 0) {
    return {.type = type, .file = path.string(), .top = top};
  }

  // What is said of the file with a changed key or tensor, behind its name.
  std::string refusal(const Metadata& changed, const NamedTensors& tensors = {}) {
    write_cohort(path, small_anchors());
    Safetensors file = read_safetensors(path);
    for (const auto& [key, value] : changed) file.metadata[key] = value;
    for (const auto& [name, tensor] : tensors) file.tensors[name] = tensor;
    std::erase_if(file.metadata, [](const auto& entry) { return entry.second == "(none)"; });
    std::erase_if(file.tensors, [](const auto& entry) { return !entry.second; });
    write_safetensors(path, file.tensors, file.metadata);
    const std::string message = thrown<Error>([&] { read_cohort(path); });
    EXPECT_EQ(message.rfind(path.string() + ": ", 0), 0u) << message;
    return message.substr(std::min(message.size(), path.string().size() + 2));
  }
};

TEST_F(AnchorFile, RoundTrip) {
  const Cohort out = small_anchors();
  write_cohort(path, out);
  const Cohort in = read_cohort(path);
  EXPECT_EQ(in.type, CalibrationType::ida_r);
  EXPECT_EQ(in.top, 3);
  EXPECT_EQ(in.tau, .5);
  EXPECT_EQ(in.from, "12 pictures");
  EXPECT_EQ(in.people, out.people);
  EXPECT_EQ(in.rows, out.rows);
}

TEST_F(AnchorFile, NobodyIsKnown) {
  Cohort out = small_anchors();
  out.people.assign(12, "");
  write_cohort(path, out);
  EXPECT_TRUE(read_cohort(path).people.empty());
}

// The example of docs/formats.md.
TEST_F(AnchorFile, WhatIsDocumented) {
  write_cohort(path, small_anchors());
  const Safetensors file = read_safetensors(path);
  EXPECT_EQ(file.metadata, (Metadata{{"format", "prosopon-calibration-1"},
                                     {"type", "ida_r"},
                                     {"top", "3"},
                                     {"tau", "0.5"},
                                     {"from", "12 pictures"},
                                     {"network", "depth = 4\n"},
                                     {"weights", "0123abcd"},
                                     {"flip", "sum"},
                                     {"patch", "full"}}));
  EXPECT_EQ(file.tensors.at("cohort").shape(), (Shape{12, 6}));
  EXPECT_EQ(file.tensors.at("people.ends").shape(), (Shape{12}));
}

// k and tau: as named, else as the file says, else 10 and 1. A file of either kind serves both.
TEST_F(AnchorFile, WhatIsMadeOfIt) {
  const Cohort anchors = small_anchors();
  write_cohort(path, anchors);
  const Rows x = random_rows(2, 3, 6);
  const auto context = [&](const CalibrationOptions& o) {
    return make_calibrator(o)->prepare(x.view()).context;
  };
  const auto expected = [&](int64_t k, double tau) {
    return AnchorDiscrepancy(anchors.view(), k, tau).prepare(x.view()).context;
  };
  EXPECT_EQ(context(options(CalibrationType::ida_r)), expected(3, .5));
  EXPECT_EQ(context(options(CalibrationType::ida_r, 7)), expected(7, .5));
  CalibrationOptions o = options(CalibrationType::ida_r);
  o.tau = 0;
  EXPECT_EQ(context(o), expected(3, 0));
  EXPECT_EQ(context(options(CalibrationType::s_norm)),
            CohortNorm(CalibrationType::s_norm, anchors.view(), 0).prepare(x.view()).context);
  Cohort cohort = anchors;
  cohort.type = CalibrationType::s_norm, cohort.top = 5;
  write_cohort(path, cohort);
  EXPECT_EQ(context(options(CalibrationType::ida_r)), expected(10, 1));
}

TEST_F(AnchorFile, TheFileKnowsThePeople) {
  write_cohort(path, small_anchors());
  const auto ida = make_calibrator(options(CalibrationType::ida_r, 1));
  const std::vector<float> rows = small_anchors().rows;
  const Rows x{{rows.begin(), rows.begin() + 6}, 1, 6};
  const std::vector<std::string> me = {"person 0"};
  EXPECT_NEAR(ida->prepare(x.view()).context[0], -.5, 1e-6);  // the nearest is the picture itself
  EXPECT_GT(ida->prepare({x.values, 1, 6, me}).context[0], -.5 + 0.01);
}

TEST_F(AnchorFile, ServesOnlyEmbeddingsOfItsOwnMaking) {
  write_cohort(path, small_anchors());
  const auto refusal = [&](const char* weights, const char* flip, const char* patch) {
    CalibrationOptions o = options(CalibrationType::ida_r);
    o.weights = weights, o.flip = flip, o.patch = patch;
    const std::string message = thrown<Error>([&] { make_calibrator(o); });
    return message.substr(
        std::min(message.size(), message.rfind(": ") == std::string::npos ? 0 : message.rfind(": ") + 2));
  };
  EXPECT_EQ(refusal("0123abcd", "mean", "full"), "nothing");  // the same direction as sum
  EXPECT_EQ(refusal("ffff0000", "sum", "full"), "weights 0123abcd, not ffff0000");
  EXPECT_EQ(refusal("0123abcd", "none", "full"), "flip sum, not none");
  EXPECT_EQ(refusal("0123abcd", "sum", "upper"), "patch full, not upper");
}

TEST_F(AnchorFile, Refused) {
  EXPECT_EQ(refusal({{"tau", "(none)"}}),
            "no 'tau' in the metadata; expected a file of bin/calibrate, bin/anchors or bin/ssr");
  EXPECT_EQ(refusal({{"tau", "nan"}}), "tau = nan, expected a number of 0 or more");
  EXPECT_EQ(refusal({{"top", "0"}}), "top = 0, expected an integer of 1 or more");
  EXPECT_EQ(refusal({}, {{"cohort", Tensor()}}), "no tensor 'cohort'");
  EXPECT_EQ(refusal({}, {{"cohort", Tensor::zeros({3, 6})}}),
            "tensor 'people.ends': expected int64 (3), got int64 (12)");
  EXPECT_EQ(refusal({}, {{"people.ends", Tensor()}}), "no tensor 'people.ends'");
  const std::vector<int64_t> falling = {8, 7, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9};
  EXPECT_EQ(refusal({}, {{"people.ends", Tensor::from(falling, {12})}}),
            "tensor \"people.ends\": expected numbers that grow up to 88, got 7 behind 8");
  std::vector<float> rows = small_anchors().rows;
  rows[20] = NAN;
  EXPECT_EQ(refusal({}, {{"cohort", Tensor::from(rows, {12, 6})}}),
            "tensor 'cohort': row 3 is not finite (column 2)");
}

TEST_F(AnchorFile, DamageIsFound) {
  write_cohort(path, small_anchors());
  std::vector<uint8_t> bytes = read_file(path);
  bytes[bytes.size() - 3] ^= 1;
  write_file_atomic(path, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  EXPECT_NE(thrown<Error>([&] { read_cohort(path); }).find(path.string()), std::string::npos);
}

TEST_F(AnchorFile, Faults) {
  EXPECT_EQ(thrown<Error>([] { make_calibrator({.type = CalibrationType::ida_r}); }),
            "calibration.file: this type of calibration needs a file; bin/anchors makes it of pictures");
  write_cohort(path, small_anchors());
  EXPECT_EQ(thrown<Error>([&] { make_calibrator(options(CalibrationType::ida_r, 13)); }),
            "ida: k = 13, but only 12 of 12 anchors have a direction");
  EXPECT_EQ(thrown<Error>([&] { make_calibrator(options(CalibrationType::ida_l)); }),
            path.string() + ": type = ida_r, expected ida_l");
  CalibrationOptions o = options(CalibrationType::s_norm);
  o.tau = 1;
  EXPECT_EQ(thrown<Error>([&] { make_calibrator(o); }), "calibration.tau: s_norm has none");
  Cohort wrong = small_anchors();
  wrong.people.pop_back();
  EXPECT_EQ(
      thrown<std::invalid_argument>([&] { write_cohort(path, wrong); }),
      "cohort: expected rows of a cohort norm or of ida_r, got 12 x 6, 72 numbers, 11 people and type ida_r");
}

TEST_F(AnchorFile, DuplicatesGoWithTheirPeople) {
  Cohort c = small_anchors();
  for (const int64_t copy : {4, 9}) std::copy_n(c.rows.begin() + 6, 6, c.rows.begin() + copy * 6);
  const Cohort before = c;
  EXPECT_EQ(drop_duplicates(c, 0.999), 2);
  EXPECT_EQ(c.M, 10);
  ASSERT_EQ(c.people.size(), 10u);
  for (int64_t i = 0, j = 0; i < 12; ++i) {
    if (i == 4 || i == 9) continue;
    EXPECT_EQ(c.people[size_t(j)], before.people[size_t(i)]);
    EXPECT_EQ(c.rows[size_t(j * 6)], before.rows[size_t(i * 6)]);
    ++j;
  }
}

}  // namespace
}  // namespace fr
