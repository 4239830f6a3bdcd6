// Learning-rate and weight-decay multipliers of groups of parameters (Caffe's lr_mult and decay_mult), as a configuration
// gives them:   head.weight lr 10 decay 1, network.stage1.* lr 0
#pragma once
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "nn/module.h"

namespace fr {

// What the parameters of these names have instead of their own multipliers; a part that is not given stays.
struct MultiplierRule {
  std::string pattern;  // a parameter's dotted name, in which * stands for any letters, dots too
  std::optional<double> lr, decay;
  bool operator==(const MultiplierRule&) const = default;
};

// Rules follow each other with or without commas; "none" or "" is an empty list. std::invalid_argument with the reason.
std::vector<MultiplierRule> parse_multipliers(const std::string& text);
std::string multipliers_text(const std::vector<MultiplierRule>& rules);  // parse_multipliers() reads it back

// Sets the multipliers, a later rule over an earlier one, and returns the parameters. `slope_decay` is that of PReLU slopes
// (Caffe 1; others 0). Throws Error{usage} for a rule that fits no parameter, with the nearest names.
using NamedParameters = std::vector<std::pair<std::string, Parameter*>>;
NamedParameters with_multipliers(NamedParameters parameters, const std::vector<MultiplierRule>& rules,
                                 double slope_decay = 1);

}  // namespace fr
