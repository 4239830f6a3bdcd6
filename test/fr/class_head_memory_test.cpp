// What a training step of the head takes: class weights, their momentum and one matrix of scores, and little beside.
#include <iostream>

#include "fr/loss/class_head.h"
#include "nn/optimizer.h"
#include "tensor/arena.h"
#include "test/fr/oracle.h"

namespace fr::test {
namespace {

struct Size {
  int64_t M, D, N;
  double weights() const { return double(M * D) * sizeof(float); }
  double scores() const { return double(N * M) * sizeof(float); }
};

Parameter& weight_of(ClassHead& head) { return *head.parameters().front().second; }

// Bytes that the arena hands out at the peak of two steps, head and optimiser included.
double peak_of_steps(const LossOptions& options, const Size& size, bool by_rows) {
  const size_t before = arena_stats().in_use;
  ClassHead head(options, size.M, size.D, 3);
  weight_of(head).var.gradient_by_rows(by_rows);
  Sgd sgd(head.parameters(), {});
  const Var x(random_tensor({size.N, size.D}, 1, DType::float32), true);
  const Tensor labels = random_labels(size.N, size.M, 2);
  arena_reset_peak();
  for (int step = 0; step < 2; ++step) {
    head.zero_grad();
    backward(head.loss(x, labels, step));
    sgd.step(0.1);
    head.after_update();
  }
  return double(arena_stats().peak - before);
}

TEST(ClassHeadMemory, WeightsMomentumAndOneMatrixOfScores) {
  const Size size{20000, 128, 32};
  const double allowed = 1.1 * (2 * size.weights() + size.scores());
  for (const LossTraits& t : all_losses())
    for (MarginGradient gradient : {MarginGradient::exact, MarginGradient::caffe_normalised}) {
      LossOptions options;
      options.kind = t.kind, options.gradient = gradient;
      if (gradient == MarginGradient::caffe_normalised && t.logit_scale != LogitScale::embedding_norm)
        continue;
      EXPECT_LE(peak_of_steps(options, size, true), allowed) << t.name << ", gradient " << int(gradient);
      EXPECT_GT(peak_of_steps(options, size, false), allowed) << t.name << ": the test can fail";
    }
}

// MiB at 100,000 x 512, batch 128; heads of this size form their gradients by rows of their own accord.
TEST(ClassHeadMemory, DISABLED_AtScale) {
  const Size size{100000, 512, 128};
  const double allowed = 2 * size.weights() + size.scores(), MiB = 1 << 20;
  for (const LossTraits& t : all_losses()) {
    LossOptions options;
    options.kind = t.kind;
    ASSERT_FALSE(ClassHead(options, size.M / 10, size.D, 3).parameters().front().second->var.node()->by_rows);
    ASSERT_TRUE(ClassHead(options, size.M, size.D, 3).parameters().front().second->var.node()->by_rows);
    const double peak = peak_of_steps(options, size, true);
    std::cout << t.name << ": " << peak / MiB << " MiB; weights, momentum and scores are " << allowed / MiB
              << "\n";
    EXPECT_LE(peak, 1.1 * allowed);
  }
}

}  // namespace
}  // namespace fr::test
