// The lifted structured loss: figures of an independent implementation, finite differences, batches without pairs, range.
#include "fr/loss/lifted_loss.h"

#include "test/fr/mined.h"

namespace fr::test {
namespace {

using Form = LiftedOptions::Form;

LiftedOptions lifted(Form form, double scale = 12) {
  LiftedOptions o;
  o.form = form, o.scale = scale;
  return o;
}
const std::vector<LiftedOptions>& forms() {
  static const std::vector<LiftedOptions> all = {lifted(Form::cosine), lifted(Form::distance),
                                                 lifted(Form::euclid_scaled)};
  return all;
}
std::string name_of(const LiftedOptions& o) { return cat("form ", int(o.form), ", scale ", o.scale); }

TEST(LiftedOracle, Losses) {
  struct Case {
    LiftedOptions options;
    Tensor labels;
    double loss;
  };
  for (const Case& c : {Case{lifted(Form::distance), labels_a(), 2.998097608919},
                        {lifted(Form::distance), labels_b(), 4.505034168552},
                        {lifted(Form::euclid_scaled, 1), labels_b(), 4.505034168552},
                        {lifted(Form::euclid_scaled), labels_a(), 1.166636813603},
                        {lifted(Form::cosine), labels_a(), 0.085067636666},
                        {lifted(Form::cosine), labels_b(), 20.127770019464}}) {
    LiftedTerm term(c.options);
    EXPECT_NEAR(run_term(term, six_vectors(), c.labels).loss, c.loss, kPrinted) << name_of(c.options);
  }
}

TEST(LiftedOracle, CosineGradients) {
  LiftedTerm term;
  const TermResult a = run_term(term, six_vectors(), labels_a());
  EXPECT_NEAR(a.dscalar, 0.001233069186, kPrinted);
  expect_close(a.dx,
               {0.212587422, -0.15017743, -0.115485829, -0.641027227, -0.055745122, 0.67707086, 0.554912396,
                1.027982321, -1.219584314, 0.165206709, -1.840123138, 1.024578516, -0.625397246, 1.317420237,
                -0.226419189, 0.28095146, -0.280291157, -0.099721047},
               kPrinted);
  const TermResult b = run_term(term, six_vectors(), labels_b());
  EXPECT_NEAR(b.dscalar, 2.857885914318, kPrinted);
  expect_close(b.dx,
               {16.492194256, -11.650526316, -8.959207043, 16.487906039, 1.433824176, -17.414986833,
                -10.834953978, -20.071891023, 23.813019887, 1.179497432, -13.137605181, 7.315003945,
                -2.304076825, 4.853614969, -0.834169337, 0.206116832, -0.205632408, -0.073159208},
               kPrinted);
}

TEST(Lifted, Gradients) {
  for (LiftedOptions o : forms())
    for (const auto& [N, D, classes] : {std::tuple{6, 3, 3}, {9, 5, 4}, {14, 7, 2}}) {
      for (const double margin : {0.0, 0.7}) {
        o.cosine_margin = margin, o.distance_margin = 1 - margin;
        LiftedTerm term(o);
        EXPECT_EQ(term_gradient_error(term, random_tensor({N, D}, 4), random_labels(N, classes, 5), o.scale),
                  "")
            << name_of(o) << ", " << N;
      }
    }
}

// One row, one class, one picture a class: nothing to compare.
TEST(Lifted, BatchesWithoutPairs) {
  for (const LiftedOptions& o : forms()) {
    LiftedTerm term(o);
    for (const std::vector<int64_t>& labels :
         {std::vector<int64_t>{4}, {0, 0, 0, 0, 0, 0}, {5, 1, 4, 0, 2, 3}})
      expect_nothing(term, labels, name_of(o));
  }
}

TEST(Lifted, NothingOverflows) {
  for (const Form form : {Form::cosine, Form::distance, Form::euclid_scaled}) {
    LiftedTerm term(lifted(form, 64));
    expect_finite(term, cat("form ", int(form)));
  }
}

TEST(Lifted, FloatBesideDouble) {
  for (const LiftedOptions& o : forms()) {
    LiftedTerm term(o);
    expect_float_beside_double(term, name_of(o));
  }
}

// A NaN is not swallowed by max(0, J).
TEST(Lifted, NaNReachesTheLoss) {
  for (const LiftedOptions& o : forms()) {
    LiftedTerm term(o);
    EXPECT_TRUE(std::isnan(run_term(term, with_nan(six_vectors()), labels_b()).loss)) << name_of(o);
  }
}

TEST(Lifted, ScaleIsTrainedWithinBounds) {
  LiftedTerm term;
  Parameter& scale = only_parameter(term);
  EXPECT_EQ(scale.var.shape(), Shape{1});
  EXPECT_EQ(scale.lr_multiplier, 1);
  EXPECT_EQ(scale.decay_multiplier, 0);
  for (const auto& [value, kept] : {std::pair{12.0, 12.0}, {-3.0, 1.0}, {100.0, 64.0}}) {
    scale.var.value().fill(value);
    term.after_update();
    EXPECT_EQ(scale.var.value().item(), kept);
  }
  LiftedTerm fixed(lifted(Form::distance));
  EXPECT_TRUE(fixed.parameters().empty());
  fixed.after_update();
}

TEST(Lifted, RefusesWhatIsWrong) {
  const Var s(random_tensor({4, 4}, 1)), scale(Tensor::full({1}, 12, DType::float64));
  const Tensor labels = labels_of({0, 0, 1, 1});
  EXPECT_THROW(lifted_cosine(Var(random_tensor({4, 3}, 1)), scale, labels, 0), std::invalid_argument);
  EXPECT_THROW(lifted_cosine(s, Var(random_tensor({2}, 1)), labels, 0), std::invalid_argument);
  EXPECT_THROW(lifted_cosine(s, Var(Tensor::full({1}, 12)), labels, 0), std::invalid_argument);
  EXPECT_THROW(lifted_cosine(s, scale, labels_of({0, 1}), 0), std::invalid_argument);
  EXPECT_THROW(lifted_distance(s, labels, std::nan("")), std::invalid_argument);
  EXPECT_THROW(LiftedTerm(lifted(Form::cosine, 0.5)), std::invalid_argument);
}

// --- on a device ---

class DeviceLifted : public testing::TestWithParam<TestDevice> {
 private:
  const UseDevice used_{*GetParam().device};
};
INSTANTIATE_TEST_SUITE_P(, DeviceLifted, testing::ValuesIn(devices()),
                         [](const auto& row) { return row.param.name; });

TEST_P(DeviceLifted, SameAsTheCpu) {
  for (const LiftedOptions& o : forms()) {
    LiftedTerm cpu(o), card(o);
    expect_same_on_device(cpu, card, name_of(o));
  }
}

}  // namespace
}  // namespace fr::test
