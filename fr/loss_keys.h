// The configuration keys of the losses: [loss] for the terms and the class scores, a section for each other term.
#pragma once
#include "fr/loss/supervision.h"
#include "fr/schema.h"

namespace fr {

void describe_loss(Schema& schema, SupervisionOptions& options);
void check_loss(const SupervisionOptions& options);  // throws Error{usage}

}  // namespace fr
