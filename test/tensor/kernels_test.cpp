// Every row on every backend; every entry has a row; and the harness itself is shown wrong kernels, which it must catch.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "audit/kernels/rows.h"
#include "base/parallel.h"

namespace fr::test {
namespace {

using namespace audit;

const std::vector<Row>& all_rows() {
  static const std::vector<Row> rows = kernel_rows();
  return rows;
}

void check(const std::vector<Row>& rows) {
  for (const Row& row : rows) EXPECT_EQ(join(check_row(row, all_backends())), "");
}

TEST(Kernels, Memory) { check(memory_rows()); }
TEST(Kernels, Elementwise) { check(elementwise_rows()); }
TEST(Kernels, Reduce) { check(reduce_rows()); }
TEST(Kernels, Gemm) { check(gemm_rows()); }
TEST(Kernels, Conv2d) { check(conv2d_rows()); }
TEST(Kernels, Channel) { check(channel_rows()); }
TEST(Kernels, Pool2d) { check(pool2d_rows()); }
TEST(Kernels, Rows) { check(row_rows()); }
TEST(Kernels, Pairs) { check(pair_rows()); }
TEST(Kernels, Mined) { check(mined_rows()); }
TEST(Kernels, Datasets) { check(dataset_rows()); }
TEST(Kernels, Likelihood) { check(likelihood_rows()); }
TEST(Kernels, Search) { check(search_rows()); }
TEST(Kernels, Domain) { check(domain_rows()); }
TEST(Kernels, Sgd) { check(sgd_rows()); }

TEST(Kernels, EveryEntryHasARow) { EXPECT_EQ(join(check_coverage(all_rows(), all_backends())), ""); }

TEST(Kernels, EveryBackwardIsProvedByFiniteDifferences) {
  std::set<size_t> proved, needed;
  for (const Row& row : all_rows())
    if (row.backward_call)
      for (const Entry& e : row.entries) {
        needed.insert(e.offset);
        size_t inputs = 0;
        for (const Argument& a : row.arguments)
          if (a.role != Argument::Role::output && a.gradient != audit::Gradient::none)
            inputs += a.values.size();
        if (row.small() && inputs > 0) proved.insert(e.offset);
      }
  EXPECT_EQ(proved, needed);
}

// With lse = 0, dloss = 1 and dz = 0 the backward pass of the cross-entropy is dz = exp(z), so it shows the exponential
// itself: every exponent, subnormal results, overflow, infinities and NaN.
TEST(Kernels, ExponentialsAreWithinTwoUlp) {
  std::vector<float> z;
  for (int i = -104000; i <= 88700; ++i) z.push_back(static_cast<float>(i) / 1000);
  const auto M = static_cast<int64_t>(z.size()) + 1;
  z.push_back(0);  // the label's column
  const float one = 1, zero = 0;
  for (const Kernels<float>* k : all_backends()) {
    std::vector<float> got(z.size(), 0);
    const int64_t label = M - 1;
    k->softmax_cross_entropy_backward(got.data(), &one, z.data(), &zero, &label, 1, M, fr::Gradient::add);
    double worst = 0;
    for (size_t i = 0; i + 1 < z.size(); ++i) {
      const double want = std::exp(static_cast<double>(z[i]));
      const int exponent = std::max(std::ilogb(want), -126);
      worst = std::max(worst, std::abs(got[i] - want) / std::ldexp(1.0, exponent - 23));
    }
    EXPECT_LE(worst, 2) << k->name;
  }
}

TEST(Kernels, ExponentialsOfExtremes) {
  const float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> z{-inf, -1e30f, -200, 89, 1e30f, inf, nan, 0, 1, 0},
      want{0, 0, 0, inf, inf, inf, nan, 1};
  const float one = 1, zero = 0;
  const int64_t label = 9;
  for (const Kernels<float>* k : all_backends()) {
    std::vector<float> got(z.size(), 0);
    k->softmax_cross_entropy_backward(got.data(), &one, z.data(), &zero, &label, 1, 10, fr::Gradient::add);
    for (size_t i = 0; i < want.size(); ++i)
      EXPECT_TRUE(got[i] == want[i] || (std::isnan(got[i]) && std::isnan(want[i])))
          << k->name << ": exp(" << z[i] << ") = " << got[i];
  }
}

// --- the harness must catch ---

// What the harness says about the row when one backend has a broken entry.
template <class Break>
Failures with_broken(const Row& row, const Break& break_table) {
  Kernels<float> broken = ref_kernels<float>();
  broken.name = "broken";
  break_table(broken);
  const Kernels<float>* backends[] = {&broken};
  return check_row(row, backends);
}

bool mentions(const Failures& failures, const std::string& text) {
  return std::any_of(failures.begin(), failures.end(), [&](const std::string& failure) {
    return failure.find("broken") != std::string::npos && failure.find(text) != std::string::npos;
  });
}

Row prelu_row() {
  const std::vector<Row> rows = channel_rows();
  return *std::find_if(rows.begin(), rows.end(), [](const Row& row) { return row.name == "prelu 5x7"; });
}

// Each entry in turn is replaced by a function that does nothing: some small row must notice. (Not those that the
// harness itself needs to bring the numbers to the backend and back.)
TEST(Harness, CatchesAnEntryThatDoesNothing) {
  const std::set<size_t> its_own{entry(&K::alloc).offset, entry(&K::release).offset, entry(&K::upload).offset,
                                 entry(&K::download).offset};
  std::set<size_t> tried, noticed;
  for (const Row& row : all_rows()) {
    if (std::any_of(row.arguments.begin(), row.arguments.end(),
                    [](const Argument& a) { return a.values.size() > 1000; }))
      continue;
    for (const Entry& e : row.entries)
      if (!its_own.count(e.offset) && !noticed.count(e.offset)) {
        tried.insert(e.offset);
        if (!with_broken(row, e.disable).empty()) noticed.insert(e.offset);
      }
  }
  EXPECT_EQ(noticed, tried);
  EXPECT_EQ(tried.size(), sizeof(K) / sizeof(void*) - its_own.size() - 1);  // 1: the name
}

TEST(Harness, CatchesAWrongNumber) {
  EXPECT_TRUE(mentions(with_broken(prelu_row(),
                                   [](Kernels<float>& k) {
                                     k.prelu_forward = [](float* y, const float* x, const float* a,
                                                          const float* residual, int64_t rows, int64_t C) {
                                       ref_kernels<float>().prelu_forward(y, x, a, residual, rows, C);
                                       y[rows * C - 1] += 1e-4f;
                                     };
                                   }),
                       "y[34]"));
}

TEST(Harness, CatchesNaN) {
  EXPECT_TRUE(mentions(with_broken(prelu_row(),
                                   [](Kernels<float>& k) {
                                     k.prelu_forward = [](float* y, const float* x, const float* a,
                                                          const float* residual, int64_t rows, int64_t C) {
                                       ref_kernels<float>().prelu_forward(y, x, a, residual, rows, C);
                                       y[3] = std::numeric_limits<float>::quiet_NaN();
                                     };
                                   }),
                       "y[3] = "));
}

TEST(Harness, CatchesWritesOutside) {
  const auto writes_behind = [](Kernels<float>& k) {
    k.prelu_forward = [](float* y, const float* x, const float* a, const float* residual, int64_t rows,
                         int64_t C) {
      ref_kernels<float>().prelu_forward(y, x, a, residual, rows, C);
      y[rows * C] = 0;
    };
  };
  const auto writes_before = [](Kernels<float>& k) {
    k.prelu_forward = [](float* y, const float* x, const float* a, const float* residual, int64_t rows,
                         int64_t C) {
      ref_kernels<float>().prelu_forward(y, x, a, residual, rows, C);
      y[-1] = 0;
    };
  };
  EXPECT_TRUE(mentions(with_broken(prelu_row(), writes_behind), "wrote past the end of y"));
  EXPECT_TRUE(mentions(with_broken(prelu_row(), writes_before), "wrote before the start of y"));
}

TEST(Harness, CatchesReadsPastTheEnd) {
  EXPECT_TRUE(mentions(with_broken(prelu_row(),
                                   [](Kernels<float>& k) {
                                     k.prelu_forward = [](float* y, const float* x, const float* a,
                                                          const float* residual, int64_t rows, int64_t C) {
                                       ref_kernels<float>().prelu_forward(y, x, a, residual, rows, C);
                                       y[0] += 0 * x[rows * C];
                                     };
                                   }),
                       "y[0] = "));
}

TEST(Harness, CatchesOverwritingInsteadOfAdding) {
  EXPECT_TRUE(mentions(
      with_broken(prelu_row(),
                  [](Kernels<float>& k) {
                    k.prelu_backward = [](float* dx, float* da, const float* dy, const float* x,
                                          const float* a, int64_t rows, int64_t C, fr::Gradient) {
                      ref_kernels<float>().prelu_backward(dx, da, dy, x, a, rows, C, fr::Gradient::overwrite);
                    };
                  }),
      "dx[0] = "));
}

TEST(Harness, CatchesAChangedInput) {
  EXPECT_TRUE(mentions(with_broken(prelu_row(),
                                   [](Kernels<float>& k) {
                                     k.prelu_forward = [](float* y, const float* x, const float* a,
                                                          const float* residual, int64_t rows, int64_t C) {
                                       ref_kernels<float>().prelu_forward(y, x, a, residual, rows, C);
                                       const_cast<float*>(a)[0] = 1;
                                     };
                                   }),
                       "changed its input a"));
}

TEST(Harness, CatchesResultsThatDependOnThreads) {
  EXPECT_TRUE(mentions(with_broken(prelu_row(),
                                   [](Kernels<float>& k) {
                                     k.prelu_forward = [](float* y, const float* x, const float* a,
                                                          const float* residual, int64_t rows, int64_t C) {
                                       ref_kernels<float>().prelu_forward(y, x, a, residual, rows, C);
                                       if (threads() == 3) y[0] = std::nextafter(y[0], 2.0f);
                                     };
                                   }),
                       "with 3 threads: y has other bits"));
}

TEST(Harness, CatchesAWrongDerivative) {
  Row row = prelu_row();
  row.backward([](const auto& k, const auto& v) {
    k.prelu_backward(v["dx"], v["da"], v["dy"], v["x"], v["a"], 5, 7, fr::Gradient::add);
    if constexpr (!std::is_same_v<std::remove_cvref_t<decltype(v)>, Values<bfloat16>>)
      if (v["dx"] != nullptr) v["dx"][2] += 1e-6;
  });
  const Failures failures = check_row(row, {});
  EXPECT_NE(join(failures).find("against finite differences: dx[2]"), std::string::npos) << join(failures);
}

TEST(Harness, CatchesAMissingRowAndANullEntry) {
  std::vector<Row> rows = all_rows();
  const size_t sgd = entry(&K::sgd_update).offset;
  std::erase_if(rows, [&](const Row& row) { return row.entries.front().offset == sgd; });
  EXPECT_NE(join(check_coverage(rows, {})).find(cat("entry ", sgd / sizeof(void*), " of the contract")),
            std::string::npos);
  Kernels<float> broken = ref_kernels<float>();
  broken.sgd_update = nullptr;
  const Kernels<float>* backends[] = {&broken};
  EXPECT_NE(join(check_coverage(all_rows(), backends)).find("is null"), std::string::npos);
}

TEST(Harness, CatchesARowWithoutTolerance) {
  EXPECT_FALSE(check_row(prelu_row().tolerance(1e-6, ""), {}).empty());
}

}  // namespace
}  // namespace fr::test
