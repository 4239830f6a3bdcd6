// The protocols with galleries and probes of protocol_table(), and their keys. Internal to fr/evaluation.cpp.
#pragma once
#include <memory>

#include "fr/evaluation.h"

namespace fr {

void describe_galleries(Schema& schema, EvaluationConfig& config);

std::unique_ptr<Protocol> make_blufr(const EvaluationConfig& config);
std::unique_ptr<Protocol> make_identification(const EvaluationConfig& config);
std::unique_ptr<Protocol> make_coverage(const EvaluationConfig& config);

}  // namespace fr
