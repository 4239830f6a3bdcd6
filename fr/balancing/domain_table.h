// The domain frequency of every class at the end of a run.
#pragma once
#include "fr/loss/class_head.h"
#include "fr/loss/training_classes.h"
#include "fr/report/report.h"

namespace fr {

// Of the weights as they are now. The head measures its domains.
ReportDomains domain_table(const ClassHead& head, const TrainingClasses& classes);

// dfi.csv: class,name,pictures,group,ic,dfi; what is not known is empty. Atomic; throws Error{io}.
void write_domain_table(const fs::path& path, const ReportDomains& domains);

}  // namespace fr
