#include "base/file.h"

#include <sys/wait.h>

#include <csignal>

#include "base/philox.h"
#include "test/data/temporary.h"

namespace fr {
namespace {

std::span<const uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

TEST(File, Crc32c) {
  EXPECT_EQ(crc32c(bytes_of("123456789")), 0xe3069283u);  // RFC 3720, B.4 and the catalogue's check value
  EXPECT_EQ(crc32c({}), 0u);
  EXPECT_EQ(crc32c(std::vector<uint8_t>(32, 0)), 0x8a9136aau);
  EXPECT_EQ(crc32c(std::vector<uint8_t>(32, 0xff)), 0x62a8ab43u);
  EXPECT_EQ(crc32c(bytes_of("6789"), crc32c(bytes_of("12345"))), 0xe3069283u);
  EXPECT_EQ(crc32c_by_table(bytes_of("123456789")), 0xe3069283u);
  std::vector<uint8_t> bytes(300);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = uint8_t(i * i * 37 + i);
  for (size_t first = 0; first < 9; ++first)
    for (size_t size = 0; first + size <= bytes.size(); size += 7) {
      const std::span part(bytes.data() + first, size);
      ASSERT_EQ(crc32c(part, 5), crc32c_by_table(part, 5)) << first << " " << size;
    }
}

TEST(File, Fingerprint) {
  EXPECT_EQ(fingerprint(""), 0xcbf29ce484222325u);
  EXPECT_EQ(fingerprint("a"), 0xaf63dc4c8601ec8cu);
  EXPECT_EQ(fingerprint("b", fingerprint("a")), fingerprint("ab"));
}

TEST(File, WriteReadAppend) {
  const TemporaryFolder folder;
  const fs::path file = folder.path / "new" / "folders" / "x.bin";
  const std::string text("a\0b\n", 4);
  write_file_atomic(file, text);
  EXPECT_EQ(read_text(file), text);
  append_file(file, "more");
  EXPECT_EQ(read_text(file), text + "more");
  write_file_atomic(file, "");
  EXPECT_TRUE(read_file(file).empty());
  std::string large(3'000'001, 'x');
  write_file_atomic(file, large);
  EXPECT_EQ(read_text(file), large);
  EXPECT_EQ(read_text(file, large.size()), large);
  EXPECT_ERROR(data, "larger than 3000000", read_file(file, large.size() - 1));
  EXPECT_EQ(std::distance(fs::directory_iterator(file.parent_path()), {}), 1) << "a temporary file is left";
}

TEST(File, Failures) {
  const TemporaryFolder folder;
  EXPECT_ERROR(io, "none: No such file", read_file(folder.path / "none"));
  EXPECT_ERROR(io, "Is a directory", read_file(folder.path));
  const fs::path file = folder.put("file", "old");
  EXPECT_ERROR(io, "file", write_file_atomic(file / "below", "x"));
  EXPECT_ERROR(io, "", append_file(file / "below", "x"));
  fs::create_directory(folder.path / "taken");
  EXPECT_ERROR(io, "cannot replace", write_file_atomic(folder.path / "taken", "x"));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path), {}), 2) << "a temporary file is left";
}

TEST(File, FailedProducerKeepsTheOldFile) {
  const TemporaryFolder folder;
  const fs::path file = folder.put("file", "old");
  const auto produce = [](const Sink& sink) {
    sink("new", 3);
    throw Error(ErrorKind::internal, "half way");
  };
  EXPECT_ERROR(internal, "half way", write_file_atomic(file, produce));
  EXPECT_EQ(read_text(file), "old");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path), {}), 1);
}

TEST(File, FullDevice) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "no /dev/full here";
  EXPECT_ERROR(io, "No space left", append_file("/dev/full", "x"));
}

TEST(File, FolderLock) {
  const TemporaryFolder folder;
  {
    const FolderLock lock(folder.path / "run");
    EXPECT_ERROR(locked, cat("pid ", ::getpid()), FolderLock(folder.path / "run"));
  }
  const FolderLock again(folder.path / "run");
  // Held by another process: refused; the holder dies without a word: free.
  int pipes[2];
  ASSERT_EQ(::pipe(pipes), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const FolderLock lock(folder.path / "other");
    if (::write(pipes[1], "x", 1) != 1) ::_exit(1);
    ::pause();
  }
  char c;
  ASSERT_EQ(::read(pipes[0], &c, 1), 1);
  EXPECT_ERROR(locked, cat("pid ", child), FolderLock(folder.path / "other"));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_EQ(error_of([&] { FolderLock(folder.path / "other"); }), "");
  ::close(pipes[0]), ::close(pipes[1]);
  EXPECT_ERROR(io, "", FolderLock(folder.put("plain", "x")));
}

}  // namespace
}  // namespace fr
