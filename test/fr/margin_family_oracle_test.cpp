// L-Softmax, NormFace, CosFace, ArcFace and the combined margin against figures of an independent double-precision
// implementation (fixture F1), at the precision the figures were printed with; the float path within 2e-5 of double.
#include "test/fr/oracle.h"

namespace fr::test {
namespace {

constexpr double kPrinted = 1e-9, kLoss = 1e-11;

struct Row {
  std::string name;
  MarginOptions options;
  std::vector<int64_t> labels;
  double loss, ds;
  std::vector<double> dx, dw;
};

std::vector<Row> rows() {
  return {
      {"L-Softmax",
       l_softmax(4, 5),
       {0, 2},
       1.138961520872,
       0,
       {0.019542798, -0.168625937, -0.429412286, -0.248556272, 0.003297476, 0.275110298, 0.109602114,
        0.205742536},
       {0.332025905, -0.261125371, 0.084875837, 0.331241946, 0.001676429, 0.002148577, -0.002230094,
        -0.001573906, -0.047392969, 0.291654832, 0.109786263, -0.705688328}},
      {"NormFace",
       trained(normface(10)),
       {0, 2},
       0.488842688314,
       -0.000869571127,
       {-0.031233408, -0.555281783, -0.621440236, -0.239251293, 0.025896489, 0.105238137, 0.078337632,
        0.032158317},
       {0.5526802412, -0.4011740581, 0.8054429355, 0.5237618845, -5.924256994e-08, 8.01461006e-08,
        -1.597804304e-07, 2.862720426e-08, -0.4973068451, 0.9948131549, -0.03781603903, -0.2032867045}},
      {"CosFace",
       trained(cosface(30, 0.35)),
       {0, 2},
       7.654848002742,
       0.253364602973,
       {-0.160471579, -2.852945813, -3.192856628, -1.229233566, 0.791526118, 3.216597784, 2.394387608,
        0.982914496},
       {4.195322142, -1.692767843, -2.368350861, 2.668995850, 0, 0, 0, 0, -2.860973603, 2.567635232,
        2.301570110, -3.447467491}},
      {"ArcFace",
       trained(arcface(30, 0.5)),
       {0, 2},
       8.664513821885,
       0.287329822957,
       {-1.23339264, -3.148979728, -4.281430605, -1.241510133, 0.307307972, 4.028342674, 1.895875287,
        2.547171546},
       {5.279051930, -2.586098828, -0.1199030782, 3.799101438, 0, 0, 0, 0, -3.100682019, 0.5746420991,
        4.257237932, -5.330392734}},
      {"combined margin",
       trained(combined(30, 0.9, 0.4, 0.15)),
       {0, 2},
       8.873148498200,
       0.294863229916,
       {-0.619337077, -2.979565548, -3.658429849, -1.234489381, 0.547802825, 3.67340841, 2.160236856,
        1.807836111},
       {4.676858234, -2.069933958, -1.493281480, 3.152036273, 0, 0, 0, 0, -2.989698925, 1.497473937,
        3.351705937, -4.458546994}},
      {"ArcFace beyond pi - m, threshold rule",
       trained(arcface(8, 0.8)),
       {1, 0},
       12.948048984906,
       1.575525066452,
       {1.378040076, -0.462537523, 0.488961627, -0.352520124, -0.329119225, -1.022687288, -0.886163432,
        -0.16344529},
       {-0.859833226, 0.093187627, 2.076802268, -0.301836233, 0.894815314, -0.87405136, 0.735814547,
        0.205515856, -0.276945485, 1.684824693, -0.923838114, 0.703148991}},
      {"ArcFace beyond pi - m, easy margin",
       trained(arcface(8, 0.8, Margin::Rule::easy_margin)),
       {1, 0},
       10.652510165577,
       1.288581557356,
       {1.378038225, -0.462536902, 0.488960971, -0.352519651, -0.329119225, -1.022687288, -0.886163432,
        -0.16344529},
       {-0.859832829, 0.093187296, 2.076803113, -0.301835815, 0.894814112, -0.874050186, 0.735813559,
        0.20551558, -0.276944978, 1.68482355, -0.923837972, 0.703149104}},
  };
}

TEST(MarginFamilyOracle, LossAndGradients) {
  for (const Row& row : rows()) {
    const LossAndGradients r = run_margin(f1_x(), f1_w(), labels_of(row.labels), row.options);
    EXPECT_NEAR(r.loss, row.loss, kLoss) << row.name;
    EXPECT_NEAR(r.ds, row.ds, kLoss) << row.name;
    expect_close(r.dx, row.dx, kPrinted, row.name);
    expect_close(r.dw, row.dw, kPrinted, row.name);
  }
}

TEST(MarginFamilyOracle, FloatFollowsDouble) {
  for (const Row& row : rows()) {
    MarginOptions options = row.options;
    if (options.trained_scale) options = trained(options, DType::float32);
    const LossAndGradients r =
        run_margin(f1_x().to(DType::float32), f1_w().to(DType::float32), labels_of(row.labels), options);
    EXPECT_NEAR(r.loss, row.loss, 2e-5 * row.loss) << row.name;
    EXPECT_NEAR(r.ds, row.ds, 2e-5) << row.name;
    EXPECT_LE(relative_error(r.dx, row.dx), 2e-5) << row.name;
    EXPECT_LE(relative_error(r.dw, row.dw), 2e-5) << row.name;
  }
}

TEST(MarginFamilyOracle, DetachedArcFace) {
  MarginOptions options = arcface(8, 0.8);
  options.gradient = MarginGradient::detached;
  expect_close(run_margin(f1_x(), f1_w(), labels_of({1, 0}), options).dx,
               {1.378040076, -0.462537523, 0.488961627, -0.352520124, -0.215848815, -0.877160321,
                -0.652946875, -0.268036878},
               kPrinted);
}

}  // namespace
}  // namespace fr::test
