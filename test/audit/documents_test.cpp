// The pages of docs/math: every loss has one, and its measured block names every line of the table.
#include "audit/documents.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"
#include "test/data/temporary.h"

namespace fr::test {
namespace {

using namespace audit;

const std::filesystem::path kPages = "docs/math";

TEST(Documents, EveryLineHasItsPlace) {
  for (const Family& family : lines(everything(), {}))
    for (const Line& line : family.lines) {
      EXPECT_TRUE(!line.title.page.empty() || family.name != "losses") << line.title.name;
      if (line.title.page.empty()) continue;
      const std::string text = read_text(kPages / (line.title.page + ".md"));
      const size_t begin = text.find(kMeasuredBegin), end = text.find(kMeasuredEnd);
      ASSERT_NE(end, std::string::npos) << line.title.page;
      const std::string block = text.substr(begin, end - begin);
      EXPECT_NE(block.find("| " + line.title.name + " |"), std::string::npos)
          << line.title.page << ".md does not name " << line.title.name << ": make docs";
    }
}

TEST(Documents, TheIndexNamesEveryPage) {
  const std::string index = read_text(kPages / "README.md");
  for (const auto& entry : std::filesystem::directory_iterator(kPages)) {
    const std::string name = entry.path().filename().string();
    if (name == "README.md") continue;
    EXPECT_NE(index.find("(" + name + ")"), std::string::npos) << name;
  }
}

TEST(Documents, OnlyTheBlockChanges) {
  const std::string begin = kMeasuredBegin, end = kMeasuredEnd;
  EXPECT_EQ(with_block("page.md", "before\n" + begin + "old\n" + end + "after\n", "new\n"),
            "before\n" + begin + "new\n" + end + "after\n");
  try {
    with_block("page.md", "before\n" + begin + "old\n", "new\n");
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::data);
    EXPECT_NE(std::string(e.what()).find("page.md"), std::string::npos) << e.what();
  }
}

TEST(Documents, AreWrittenWhereTheyAreNamed) {
  const TemporaryFolder folder;
  const std::string begin = kMeasuredBegin, end = kMeasuredEnd;
  write_file_atomic(folder.path / "page.md", "# Title\n" + begin + end);
  const Line line{{"a loss", "y", "Someone 2000, Eq. 1", "page"},
                  "",
                  {{"a loss", {{"differences", {{"dx", 2e-9}}, 1e-7}}, "", {}}}};
  write_documents(folder.path, {{"losses", {line}}}, {"differences"});
  EXPECT_NE(read_text(folder.path / "page.md").find("| a loss | Someone 2000, Eq. 1 | 2.0e-09 | ok |"),
            std::string::npos);
}

}  // namespace
}  // namespace fr::test
