#include "fr/loss/supervision.h"

#include <algorithm>
#include <cmath>

namespace fr {
namespace {

std::string text_of(const LossOptions& o) {
  switch (o.kind) {
    case LossKind::softmax:
      return o.bias ? "softmax with bias" : "softmax";
    case LossKind::modified_softmax:
      return "modified softmax";
    case LossKind::a_softmax:
      return cat("A-Softmax, m = ", o.m, ", lambda to ", o.annealing.minimum);
    case LossKind::cosface:
      return cat("CosFace, s = ", o.scale, ", m = ", o.margin);
  }
  return "?";
}

struct ClassLoss {
  const char* name;
  LossKind kind;
};
constexpr ClassLoss kClassLosses[] = {
    {"softmax", LossKind::softmax},
    {"modified_softmax", LossKind::modified_softmax},
    {"a_softmax", LossKind::a_softmax},
    {"cosface", LossKind::cosface},
};

using MakeTerm = std::unique_ptr<LossTerm> (*)(const SupervisionOptions&, int64_t classes, int64_t D);
struct OtherTerm {
  const char* name;
  std::string (*text)(const SupervisionOptions&);
  MakeTerm make;
};
constexpr std::array<OtherTerm, 0> kOtherTerms{};

const ClassLoss* class_loss_named(const std::string& name) {
  for (const ClassLoss& loss : kClassLosses)
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

}  // namespace

SupervisionOptions::SupervisionOptions(const LossOptions& one) : head(one) {
  for (const ClassLoss& loss : kClassLosses)
    if (loss.kind == one.kind) terms = {{loss.name, 1}};
}

std::vector<std::string> term_names() {
  std::vector<std::string> names;
  for (const ClassLoss& loss : kClassLosses) names.emplace_back(loss.name);
  for (const OtherTerm& term : kOtherTerms) names.emplace_back(term.name);
  return names;
}

const LossKind* class_loss(const SupervisionOptions& options) {
  for (const auto& [name, weight] : options.terms)
    if (const ClassLoss* loss = class_loss_named(name)) return &loss->kind;
  return nullptr;
}

std::string to_text(const SupervisionOptions& options) {
  std::string out;
  for (const auto& [name, weight] : options.terms) {
    const OtherTerm* other = other_term_named(name);
    out += cat(out.empty() ? "" : " + ", weight == 1 ? "" : cat(weight, " x "),
               other ? other->text(options) : text_of(head_options(options)));
  }
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
    if (classes) class_term = name;
  }
}

Supervision make_supervision(const SupervisionOptions& options, int64_t classes, int64_t D, uint64_t seed,
                             const std::function<LossTerm&(std::string, std::unique_ptr<LossTerm>)>& adopt) {
  check(options);
  Supervision s;
  for (const auto& [name, weight] : options.terms) {
    if (const OtherTerm* other = other_term_named(name)) {
      s.terms.push_back({name, weight, &adopt(name, other->make(options, classes, D))});
      continue;
    }
    auto head = std::make_unique<ClassHead>(head_options(options), classes, D, seed);
    s.head = head.get();
    s.terms.push_back({name, weight, &adopt("head", std::move(head))});
  }
  return s;
}

}  // namespace fr
