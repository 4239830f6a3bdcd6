// What a model is trained by: one loss, or a weighted sum of several (joint supervision):
//   L = sum_t weight_t L_t
// At most one term scores classes; the others look at pairs of the batch, or at centres.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "fr/balancing/domain_frequency_term.h"
#include "fr/dail/domain_term.h"
#include "fr/loss/center_loss.h"
#include "fr/loss/class_head.h"
#include "fr/loss/lifted_loss.h"
#include "fr/loss/margin_based_loss.h"
#include "fr/loss/pair_loss.h"
#include "fr/loss/training_classes.h"

namespace fr {

// How the class scores take several data sets.                                     fr/dail/leave_out.h
struct DailOptions {
  static constexpr double kUsual = -1;  // usual_keep()
  // all: the naive combination, every class beside every other. dataset: the dataset-aware loss.
  enum class Classes { all, dataset };
  Classes classes = Classes::all;
  double crossing = 0;  // dataset: probability to keep a class of another data set, drawn every step
};

// Domain Balancing (Cao et al. 2020): the frequency of the domains, for whoever uses it.
struct BalancingOptions {
  bool margin = false;   // it multiplies the margins of the class scores
  bool measure = false;  // it is measured even where neither the margins nor the term domain_frequency use it
  DomainFrequencyOptions frequency = {};
};

struct SupervisionOptions {
  std::vector<std::pair<std::string, double>> terms = {
      {"a_softmax", 1}};  // of term_names(), with their weights
  LossOptions head = {};  // of the term that scores classes; its kind is that of the term's name
  ContrastiveOptions contrastive = {};
  TripletOptions triplet = {};
  CenterOptions center = {};
  LiftedOptions lifted = {};
  MarginBasedOptions margin = {};
  DailOptions dail = {};
  DomainOptions domain = {};
  BalancingOptions balancing = {};

  SupervisionOptions() = default;
  SupervisionOptions(const LossOptions& one);  // this loss alone
};

// The words of a configuration, those that score classes first.
std::vector<std::string> term_names();
// The class loss among the terms; nothing when there is none.
const LossKind* class_loss(const SupervisionOptions& options);
// For people: "A-Softmax, m = 4, lambda to 5", "softmax + 0.1 x triplet loss".
std::string to_text(const SupervisionOptions& options);

// The terms as children of the model that owns them; see FaceModel.
struct Supervision {
  struct Term {
    std::string name;  // in the configuration
    double weight;
    LossTerm* term;
  };
  std::vector<Term> terms;
  ClassHead* head = nullptr;  // the term that scores classes, if any
};

// Builds each term and hands it to `adopt` under the name that its parameters get: "head" for the class scores, otherwise
// the term's own. residual: the module at the network's end, null: none. Throws std::invalid_argument for an unknown or repeated term, a second class loss, no term at all, a
// weight that is not positive, or options that a term refuses.
Supervision make_supervision(const SupervisionOptions& options, const TrainingClasses& classes, int64_t D,
                             uint64_t seed,
                             const std::function<LossTerm&(std::string, std::unique_ptr<LossTerm>)>& adopt,
                             ResidualBalancing* residual = nullptr);
bool measures_domains(const SupervisionOptions& options);
bool teaches_gate(const SupervisionOptions& options);  // has the term domain_frequency
void check(const SupervisionOptions& options);         // the same complaints without building anything

}  // namespace fr
