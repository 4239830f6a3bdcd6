#include "audit/documents.h"

#include <set>

#include "audit/print.h"
#include "base/error.h"
#include "base/file.h"

namespace fr::audit {

std::string with_block(const std::string& page, const std::string& text, const std::string& block) {
  const size_t begin = text.find(kMeasuredBegin);
  const size_t end = begin == std::string::npos ? begin : text.find(kMeasuredEnd, begin);
  if (end == std::string::npos)
    throw Error(ErrorKind::data, page + ": no block between " + std::string(kMeasuredBegin, 13) + "... and " +
                                     std::string(kMeasuredEnd, 18));
  return text.substr(0, begin) + kMeasuredBegin + block + text.substr(end);
}

void write_documents(const std::filesystem::path& folder, const std::vector<Family>& families,
                     const std::vector<std::string>& columns) {
  std::set<std::string> pages;
  for (const Family& family : families)
    for (const Line& line : family.lines)
      if (!line.title.page.empty()) pages.insert(line.title.page);
  for (const std::string& page : pages) {
    const std::filesystem::path path = folder / (page + ".md");
    write_file_atomic(path,
                      with_block(path.string(), read_text(path), page_markdown(families, columns, page)));
  }
}

}  // namespace fr::audit
