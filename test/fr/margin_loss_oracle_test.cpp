// The margin op against figures of an independent double-precision implementation (fixture F1), at the
// precision the figures were printed with: 12 digits for losses, 9 for gradients.
#include "autograd/ops.h"
#include "test/fr/oracle.h"

namespace fr::test {
namespace {

constexpr double kPrinted = 1e-9;

Tensor f1_labels() { return labels_of({0, 2}); }

// Unit rows: what the Caffe recipe's gradient is taken with respect to.
Tensor unit_rows(const Tensor& w) { return l2_normalize(Var(w)).value(); }

struct Row {
  const char* name;
  int m;
  double lambda, loss;
  std::vector<double> dx, dw, caffe_dx, caffe_dw;
};

const std::vector<Row>& rows() {
  static const std::vector<Row> all = {
      {"m=1",
       1,
       0,
       0.596245491019,
       {-0.009888038, -0.129795739, -0.151476612, -0.058523005, -0.001233642, 0.083361826, 0.104870726,
        0.047015551},
       {0.172565597, -0.086067216, 0.005681699, 0.125667047, -0.001967653, 0.002693961, -0.00546654,
        0.001011527, -0.127532803, 0.160590179, 0.065766356, -0.120372369},
       {-0.009888038, -0.129795739, -0.151476612, -0.058523005, -0.001233642, 0.083361826, 0.104870726,
        0.047015551},
       {0.101223695, -0.272288209, -0.031058022, 0.280291519, 0.007722103, 0.010782348, -0.010500595,
        -0.00807646, -0.108945798, 0.261505861, 0.041558617, -0.272215059}},
      {"m=2",
       2,
       0,
       1.461946738784,
       {-0.346923115, -0.136521232, -0.748637475, -0.254727616, -0.034530444, 0.369156836, -0.009658585,
        0.375529254},
       {0.677964165, -0.46407773, 0.812190851, 0.615401206, -0.003194405, 0.004464469, -0.009328038,
        0.001814558, -0.259036373, -0.166288859, 0.526737282, -0.60001332},
       {0.057460744, -0.003165463, -0.36020277, -0.270534931, 0.123298194, 0.242204062, 0.034559898,
        0.016211926},
       {0.193886277, -0.419875816, -0.085688902, 0.441956903, 0.013217415, 0.018071033, -0.017874121,
        -0.013465069, -0.207103692, 0.401804783, 0.103563024, -0.428491834}},
      {"m=3 lambda=5",
       3,
       5,
       0.858530727232,
       {-0.065601176, -0.133887766, -0.290982101, -0.117079851, -0.005903871, 0.162969786, 0.084871716,
        0.128493981},
       {0.28886156, -0.166527634, 0.150357879, 0.232056205, -0.002491026, 0.003424318, -0.006989348,
        0.001306733, -0.173646377, 0.102739816, 0.182087153, -0.247578961},
       {-0.000258606, -0.130371699, -0.210143107, -0.102726354, 0.016909714, 0.121234026, 0.112904544,
        0.050573525},
       {0.132631429, -0.341349985, -0.044669297, 0.35286077, 0.009879387, 0.013736242, -0.013419065,
        -0.010278296, -0.142510816, 0.327613743, 0.058088362, -0.342582474}},
      {"m=4 lambda=5",
       4,
       5,
       0.975967041304,
       {-0.003202801, -0.108752507, -0.2554397, -0.136888747, 0.003634836, 0.195643563, 0.078786625,
        0.144153125},
       {0.248851256, -0.124154718, 0.008444098, 0.181259001, -0.002629827, 0.003681495, -0.007709686,
        0.001505368, -0.186410593, 0.086666623, 0.214332788, -0.282833176},
       {0.007206978, -0.119733, -0.230994111, -0.123781157, 0.020932348, 0.13753782, 0.124529279,
        0.055672914},
       {0.161593001, -0.344186039, -0.072900048, 0.362971579, 0.010926856, 0.014914995, -0.014770286,
        -0.011108855, -0.172519857, 0.329271044, 0.087670335, -0.351862724}},
      {"m=4",
       4,
       0,
       4.040100063458,
       {0.066149898, 0.30560629, -0.727437418, -0.603263276, 0.057134814, 1.066558578, -0.52681696,
        0.979087749},
       {0.470369087, -0.237085306, 0.031093128, 0.344940136, -0.003647549, 0.005633724, -0.013323144,
        0.003087974, -0.409049008, -1.100348429, 1.500594963, -1.55228213},
       {0.153957527, 0.212984624, -0.521236188, -0.492699313, 0.250287813, 0.417719692, -0.016030748,
        -0.00892822},
       {0.395575608, -0.348752245, -0.305705994, 0.427529313, 0.019105467, 0.023972359, -0.02528288,
        -0.01745724, -0.414681074, 0.324779886, 0.330988874, -0.410072074}},
  };
  return all;
}

TEST(MarginLossOracle, ASoftmaxExactGradient) {
  for (const Row& row : rows()) {
    const LossAndGradients r = run_margin(f1_x(), f1_w(), f1_labels(), a_softmax(row.m, row.lambda));
    EXPECT_NEAR(r.loss, row.loss, 1e-11) << row.name;
    expect_close(r.dx, row.dx, kPrinted, row.name);
    expect_close(r.dw, row.dw, kPrinted, row.name);
  }
}

TEST(MarginLossOracle, ASoftmaxCaffeGradient) {
  for (const Row& row : rows()) {
    const MarginOptions options = a_softmax(row.m, row.lambda, MarginGradient::caffe_normalised);
    const LossAndGradients r = run_margin(f1_x(), unit_rows(f1_w()), f1_labels(), options);
    EXPECT_NEAR(r.loss, row.loss, 1e-11) << row.name;
    expect_close(r.dx, row.caffe_dx, kPrinted, row.name);
    expect_close(r.dw, row.caffe_dw, kPrinted, row.name);
  }
}

// Labels far from their class: theta = 147 and 51 degrees, segments k = 3 and 1.
TEST(MarginLossOracle, ASoftmaxHardTargets) {
  const LossAndGradients r = run_margin(f1_x(), f1_w(), labels_of({1, 0}), a_softmax(4, 5));
  EXPECT_NEAR(r.loss, 4.289930307951, 1e-11);
  expect_close(r.dx,
               {0.892065884, 0.601118782, -0.221280319, -0.831621574, 0.02530254, -0.175821411, -0.352735758,
                -0.099002185},
               kPrinted);
  expect_close(r.dw,
               {-0.251480611, 0.05222972, 0.450782916, -0.112410925, 0.512740272, -0.499891574, 0.416891318,
                0.119565402, -0.089838522, 0.481267656, -0.247573958, 0.180972909},
               kPrinted);
  const MarginOptions caffe = a_softmax(4, 5, MarginGradient::caffe_normalised);
  const LossAndGradients c = run_margin(f1_x(), unit_rows(f1_w()), labels_of({1, 0}), caffe);
  EXPECT_NEAR(c.loss, 4.289930307951, 1e-11);
  expect_close(c.dx,
               {0.641051702, 0.409778195, -0.146071429, -0.58294903, 0.026190383, -0.163397146, -0.274518908,
                -0.109926093},
               kPrinted);
}

// Logits: the scaled target function on the cosines, through the same kernels as the op.
TEST(MarginLossOracle, Logits) {
  const Tensor xh = l2_normalize(Var(f1_x())).value();
  const Tensor c = linear(Var(xh), Var(unit_rows(f1_w()))).value();
  const std::vector<double> r = row_norms(f1_x());
  const Tensor loss({2}, DType::float64), lse = loss.clone(), h = loss.clone(), dh = loss.clone();
  kernels<double>().margin_softmax_forward(loss.data(), lse.data(), h.data(), dh.data(), c.data(),
                                           Tensor::from(r, {2}).data(), nullptr, f1_labels().data(),
                                           a_softmax(4, 5).margin, nullptr, 2, 3);
  expect_close(r, {2.677345919, 2.66512051}, kPrinted);
  std::vector<double> z = c.host<double>();
  for (size_t i = 0; i < 6; ++i) z[i] *= r[i / 3];
  z[0] = r[0] * h.host<double>()[0], z[5] = r[1] * h.host<double>()[1];
  expect_close(z, {1.237737153, -2.23615849, 2.095637761, 1.661519624, -2.144686237, 1.60852809}, kPrinted);
}

}  // namespace
}  // namespace fr::test
