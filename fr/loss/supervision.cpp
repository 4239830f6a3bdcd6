#include "fr/loss/supervision.h"

#include <algorithm>
#include <cmath>

namespace fr {
namespace {

constexpr const char* kDomainFrequency = "domain_frequency";

// What a term is made for.
struct TermContext {
  const TrainingClasses& classes;
  int64_t D;
  ClassHead* head;              // null: no term scores classes
  ResidualBalancing* residual;  // null: the network has none
  uint64_t seed = 0;
};

// One row for each term that does not score classes.
using MakeTerm = std::unique_ptr<LossTerm> (*)(const SupervisionOptions&, const TermContext&);
struct OtherTerm {
  const char *name, *title;
  MakeTerm make;
};
constexpr OtherTerm kOtherTerms[] = {
    {"center", "center loss",
     [](const SupervisionOptions& o, const TermContext& c) -> std::unique_ptr<LossTerm> {
       return std::make_unique<CenterTerm>(o.center, c.classes.count, c.D);
     }},
    {"contrastive", "contrastive loss",
     [](const SupervisionOptions& o, const TermContext&) -> std::unique_ptr<LossTerm> {
       return std::make_unique<ContrastiveTerm>(o.contrastive);
     }},
    {"triplet", "triplet loss",
     [](const SupervisionOptions& o, const TermContext&) -> std::unique_ptr<LossTerm> {
       return std::make_unique<TripletTerm>(o.triplet);
     }},
    {"lifted", "lifted structured loss",
     [](const SupervisionOptions& o, const TermContext&) -> std::unique_ptr<LossTerm> {
       return std::make_unique<LiftedTerm>(o.lifted);
     }},
    {"margin", "margin-based loss",
     [](const SupervisionOptions& o, const TermContext&) -> std::unique_ptr<LossTerm> {
       return std::make_unique<MarginBasedTerm>(o.margin);
     }},
    {"domain", "domain classifier",
     [](const SupervisionOptions& o, const TermContext& c) -> std::unique_ptr<LossTerm> {
       return std::make_unique<DomainTerm>(o.domain, c.classes, c.D, c.seed);
     }},
    {kDomainFrequency, "domain frequency loss",
     [](const SupervisionOptions&, const TermContext& c) -> std::unique_ptr<LossTerm> {
       if (!c.head) return nullptr;  // asked only what it refuses
       FR_CHECK(c.residual && c.residual->gated(), "loss: ", kDomainFrequency,
                " needs a network with a gated residual balancing module");
       return std::make_unique<DomainFrequencyTerm>(*c.residual, *c.head);
     }},
};

const LossTraits* class_loss_named(const std::string& name) {
  for (const LossTraits& loss : all_losses())
    if (name == loss.name) return &loss;
  return nullptr;
}
const OtherTerm* other_term_named(const std::string& name) {
  for (const OtherTerm& term : kOtherTerms)
    if (name == term.name) return &term;
  return nullptr;
}

LossOptions head_options(const SupervisionOptions& o) {
  LossOptions head = o.head;
  if (const LossKind* kind = class_loss(o)) head.kind = *kind;
  return head;
}

void check_dail(const SupervisionOptions& o) {
  const double keep = o.dail.crossing;
  FR_CHECK(keep == DailOptions::kUsual || (keep >= 0 && keep <= 1),
           "dail: expected a probability to keep a class, got ", keep);
  const bool by_dataset = o.dail.classes == DailOptions::Classes::dataset;
  FR_CHECK(!by_dataset || class_loss(o),
           "dail: classes of one data set at a time need a loss that scores classes");
  FR_CHECK(by_dataset || keep == 0,
           "dail: crossing dropout needs the dataset-aware loss (dail.classes = dataset)");
}

void set_datasets(ClassHead& head, const DailOptions& o, const TrainingClasses& classes) {
  if (o.classes == DailOptions::Classes::all) return;
  head.set_datasets(classes.offset,
                    o.crossing == DailOptions::kUsual ? usual_keep(classes.offset) : o.crossing);
}

void check_balancing(const SupervisionOptions& o) {
  if (!measures_domains(o)) return;
  const LossKind* kind = class_loss(o);
  FR_CHECK(kind, "loss: domains are measured on the weights of classes; no term scores classes");
  FR_CHECK(!o.balancing.margin || takes_class_margins(head_options(o)),
           "balancing.margin: ", traits_of(*kind).name,
           " has no margin per class; am_softmax, cosface, arcface and combined have");
  check(o.balancing.frequency);
}

}  // namespace

bool measures_domains(const SupervisionOptions& o) {
  return o.balancing.margin || o.balancing.measure || teaches_gate(o);
}

bool teaches_gate(const SupervisionOptions& o) {
  return std::any_of(o.terms.begin(), o.terms.end(),
                     [](const auto& term) { return term.first == kDomainFrequency; });
}

SupervisionOptions::SupervisionOptions(const LossOptions& one)
    : terms{{traits_of(one.kind).name, 1}}, head(one) {}

std::vector<std::string> term_names() {
  std::vector<std::string> names;
  for (const LossTraits& loss : all_losses()) names.emplace_back(loss.name);
  for (const OtherTerm& term : kOtherTerms) names.emplace_back(term.name);
  return names;
}

const LossKind* class_loss(const SupervisionOptions& options) {
  for (const auto& [name, weight] : options.terms)
    if (const LossTraits* loss = class_loss_named(name)) return &loss->kind;
  return nullptr;
}

std::string to_text(const SupervisionOptions& options) {
  std::string out;
  for (const auto& [name, weight] : options.terms) {
    const OtherTerm* other = other_term_named(name);
    out += cat(out.empty() ? "" : " + ", weight == 1 ? "" : cat(weight, " x "),
               other ? other->title : loss_text(head_options(options)));
    if (!other && options.dail.classes == DailOptions::Classes::dataset) out += ", dataset-aware";
    if (!other && options.dail.crossing != 0) out += ", crossing dropout";
  }
  if (options.balancing.margin) out += ", domain balancing margins";
  return out;
}

void check(const SupervisionOptions& options) {
  const auto& terms = options.terms;
  FR_CHECK(!terms.empty(), "loss: expected at least one term");
  std::string class_term;
  for (size_t i = 0; i < terms.size(); ++i) {
    const auto& [name, weight] = terms[i];
    const bool classes = class_loss_named(name) != nullptr;
    FR_CHECK(classes || other_term_named(name), "loss: there is no term '", name, "'");
    FR_CHECK(weight > 0 && std::isfinite(weight), "loss: expected a weight > 0 for ", name, ", got ", weight);
    for (size_t j = 0; j < i; ++j) FR_CHECK(terms[j].first != name, "loss: ", name, " is given twice");
    FR_CHECK(!classes || class_term.empty(), "loss: ", class_term, " and ", name,
             " both score classes; one of them can");
    if (classes) class_term = name, check(head_options(options));
    if (const OtherTerm* other = other_term_named(name))
      other->make(options, {2, 2, nullptr, nullptr});  // throws what it refuses
  }
  check_dail(options);
  check_balancing(options);
}

// The head is made first, whatever its place: terms may know it.
Supervision make_supervision(const SupervisionOptions& options, const TrainingClasses& classes, int64_t D,
                             uint64_t seed,
                             const std::function<LossTerm&(std::string, std::unique_ptr<LossTerm>)>& adopt,
                             ResidualBalancing* residual) {
  check(options);
  Supervision s;
  std::unique_ptr<ClassHead> head;
  if (class_loss(options)) head = std::make_unique<ClassHead>(head_options(options), classes.count, D, seed);
  s.head = head.get();
  if (head) set_datasets(*head, options.dail, classes);
  using Margins = ClassHead::DomainMargins;
  if (measures_domains(options))
    s.head->measure_domains(options.balancing.frequency,
                            options.balancing.margin ? Margins::with : Margins::without);
  for (const auto& [name, weight] : options.terms) {
    const OtherTerm* other = other_term_named(name);
    LossTerm& term = other ? adopt(name, other->make(options, {classes, D, s.head, residual, seed}))
                           : adopt("head", std::move(head));
    s.terms.push_back({name, weight, &term});
  }
  return s;
}

}  // namespace fr
