// The losses that score classes, as rows of one table: what each is made of, and its numbers where nobody names others.
#pragma once
#include <cstdint>
#include <span>
#include <string>

#include "fr/loss/margin_loss.h"

namespace fr {

// z_ij is the score of embedding x_i for class weights w_j, c_ij their cosine; y the label, where h stands for c.
enum class LossKind {
  softmax,           // z = <w_j, x_i> + b_j
  modified_softmax,  // z = |x_i| c                                    Liu et al. 2017, Eq. 5
  a_softmax,         // z = |x_i| c,        h = (lambda c + psi_m(c)) / (1 + lambda)      Eq. 7 and App. G
  l_softmax,   // z = |x_i| |w_j| c,  h = (lambda c + psi_m(c)) / (1 + lambda)      Liu et al. 2016, Eq. 4
  normface,    // z = s c                                        Wang et al. 2017, Eq. 6
  l2_softmax,  // z = <w_j, s x_i / |x_i|> + b_j                 Ranjan et al. 2017, Eq. 3; s is their alpha
  am_softmax,  // z = s c,            h = c - m                  Wang et al. 2018, "Additive margin", Eq. 6
  cosface,     // the same with the numbers of                   Wang et al. 2018, "CosFace", Eq. 4
  arcface,     // z = s c,            h = cos(theta + m)         Deng et al. 2019, Eq. 3
  combined,    // z = s c,            h = cos(m1 theta + m2) - m3           Eq. 4
};

// lambda_t = max(minimum, base (1 + gamma t)^-power), t = 1, 2, ...: from plain cosines to the margin.
struct Annealing {
  double base = 1000, gamma = 0.12, power = 1, minimum = 5;
  double lambda(int64_t t) const;
};

// How the scale s comes about. usual: NormFace and L2-Softmax train it, the other losses on cosines do not.
enum class LossScale { usual, fixed, trained };

struct LossOptions {
  static constexpr double kUsual = -1;  // that of the loss's own paper: LossTraits
  LossKind kind = LossKind::a_softmax;
  int m = 4;                                        // a_softmax, l_softmax: 1, 2, 3 or 4
  double margin = kUsual;                           // am_softmax, cosface: in cosine units; arcface: radians
  double m1 = 0.9, m2 = 0.4, m3 = 0.15;             // combined: factor of the angle, radians, cosine units
  double scale = kUsual;                            // s where there is one; trained: at the start
  LossScale scale_is = LossScale::usual;            // fixed or trained
  Margin::Rule rule = Margin::Rule::threshold;      // arcface
  Margin::Guard guard = Margin::Guard::none;        // combined
  bool bias = false;                                // softmax; l2_softmax always has one
  MarginGradient gradient = MarginGradient::exact;  // losses on cosines
  Annealing annealing;                              // a_softmax, l_softmax
};

// Which products the scores are made of.
enum class Scores { inner_products, inner_products_of_unit_embeddings, cosines };

struct LossTraits {
  LossKind kind;
  const char* name;   // in a configuration
  const char* title;  // for people
  Scores scores;
  Margin::Kind margin;      // cosines only
  LogitScale logit_scale;   // cosines only
  double usual_margin = 0;  // of one number
  double usual_scale = 0;   // 0: this loss has no s
  double least_scale = 0;   // a trained s is kept above
  bool trains_scale = false;
};
std::span<const LossTraits> all_losses();
const LossTraits& traits_of(LossKind kind);

// What options say once the usual numbers stand in for those that were not named.
double margin_of(const LossOptions& options);
double scale_of(const LossOptions& options);
bool trains_scale(const LossOptions& options);
bool has_bias(const LossOptions& options);
bool anneals(const LossOptions& options);
bool takes_class_margins(const LossOptions& options);
// Throws std::invalid_argument for numbers out of range and for options that the loss does not have.
void check(const LossOptions& options);
// The loss and its numbers for people: "CosFace, s = 64, m = 0.35".
std::string loss_text(const LossOptions& options);

// The least s with which a posterior p of the own class can be reached: l2_softmax_scale_bound, for the losses on cosines
// cosface_scale_bound; 0 where the loss has no s, or for two classes or fewer.
double scale_lower_bound(const LossOptions& options, int64_t classes, double p = 0.9);

}  // namespace fr
