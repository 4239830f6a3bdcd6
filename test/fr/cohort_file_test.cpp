// The file of a cohort: round trip, the calibrators made of it, and every file that is refused.
#include "fr/calibration/cohort_file.h"

#include <gtest/gtest.h>

#include <cmath>

#include "fr/calibration/cohort_norm.h"
#include "nn/safetensors.h"
#include "test/data/temporary.h"
#include "test/fr/random_rows.h"
#include "test/fr/thrown.h"

namespace fr {
namespace {

Cohort small_cohort() {
  Cohort c;
  c.type = CalibrationType::t_norm, c.top = 5;
  c.origin = {"architecture = sphereface\ndepth = 4\n", "0123abcd", "sum", "full"};
  c.M = 12, c.D = 6, c.rows = unit_rows(random_rows(1, 12, 6).view()).rows;
  return c;
}

struct CohortFile : testing::Test {
  TemporaryFolder folder;
  fs::path path = folder.path / "cohort.safetensors";

  const Metadata good = {{"format", "prosopon-calibration-1"},
                         {"type", "s_norm"},
                         {"top", "0"},
                         {"network", ""},
                         {"weights", "0123abcd"},
                         {"flip", "sum"},
                         {"patch", "full"}};
  const NamedTensors tensors = {{"cohort", Tensor::from(small_cohort().rows, {12, 6})}};

  // What is said of a file, behind its name.
  std::string refusal(const NamedTensors& t, Metadata changed) {
    for (const auto& [key, value] : good) changed.insert({key, value});
    std::erase_if(changed, [](const auto& entry) { return entry.second == "(none)"; });
    write_safetensors(path, t, changed);
    const std::string message = thrown<Error>([&] { read_cohort(path); });
    EXPECT_EQ(message.rfind(path.string() + ": ", 0), 0u) << message;
    return message.substr(std::min(message.size(), path.string().size() + 2));
  }
};

TEST_F(CohortFile, RoundTrip) {
  const Cohort out = small_cohort();
  write_cohort(path, out);
  const Cohort in = read_cohort(path);
  EXPECT_EQ(in.type, out.type);
  EXPECT_EQ(in.top, out.top);
  EXPECT_EQ(in.origin.network, out.origin.network);
  EXPECT_EQ(in.origin.weights, out.origin.weights);
  EXPECT_EQ(in.origin.patch, out.origin.patch);
  EXPECT_EQ(in.origin.flip, out.origin.flip);
  EXPECT_TRUE(in.people.empty() && in.from.empty());
  EXPECT_EQ(in.M, 12);
  EXPECT_EQ(in.D, 6);
  EXPECT_EQ(in.rows, out.rows);
}

// The example of docs/formats.md.
TEST_F(CohortFile, WhatIsDocumented) {
  write_cohort(path, small_cohort());
  const Safetensors file = read_safetensors(path);
  EXPECT_EQ(file.metadata, (Metadata{{"format", "prosopon-calibration-1"},
                                     {"type", "t_norm"},
                                     {"top", "5"},
                                     {"network", "architecture = sphereface\ndepth = 4\n"},
                                     {"weights", "0123abcd"},
                                     {"flip", "sum"},
                                     {"patch", "full"}}));
  ASSERT_EQ(file.tensors.size(), 1u);
  EXPECT_EQ(file.tensors.at("cohort").shape(), (Shape{12, 6}));
}

TEST_F(CohortFile, EveryNormIsMadeOfIt) {
  const Cohort cohort = small_cohort();
  write_cohort(path, cohort);
  const Rows x = random_rows(2, 3, 6);
  for (CalibrationType type : {CalibrationType::z_norm, CalibrationType::t_norm, CalibrationType::s_norm})
    for (int64_t top : {0, 3, 12}) {
      const auto made = make_calibrator({type, path.string(), top});
      const CohortNorm expected(type, cohort.view(), top == 0 ? 5 : top);  // 0: as the file says
      EXPECT_EQ(made->name(), expected.name());
      EXPECT_EQ(made->score(), expected.score());
      EXPECT_EQ(made->prepare(x.view()).context, expected.prepare(x.view()).context);
    }
  EXPECT_EQ(make_calibrator({})->name(), "none");
}

TEST_F(CohortFile, Refused) {
  EXPECT_EQ(refusal(tensors, {{"format", "(none)"}}),
            "no 'format' in the metadata; expected a file of bin/calibrate, bin/anchors or bin/ssr");
  EXPECT_EQ(refusal(tensors, {{"format", "prosopon-checkpoint-1"}}),
            "format = prosopon-checkpoint-1, expected prosopon-calibration-1");
  for (const char* key : {"type", "top", "network", "weights", "flip", "patch"})
    EXPECT_EQ(
        refusal(tensors, {{key, "(none)"}}),
        cat("no '", key, "' in the metadata; expected a file of bin/calibrate, bin/anchors or bin/ssr"));
  for (const char* word : {"ida", "none"})
    EXPECT_EQ(refusal(tensors, {{"type", word}}),
              cat("type = ", word, ", expected z_norm, t_norm, s_norm, ida_r or ida_l"));
  EXPECT_EQ(refusal(tensors, {{"type", "ida_l"}}),
            "type = ida_l, expected a cohort or anchors: z_norm, t_norm, s_norm or ida_r");
  EXPECT_EQ(refusal(tensors, {{"top", "-1"}}), "top = -1, expected an integer of 0 or more");
  EXPECT_EQ(refusal(tensors, {{"top", "many"}}), "top = many, expected an integer of 0 or more");
  EXPECT_EQ(refusal(tensors, {{"top", "1"}}), "top = 1, expected 0, or 2 or more");
  EXPECT_EQ(refusal({{"anchors", tensors.at("cohort")}}, {}), "no tensor 'cohort'");
  EXPECT_EQ(refusal({{"cohort", Tensor::zeros({1, 6})}}, {}),
            "tensor 'cohort': expected 2 rows or more, got (1,6)");
  EXPECT_EQ(refusal({{"cohort", Tensor::zeros({12})}}, {}),
            "tensor 'cohort': expected float32 (any,any), got float32 (12)");
  EXPECT_EQ(refusal({{"cohort", Tensor::zeros({2, 6}, DType::float64)}}, {}),
            "tensor 'cohort': expected float32 (any,any), got float64 (2,6)");
  std::vector<float> rows = small_cohort().rows;
  rows[20] = INFINITY;
  EXPECT_EQ(refusal({{"cohort", Tensor::from(rows, {12, 6})}}, {}),
            "tensor 'cohort': row 3 is not finite (column 2)");
}

TEST_F(CohortFile, DamageIsFound) {
  write_cohort(path, small_cohort());
  std::vector<uint8_t> bytes = read_file(path);
  bytes[bytes.size() - 3] ^= 1;
  write_file_atomic(path, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  EXPECT_NE(thrown<Error>([&] { read_cohort(path); }).find("cohort"), std::string::npos);
}

TEST_F(CohortFile, Faults) {
  EXPECT_EQ(thrown<Error>([] {
              make_calibrator({CalibrationType::s_norm, "", 0});
            }),
            "calibration.file: this type of calibration needs a file; bin/calibrate makes it of a cohort");
  EXPECT_NE(thrown<Error>([&] {
              make_calibrator({CalibrationType::s_norm, path.string(), 0});
            }).find(path.string()),
            std::string::npos);
  EXPECT_EQ(thrown<std::invalid_argument>([&] {
              make_calibrator({CalibrationType::s_norm, path.string(), -2});
            }),
            "calibration: top = -2");
  Cohort cohort = small_cohort();
  cohort.M = 11;
  EXPECT_EQ(
      thrown<std::invalid_argument>([&] { write_cohort(path, cohort); }),
      "cohort: expected rows of a cohort norm or of ida_r, got 11 x 6, 72 numbers, 0 people and type t_norm");
  EXPECT_EQ(thrown<std::invalid_argument>([&] { drop_duplicates(cohort.rows, 5, 0.9); }),
            "cohort: 72 numbers are no rows of 5");
}

TEST_F(CohortFile, ServesOnlyEmbeddingsOfItsOwnMaking) {
  write_cohort(path, small_cohort());
  EXPECT_NO_THROW(make_calibrator({CalibrationType::s_norm, path.string(), 0, "0123abcd", "sum"}));
  EXPECT_NE(thrown<Error>([&] {
              make_calibrator({CalibrationType::s_norm, path.string(), 0, "00000000", "sum"});
            }).find("weights 0123abcd, not 00000000"),
            std::string::npos);
  EXPECT_NE(thrown<Error>([&] {
              make_calibrator({CalibrationType::s_norm, path.string(), 0, "", "none"});
            }).find("flip sum, not none"),
            std::string::npos);
}

// Against the loop that its description is; more rows than a block has.
TEST_F(CohortFile, DuplicatesAreLeftOut) {
  Rows x = random_rows(4, 700, 8);
  Random random({5, Purpose::test, 0, 0});
  for (int64_t i = 1; i < 700; i += 3)
    std::copy_n(x.row(random.below(uint32_t(i))), 8, x.values.begin() + i * 8);
  const std::vector<float> all = unit_rows(x.view()).rows;
  for (double limit : {0.6, 0.95}) {
    std::vector<float> expected;
    for (int64_t i = 0; i < 700; ++i) {
      bool out = false;
      for (size_t k = 0; k < expected.size() && !out; k += 8)
        out = cosine(all.data() + i * 8, expected.data() + k, 8) > limit;
      if (!out) expected.insert(expected.end(), all.begin() + i * 8, all.begin() + (i + 1) * 8);
    }
    std::vector<float> rows = all;
    EXPECT_EQ(drop_duplicates(rows, 8, limit), 700 - int64_t(expected.size() / 8));
    EXPECT_EQ(rows, expected);
    EXPECT_LT(rows.size(), all.size() * 3 / 4);
  }
  std::vector<float> rows = all;
  EXPECT_EQ(drop_duplicates(rows, 8, 2), 0);
  EXPECT_EQ(rows, all);
}

TEST_F(CohortFile, KeysOfTheNetwork) {
  EXPECT_EQ(
      network_keys("[data]\nroot = x\n\n[network]\ndepth = 4\nembedding = 16\n\n[loss]\nname = center\n"),
      "depth = 4\nembedding = 16\n");
  EXPECT_EQ(network_keys("[network]\ndepth = 4"), "depth = 4\n");
  EXPECT_EQ(network_keys(""), "");
}

}  // namespace
}  // namespace fr
