// Nothing becomes non-finite, whatever the inputs: all margins, gradient modes and scales in float.
#include <algorithm>

#include "test/fr/oracle.h"

namespace fr::test {
namespace {

constexpr int64_t kN = 500, kM = 8, kD = 4;

struct BackendGuard {
  std::string before = kernels<float>().name;
  ~BackendGuard() { select_backend(before); }
};

// A random direction of a length from 1e-30 to 1e18, or of one around 1.
void draw_row(float* row, Random& random) {
  const double length = random.below(2) ? 1 : std::pow(10, random.uniform(-30, 18));
  for (int64_t d = 0; d < kD; ++d) row[d] = float(length * random.normal());
}

struct Inputs {
  std::vector<float> x, w;
  std::vector<int64_t> label;
};
// Among the rows: zeros, class weights and their opposites, two classes alike, the largest lengths.
Inputs draw(Random& random) {
  Inputs in{std::vector<float>(kN * kD), std::vector<float>(kM * kD), std::vector<int64_t>(kN)};
  for (int64_t m = 0; m < kM; ++m) draw_row(&in.w[size_t(m * kD)], random);
  if (random.below(4) == 0) std::fill_n(in.w.begin(), kD, 0.0f);
  if (random.below(2) == 0) std::copy_n(in.w.begin() + kD, kD, in.w.begin() + 2 * kD);
  for (int64_t n = 0; n < kN; ++n) {
    in.label[size_t(n)] = random.below(uint32_t(kM));
    float* x = &in.x[size_t(n * kD)];
    draw_row(x, random);
    const float* w = &in.w[size_t((random.below(2) ? in.label[size_t(n)] : n % kM) * kD)];
    const uint32_t kind = random.below(8);
    for (int64_t d = 0; d < kD; ++d)
      x[d] = kind == 0 ? w[d] : kind == 1 ? -w[d] : kind == 2 ? 0.0f : kind == 3 ? 1e18f : x[d];
  }
  return in;
}

std::vector<NamedOptions> everything() {
  std::vector<NamedOptions> all;
  for (double s : {1.0, 64.0})
    for (const auto& [name, options] : every_margin(s))
      for (MarginGradient gradient :
           {MarginGradient::exact, MarginGradient::detached, MarginGradient::caffe_normalised}) {
        MarginOptions o = options;
        o.gradient = gradient;
        const bool plain = o.scale == LogitScale::embedding_norm;
        if (gradient == MarginGradient::caffe_normalised && !plain) continue;
        all.push_back({name + ", gradient " + std::to_string(int(gradient)), o});
      }
  return all;
}

void complete(MarginOptions& o, Random& random) {
  if (o.scale == LogitScale::fixed && random.below(2)) o = trained(o, DType::float32);
  if (o.margin.kind == Margin::Kind::none || o.margin.kind == Margin::Kind::a_softmax) return;
  std::vector<float> factor(kM);
  for (float& f : factor) f = float(random.uniform(0, 4));
  if (random.below(2)) o.class_margin = Tensor::from(factor, {kM});
}

bool finite(const LossAndGradients& r) {
  const auto all = [](const std::vector<double>& v) {
    return std::all_of(v.begin(), v.end(), [](double x) { return std::isfinite(x); });
  };
  return std::isfinite(r.loss) && std::isfinite(r.ds) && all(r.dx) && all(r.dw);
}

// 1e6 rows in all.
TEST(MarginSafety, AMillionRandomInputs) {
  const BackendGuard guard;
  const std::vector<NamedOptions> all = everything();
  const int64_t each = 1'000'000 / (int64_t(all.size() * all_backends().size()) * kN) + 1;
  Random random({77, Purpose::test, 0, 0});
  for (const Kernels<float>* backend : all_backends()) {
    select_backend(backend->name);
    for (const auto& [name, options] : all)
      for (int64_t batch = 0; batch < each; ++batch) {
        const Inputs in = draw(random);
        MarginOptions o = options;
        complete(o, random);
        const LossAndGradients r =
            run_margin(Tensor::from(in.x, {kN, kD}), Tensor::from(in.w, {kM, kD}), labels_of(in.label), o);
        ASSERT_TRUE(finite(r)) << backend->name << ", " << name << ", s " << o.s << ", batch " << batch;
      }
  }
}

// The test above sees what it looks for.
TEST(MarginSafety, ANonFiniteInputIsSeen) {
  Random random({78, Purpose::test, 0, 0});
  Inputs in = draw(random);
  in.x[5] = INFINITY;
  EXPECT_FALSE(finite(run_margin(Tensor::from(in.x, {kN, kD}), Tensor::from(in.w, {kM, kD}),
                                 labels_of(in.label), normface(30))));
}

// At cos = +-1 the target has its value, and gradients are those of no change: x cannot turn towards where it points, and
// from the opposite no direction is better than another.
TEST(MarginSafety, AlignedAndOpposite) {
  const Tensor w = Tensor::from<double>({2, 0, 0, 0, 3, 0}, {2, 3});
  for (auto& [name, options] : every_margin(4))
    for (double side : {1.0, -1.0}) {
      const LossAndGradients r =
          run_margin(Tensor::from<double>({5 * side, 0, 0}, {1, 3}), w, labels_of({0}), options);
      const double scale = options.scale == LogitScale::fixed        ? 4
                           : options.scale == LogitScale::both_norms ? 10
                                                                     : 5;
      const double h = margin_value(options.margin, side).h;
      EXPECT_NEAR(r.loss, std::log1p(std::exp(-scale * h)), 1e-12 * (1 + r.loss)) << name << " " << side;
      EXPECT_TRUE(finite(r)) << name;
      const double other =
          -1 / (1 + std::exp(scale * h));  // d of the label; -d of the class at a right angle
      if (options.scale != LogitScale::fixed) continue;
      EXPECT_NEAR(r.dx[0], 0, 1e-12) << name << " " << side;
      EXPECT_NEAR(r.dx[1], -other * scale / 5, 1e-9) << name << " " << side;
    }
}

}  // namespace
}  // namespace fr::test
