#include "fr/balancing/domain_table.h"

#include "fr/report/protocol_csv.h"

namespace fr {

ReportDomains domain_table(const ClassHead& head, const TrainingClasses& classes) {
  const auto measured = head.measure_domains_now();
  return {measured.dfi.host<double>(),
          measured.ic.host<double>(),
          classes.names,
          classes.pictures,
          classes.group,
          classes.groups,
          measured.eps,
          measured.neighbours};
}

void write_domain_table(const fs::path& path, const ReportDomains& d) {
  std::string csv = "class,name,pictures,group,ic,dfi\n";
  for (size_t j = 0; j < d.dfi.size(); ++j)
    csv += cat(j, ",", d.names.empty() ? "" : csv_field(d.names[j]), ",",
               d.pictures.empty() ? "" : std::to_string(d.pictures[j]), ",",
               d.group.empty() ? "" : csv_field(d.groups[size_t(d.group[j])]), ",", d.ic[j], ",", d.dfi[j],
               "\n");
  write_file_atomic(path, csv);
}

}  // namespace fr
