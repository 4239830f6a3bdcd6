// The auditor's tool must catch what is planted, say so in its last lines and end with 1; and what it says of all that is
// well must be so.
#include <gtest/gtest.h>

#include <sstream>

#include <nlohmann/json.hpp>

#include "audit/losses/rows.h"
#include "audit/run.h"
#include "autograd/ops.h"
#include "test/devices.h"
#include "test/stand_in.h"

namespace fr::test {
namespace {

using namespace audit;

struct Outcome {
  int code = 0;
  std::string out, complaints;
  bool says(const std::string& text) const { return (out + complaints).find(text) != std::string::npos; }
};

// A filter keeps the check for completeness away: a test has few rows.
Outcome outcome(const Subjects& subjects, Request request = {}) {
  if (request.options.filters.empty()) request.options.filters = {""};
  std::ostringstream out, complaints;
  const int code = run(subjects, request, out, complaints);
  return {code, out.str(), complaints.str()};
}

Row kernel_row(const std::string& name) {
  for (Row& row : kernel_rows())
    if (row.name == name) return row;
  throw std::logic_error("no row " + name);
}

// y = x^2 summed, with 2 x + fault for its derivative.
Var square_sum(const Vars& v, double fault) {
  const Var y = sum(unary(v[0], Unary::square));
  return record("square_sum", y.value(), {v[0]}, [x = v[0], fault](Node& self) {
    const Tensor dx = grad_of(self, 0);
    with_kernels(dx, [&]<class T>(const Kernels<T>& k) {
      std::vector<double> d = x.value().template host<double>();
      for (double& value : d) value = 2 * value + fault;
      const Tensor t = Tensor::from(d, dx.shape(), dx.dtype(), dx.device());
      const double dy = self.grad.item();
      k.add_scaled(dx.data(), t.data(), Wide<T>(dy), dx.size());
    });
  });
}
LossRow loss_row(double fault) {
  return {.title = {"squares", "sum x^2", "", "squares"},
          .inputs =
              [](Size s) {
                return std::vector<Input>{{"x", {s.N, 3}}};
              },
          .loss = [fault](const Vars& v) { return square_sum(v, fault); }};
}

TEST(Audit, IsSilentWhenAllIsWell) {
  Subjects subjects{{loss_row(0)}, {}, {kernel_row("prelu 5x7")}};
  subjects.losses[0].stated = {{{Tensor::from<double>({3, 4}, {2})}, 25}};
  const Outcome o = outcome(subjects);
  EXPECT_EQ(o.code, 0) << o.out;
  EXPECT_TRUE(o.says("all ok")) << o.out;
  EXPECT_FALSE(o.says("FAILED")) << o.out;
  EXPECT_TRUE(o.says("sum x^2")) << o.out;
}

TEST(Audit, CatchesAWrongDerivativeOfALoss) {
  const Outcome o = outcome({{loss_row(1e-5)}, {}, {}});
  EXPECT_EQ(o.code, 1);
  EXPECT_TRUE(o.says("FAILED squares (1 of 2, 3 classes) against finite differences: input 0, index 0"))
      << o.out;
  EXPECT_TRUE(o.says("1 FAILED")) << o.out;
}

TEST(Audit, CatchesAWrongDerivativeOfAnOp) {
  const Outcome o =
      outcome({{}, {{"add, wrong", {{2, 3}}, [](const Vars& v) { return square_sum(v, 1e-5); }}}, {}});
  EXPECT_EQ(o.code, 1);
  EXPECT_TRUE(o.says("FAILED add, wrong against finite differences")) << o.out;
}

TEST(Audit, CatchesAWrongDerivativeOfAKernel) {
  Row row = kernel_row("prelu 5x7");
  row.backward([](const auto& k, const auto& v) {
    k.prelu_backward(v["dx"], v["da"], v["dy"], v["x"], v["a"], 5, 7, fr::Gradient::add);
    if constexpr (!std::is_same_v<std::remove_cvref_t<decltype(v)>, Values<bfloat16>>)
      if (v["dx"] != nullptr) v["dx"][2] += 1e-6;
  });
  const Outcome o = outcome({{}, {}, {row}});
  EXPECT_EQ(o.code, 1);
  EXPECT_TRUE(o.says("FAILED prelu 5x7 against finite differences: dx[2]")) << o.out;
}

TEST(Audit, CatchesAWrongNumberOfABackend) {
  Kernels<float> broken = ref_kernels<float>();
  broken.name = "broken";
  broken.prelu_forward = [](float* y, const float* x, const float* a, const float* residual, int64_t rows,
                            int64_t C) {
    ref_kernels<float>().prelu_forward(y, x, a, residual, rows, C);
    y[rows * C - 1] += 1e-4f;
  };
  const Kernels<float>* backends[] = {&ref_kernels<float>(), &broken};
  Request request;
  request.options.backends = backends;
  const Outcome o = outcome({{}, {}, {kernel_row("prelu 5x7")}}, request);
  EXPECT_EQ(o.code, 1);
  EXPECT_TRUE(o.says("FAILED prelu 5x7 on broken: y[34]")) << o.out;
  EXPECT_TRUE(o.says("e-05!")) << o.out;  // the number itself, marked
  request.json = true;
  const Outcome document = outcome({{}, {}, {kernel_row("prelu 5x7")}}, request);
  EXPECT_EQ(document.code, 1);
  EXPECT_NE(document.complaints.find("prelu 5x7 on broken: y[34]"), std::string::npos) << document.complaints;
}

TEST(Audit, CatchesAWrongFloat) {
  LossRow row = loss_row(0);
  row.loss = [](const Vars& v) { return affine(sum(v[0]), v[0].dtype() == DType::float32 ? 1.001 : 1, 0); };
  const Outcome o = outcome({{row}, {}, {}});
  EXPECT_EQ(o.code, 1);
  EXPECT_TRUE(o.says(" on avx2: dx[0] = ") || o.says(" on ref: dx[0] = ")) << o.out;
}

TEST(Audit, CatchesAWrongStatedValue) {
  LossRow row = loss_row(0);
  row.stated = {{{Tensor::from<double>({3, 4}, {2})}, 25 + 2e-9}};
  const Outcome o = outcome({{row}, {}, {}});
  EXPECT_EQ(o.code, 1);
  EXPECT_TRUE(o.says("FAILED squares at a stated value: the value is 25")) << o.out;
}

// A gradient that is not the derivative is held against its formula.
TEST(Audit, HoldsAGradientAgainstItsFormula) {
  LossRow row = loss_row(0.5);
  row.gradient = "2 x + 1/2";
  row.formula = [](const std::vector<Tensor>& inputs) {
    std::vector<double> d = inputs[0].host<double>();
    for (double& v : d) v = 2 * v + 0.5;
    return std::vector<Numbers>{d};
  };
  EXPECT_EQ(outcome({{row}, {}, {}}).code, 0);
  row.loss = [](const Vars& v) { return square_sum(v, 0.25); };
  const Outcome o = outcome({{row}, {}, {}});
  EXPECT_EQ(o.code, 1);
  EXPECT_TRUE(o.says("against its formula: dx[0]")) << o.out;
}

TEST(Audit, CatchesWhatHasNoRow) {
  Subjects subjects = everything();
  std::erase_if(subjects.kernels, [](const Row& row) { return row.name.starts_with("sgd"); });
  std::erase_if(subjects.kernels, [](const Row& row) { return row.arguments[0].values.size() > 0; });
  subjects.ops = {{"nameless(3)", {{3}}, [](const Vars& v) { return v[0]; }}};
  subjects.losses.clear();
  const Failures found = failures(audit::audit(subjects, {}));
  const std::string entry_number = cat(entry(&K::sgd_update).offset / sizeof(void*));
  EXPECT_NE(join(found).find("entry " + entry_number + " of the contract"), std::string::npos) << join(found);
  EXPECT_NE(join(found).find("nameless(3): its op has no line"), std::string::npos) << join(found);
  EXPECT_NE(join(found).find("maxout: has a line, but no row"), std::string::npos) << join(found);
}

TEST(Audit, FiltersByFamilyNameReferenceAndPage) {
  const Subjects all_there_is = everything();
  const auto names = [&](const std::string& word) {
    std::vector<std::string> all;
    Options options;
    options.filters = {word};
    for (const Family& family : lines(all_there_is, options))
      for (const Line& line : family.lines) all.push_back(line.title.name);
    return all;
  };
  EXPECT_EQ(names("cosface S=30"), std::vector<std::string>{"CosFace s=30 m=0.35"});
  EXPECT_EQ(names("He et al. 2015").size(), 2u);  // the op and the kernel
  EXPECT_EQ(names("l2_softmax"), std::vector<std::string>{"L2-Softmax"});
  EXPECT_GT(names("losses").size(), 10u);
  EXPECT_TRUE(names("no such word").empty());
  Request request;
  request.options.filters = {"no such word"};
  EXPECT_THROW(outcome(all_there_is, request), Error);
}

TEST(Audit, JsonHoldsEveryNumber) {
  Request request;
  request.json = true;
  const Outcome o = outcome({{loss_row(0)}, {}, {kernel_row("prelu 5x7")}}, request);
  const nlohmann::json j = nlohmann::json::parse(o.out);
  EXPECT_TRUE(j["passed"].get<bool>());
  const nlohmann::json &loss = j["families"][0]["lines"][0], &kernel = j["families"][1]["lines"][0];
  EXPECT_EQ(loss["name"], "squares");
  EXPECT_LT(loss["errors"]["differences"].get<double>(), 1e-7);
  EXPECT_EQ(kernel["rows"][0]["checks"][0]["errors"].size(), 2u);  // da, dx
  for (const std::string& column : columns({}))
    EXPECT_EQ(kernel["errors"].contains(column), column != "stated") << column;
}

// A device has a column for each of its types: losses in float, kernels in both.
TEST(Audit, ShowsTheDevice) {
  const UseDevice use(stand_in());
  Request request;
  request.json = true;
  request.options.device = &stand_in();
  const Outcome o = outcome({{loss_row(0)}, {}, {kernel_row("prelu 5x7")}}, request);
  EXPECT_EQ(o.code, 0) << o.complaints;
  const nlohmann::json j = nlohmann::json::parse(o.out);
  const nlohmann::json &loss = j["families"][0]["lines"][0], &kernel = j["families"][1]["lines"][0];
  const std::string single = stand_in().single->name, half = single + " bf16";
  EXPECT_TRUE(loss["errors"].contains(single) && kernel["errors"].contains(single)) << o.out;
  EXPECT_TRUE(kernel["errors"].contains(half)) << o.out;
  EXPECT_GT(kernel["errors"][half].get<double>(), kernel["errors"][single].get<double>());
}

TEST(Audit, MarkdownEscapesBars) {
  LossRow row = loss_row(0);
  row.title.equation = "|x|^2";
  Request request;
  request.markdown = true;
  const Outcome o = outcome({{row}, {}, {}}, request);
  EXPECT_TRUE(o.says("| squares | `\\|x\\|^2` |")) << o.out;
}

TEST(Audit, VerboseShowsEachBuffer) {
  Request request;
  request.verbose = true;
  const Outcome o = outcome({{}, {}, {kernel_row("prelu 5x7")}}, request);
  for (const char* buffer : {"\n      da ", "\n      dx ", "\n      y "})
    EXPECT_TRUE(o.says(buffer)) << o.out;
}

// Every loss of the table, as bin/audit measures it.
TEST(AuditLosses, AllAreWhatTheySay) {
  std::vector<Place> places;
  for (const Kernels<float>* k : all_backends()) places.push_back({k->name});
  for (const LossRow& row : loss_rows())
    for (const Finding& finding : measure_loss(row, places)) EXPECT_EQ(join(finding.failures), "");
}

// The same on a device: labels and inputs go where the tensors lie.
TEST(AuditLosses, OnADevice) {
  const UseDevice device(stand_in());
  const Place there[] = {{"cuda", Device::cuda}};
  for (const LossRow& row : loss_rows()) {
    const Finding found = measure_loss(row, there)[2];
    EXPECT_EQ(join(found.failures), "");
    EXPECT_EQ(found.checks.at(0).column, "cuda");
  }
}

TEST(AuditOps, OnADevice) {
  const UseDevice device(stand_in());
  const Place there[] = {{"cuda", Device::cuda}};
  Failures failures;
  for (const OpRow& row : op_rows()) measure_float(function_of(row), there, 2e-5, failures);
  EXPECT_EQ(join(failures), "");
}

}  // namespace
}  // namespace fr::test
