#include "audit/run.h"

#include <chrono>
#include <ostream>

#include "audit/documents.h"
#include "audit/print.h"
#include "base/error.h"

namespace fr::audit {
namespace {

// Measured and printed as it goes.
std::vector<Family> print_table(const Subjects& subjects, const Request& request,
                                const std::vector<Family>& planned, std::ostream& out) {
  const auto start = std::chrono::steady_clock::now();
  const TextTable table(out, planned, columns(request.options),
                        request.verbose ? TextTable::Detail::buffers : TextTable::Detail::lines);
  table.heading();
  std::vector<Family> found =
      audit(subjects, request.options, [&](const Family& family) { table.family(family); });
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  table.summary(found, seconds.count());
  return found;
}

std::vector<Family> print_document(const Subjects& subjects, const Request& request, std::ostream& out,
                                   std::ostream& complaints) {
  std::vector<Family> found = audit(subjects, request.options);
  const std::vector<std::string> names = columns(request.options);
  out << (request.json ? to_json(found, names) : to_markdown(found, names));
  for (const std::string& failure : failures(found)) complaints << "audit: " << failure << "\n";
  return found;
}

}  // namespace

int run(const Subjects& subjects, const Request& request, std::ostream& out, std::ostream& complaints) {
  const std::vector<Family> planned = lines(subjects, request.options);
  if (planned.empty()) throw Error(ErrorKind::usage, "no line has any of these words; --list shows them all");
  if (!request.docs.empty() && !request.options.filters.empty())
    throw Error(ErrorKind::usage, "--docs writes every page: it takes no words");
  if (request.list) return out << list_text(planned), 0;
  const std::vector<Family> found = request.markdown || request.json
                                        ? print_document(subjects, request, out, complaints)
                                        : print_table(subjects, request, planned, out);
  if (!failures(found).empty()) return 1;
  if (!request.docs.empty()) write_documents(request.docs, found, columns(request.options));
  return 0;
}

}  // namespace fr::audit
