#include "fr/loss_keys.h"

namespace fr {
namespace {

constexpr double kUsual = LossOptions::kUsual;

void describe_class_scores(Schema& s, LossOptions& o) {
  s.integer("loss.m", o.m, 1, 4, "A-Softmax, L-Softmax: the angular margin");
  s.real_or("loss.margin", o.margin, 0, 3.1415, {"usual", kUsual},
            "AM-Softmax, CosFace: the cosine margin; ArcFace: the angle in radians; usual: that of the "
            "loss's paper");
  s.real("loss.m1", o.m1, 0.01, 4, "combined: cos(m1 theta + m2) - m3");
  s.real("loss.m2", o.m2, 0, 3.1415, "combined: see m1, radians");
  s.real("loss.m3", o.m3, 0, 2, "combined: see m1, cosine units");
  s.real_or("loss.scale", o.scale, 0.01, 1000, {"usual", kUsual},
            "the logit scale s (alpha of L2-Softmax); usual: that of the loss's paper");
  s.choice("loss.scale_is", o.scale_is,
           {{"usual", LossScale::usual}, {"fixed", LossScale::fixed}, {"trained", LossScale::trained}},
           "fixed or trained; usual: NormFace and L2-Softmax train it");
  s.choice("loss.rule", o.rule,
           {{"threshold", Margin::Rule::threshold},
            {"easy_margin", Margin::Rule::easy_margin},
            {"none", Margin::Rule::none}},
           "ArcFace, where theta + m exceeds pi: a straight line, no margin for obtuse angles, or the cosine "
           "as it is");
  s.choice("loss.guard", o.guard, {{"none", Margin::Guard::none}, {"monotone", Margin::Guard::monotone}},
           "combined, where m1 theta + m2 exceeds pi: the cosine as it is, or a line that keeps falling");
  s.flag("loss.bias", o.bias, "softmax: a bias per class (L2-Softmax always has one)");
  s.choice("loss.gradient", o.gradient,
           {{"exact", MarginGradient::exact},
            {"caffe_normalised", MarginGradient::caffe_normalised},
            {"detached", MarginGradient::detached}},
           "the derivative; the authors' Caffe layer (A-Softmax); margin as a constant");
  s.real("loss.lambda_base", o.annealing.base, 0, 1e9,
         "A-Softmax, L-Softmax: weight of the plain cosine at the start");
  s.real("loss.lambda_gamma", o.annealing.gamma, 0, 1e9, "max(minimum, base (1 + gamma t)^-power)");
  s.real("loss.lambda_power", o.annealing.power, 0, 100, "see lambda_gamma");
  s.real("loss.lambda_minimum", o.annealing.minimum, 0, 1e9, "see lambda_gamma");
}

void describe_pairs(Schema& s, ContrastiveOptions& c, TripletOptions& t) {
  using Form = Contrastive::Form;
  using Weights = Contrastive::Weights;
  s.choice("contrastive.form", c.form, {{"distance", Form::distance}, {"squared", Form::squared}},
           "of a pair of two people: max(margin - d, 0)^2 (Hadsell et al. 2006); max(margin - d^2, 0)");
  s.choice("contrastive.weights", c.weights, {{"balanced", Weights::balanced}, {"pairs", Weights::pairs}},
           "pairs of one and of two people in equal parts; every pair alike");
  s.real("contrastive.margin", c.margin, 0.001, 1000, "the distance from which two people are far enough");
  s.choice("contrastive.features", c.features, {{"unit", Features::unit}, {"raw", Features::raw}},
           "embeddings scaled to unit length, or as they are");
  s.real("triplet.margin", t.margin, 0, 4, "between squared distances (FaceNet, Schroff et al. 2015)");
}

void describe_center(Schema& s, CenterOptions& o) {
  s.choice("center.form", o.form, {{"mean", CenterOptions::Form::mean}, {"sum", CenterOptions::Form::sum}},
           "over the batch; advised weights: 0.008 for the mean, 0.003 for the sum (Wen et al. 2016)");
  s.real("center.rate", o.rate, 0, 1, "how far a centre moves towards its embeddings in a step");
}

void describe_lifted(Schema& s, LiftedOptions& o) {
  using Form = LiftedOptions::Form;
  s.choice(
      "lifted.form", o.form,
      {{"cosine", Form::cosine}, {"distance", Form::distance}, {"euclid_scaled", Form::euclid_scaled}},
      "scaled cosines (Smirnov et al. 2017); distances (Song et al. 2016); distances of scaled embeddings");
  s.real("lifted.cosine_margin", o.cosine_margin, -100, 100, "form = cosine");
  s.real("lifted.distance_margin", o.distance_margin, 0, 100, "the other forms");
  s.real("lifted.scale", o.scale, 1, 64, "of cosine and euclid_scaled, at the start; it is trained");
}

void describe_margin_based(Schema& s, MarginBasedOptions& o) {
  using Sampling = MarginPairs::Sampling;
  s.choice(
      "margin.sampling", o.sampling,
      {{"modified", Sampling::modified}, {"distance", Sampling::distance}, {"hardest", Sampling::hardest}},
      "pairs by their loss (Smirnov et al. 2017); by distance (Wu et al. 2017); the worst");
  s.real("margin.margin", o.margin, 0, 1, "half the gap between genuine and impostor cosines");
  s.real("margin.boundary", o.boundary, -1, 1, "its middle at the start; it is trained");
  s.real("margin.cutoff", o.cutoff, 0.001, 2, "sampling = distance: nearer negatives weigh as much as there");
  s.real("margin.loss_cutoff", o.loss_cutoff, 0.001, 2,
         "sampling = distance: farther negatives are not drawn");
}

void describe_dail(Schema& s, DailOptions& o) {
  s.choice(
      "dail.classes", o.classes,
      {{"all", DailOptions::Classes::all}, {"dataset", DailOptions::Classes::dataset}},
      "of several data sets: every class beside every other; a picture is told from the people of its own "
      "data set alone (dataset-aware loss)");
  s.real_or(
      "dail.crossing", o.crossing, 0, 1, {"auto", DailOptions::kUsual},
      "classes = dataset: probability to keep a class of another data set, drawn for each picture and class "
      "at every step (crossing dropout); auto: about 30 classes, a tenth at most, 1e-4 from 300,000 on");
}

void describe_domain(Schema& s, DomainOptions& o) {
  s.real("domain.lambda", o.reversal.lambda, 0, 1000,
         "weight of the reversed gradient in the second stage; in the first it is 0");
  s.real("domain.stage_one", o.reversal.stage_one, 0, 1, "share of the run before the reversal begins");
  s.real("domain.ramp", o.reversal.ramp, 0, 1,
         "share of the second stage in which lambda rises (Ganin and Lempitsky 2015)");
  s.real("domain.gamma", o.reversal.gamma, 0.01, 1000, "steepness of the ramp");
  s.integer("domain.hidden", o.hidden, 1, 65536, "units of the domain classifier's hidden layer");
  s.choice("domain.weights", o.weights,
           {{"none", DomainOptions::Weights::none}, {"inverse_sqrt", DomainOptions::Weights::inverse_sqrt}},
           "of the data sets in its loss: alike; by the inverse root of how often they are drawn");
}

void describe_balancing(Schema& s, BalancingOptions& o) {
  using F = DomainFrequencyOptions;
  s.flag("balancing.margin", o.margin,
         "the margin of each class times its domain frequency indicator (DFI): large for classes of rare "
         "domains "
         "(Cao et al. 2020); am_softmax, cosface, arcface, combined");
  s.flag("balancing.measure", o.measure,
         "measure the DFI where neither the margins nor the loss domain_frequency need it");
  s.integer_or(
      "balancing.neighbours", o.frequency.neighbours, 0, 1'000'000'000, {"usual", F::kUsualNeighbours},
      "K, the nearest classes that are looked at; usual: 0.0095 of all, at least 3, 100 from 10 000 on; "
      "0: the DFI is 1");
  s.real_or("balancing.eps", o.frequency.eps, 1e-6, 1e6, {"auto", F::kAuto},
            "DFI = eps / compactness; the paper: 5.5; auto: the moving mean of the compactness, so that "
            "margins keep "
            "their size on average");
  s.real_or("balancing.scale", o.frequency.scale, 0.01, 1000, {"usual", F::kUsualScale},
            "of the cosines in the compactness; usual: the logit scale");
  s.integer("balancing.refresh", o.frequency.refresh, 1, 1'000'000'000,
            "1: the classes of the batch at every step; R: all classes every R steps");
  s.real("balancing.warmup", o.frequency.warmup, 0, 1e6, "epochs during which the DFI is 1");
}

}  // namespace

void describe_loss(Schema& s, SupervisionOptions& o) {
  s.weighted_words(
      "loss.name", o.terms, term_names(),
      "the loss, or a weighted sum (l2_softmax, lifted:0.1, margin), of which one may score classes");
  describe_class_scores(s, o.head);
  describe_pairs(s, o.contrastive, o.triplet);
  describe_center(s, o.center);
  describe_lifted(s, o.lifted);
  describe_margin_based(s, o.margin);
  describe_dail(s, o.dail);
  describe_domain(s, o.domain);
  describe_balancing(s, o.balancing);
}

void check_loss(const SupervisionOptions& options) {
  try {
    check(options);
    FR_CHECK(
        options.terms.size() > 1 || options.terms[0].first != "center",
        "loss.name = center: alone it draws all embeddings to one point; expected another term beside it, "
        "as in softmax, center:0.008");
  } catch (const std::invalid_argument& e) {
    throw Error(ErrorKind::usage, cat("configuration: ", e.what()));
  }
}

}  // namespace fr
