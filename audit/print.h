// The table as text for a person, as Markdown for a document, as JSON for a program.
#pragma once
#include <iosfwd>
#include <string>
#include <vector>

#include "audit/audit.h"

namespace fr::audit {

// 3.1e-10; 0 when nothing differs, "-" when nothing was compared, "inf" for what is not a number.
std::string error_text(double error);

// Family by family, as they are measured, in columns that fit all of them.
class TextTable {
 public:
  enum class Detail { lines, buffers };  // buffers: every row, every buffer of it
  TextTable(std::ostream& out, const std::vector<Family>& families, std::vector<std::string> columns,
            Detail detail);
  void heading() const;  // what was measured where, and what the columns are
  void family(const Family& family) const;
  void summary(const std::vector<Family>& families, double seconds) const;  // and every failure

 private:
  void row(const std::vector<std::string>& words, const std::vector<std::string>& numbers,
           const std::string& verdict) const;
  void details(const Finding& finding) const;

  std::ostream& out_;
  std::vector<std::string> columns_;
  Detail detail_;
  std::vector<size_t> widths_;  // of name, equation, reference
};

// Names, equations and references alone.
std::string list_text(const std::vector<Family>& families);

std::string to_markdown(const std::vector<Family>& families, const std::vector<std::string>& columns);
// The lines with a page of that name as one table, in the columns that hold anything; "" without a line.
std::string page_markdown(const std::vector<Family>& families, const std::vector<std::string>& columns,
                          const std::string& page);

std::string to_json(const std::vector<Family>& families, const std::vector<std::string>& columns);

}  // namespace fr::audit
