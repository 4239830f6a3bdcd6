// Pictures below a folder: which files, in which order, and what cannot be read.
#include "data/folder.h"

#include "test/data/temporary.h"

namespace fr {
namespace {

TEST(PictureFiles, AreFoundAtAnyDepthAndSorted) {
  const TemporaryFolder folder;
  for (const char* file : {"root/b/2.JPG", "root/b/x/1.png", "root/a.bmp", "root/notes.txt",
                           "root/named.jpg/in.ppm", "outside/far.png"})
    folder.put(file, "x");
  const fs::path root = folder.path / "root";
  fs::create_symlink(folder.path / "outside/far.png", root / "b/link.png");
  fs::create_directory_symlink(folder.path / "outside", root / "b/folder");
  fs::create_directory_symlink(folder.path / "outside", root / "folder.png");
  fs::create_symlink(folder.path / "none", root / "gone.jpg");
  std::vector<std::string> found;
  for (const fs::path& path : folder::picture_files(root))
    found.push_back(path.lexically_relative(root).generic_string());
  EXPECT_EQ(found, (std::vector<std::string>{"a.bmp", "b/2.JPG", "b/link.png", "b/x/1.png", "gone.jpg",
                                             "named.jpg/in.ppm"}));
}

TEST(PictureFiles, NameAFolderThatIsNone) {
  const TemporaryFolder folder;
  EXPECT_ERROR(io, "cannot list " + (folder.path / "none").string(),
               folder::picture_files(folder.path / "none"));
  EXPECT_ERROR(io, "File name too long", folder::picture_files(folder.path / std::string(300, 'x')));
}

TEST(PictureFiles, NameAFolderThatIsClosed) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may read everything";
  const TemporaryFolder folder;
  folder.put("open/closed/1.jpg", "x");
  const fs::path closed = folder.path / "open/closed";
  fs::permissions(closed, fs::perms::none);
  EXPECT_ERROR(io, "cannot list " + closed.string(), folder::picture_files(folder.path));
  fs::permissions(closed, fs::perms::owner_all);
}

}  // namespace
}  // namespace fr
