// Files on POSIX. Every system call is checked, interrupted calls are repeated, and a short write goes on
// where it stopped. Files are read with read(), never mapped: a file that shrinks while we read gives fewer
// bytes, not SIGBUS.
#include "base/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <ctime>
#include <utility>

#include "base/error.h"

namespace fr {
namespace {

[[noreturn]] void fail(const char* action, const fs::path& path, int error) {
  throw Error(ErrorKind::io, cat("cannot ", action, " ", path.string(), ": ", std::strerror(error)));
}

// A descriptor that closes itself; close() is for writers, who want to know whether it failed.
class File {
 public:
  File(const fs::path& path, int flags, const char* action) : path_(path) {
    do fd_ = ::open(path.c_str(), flags | O_CLOEXEC, 0666);
    while (fd_ < 0 && errno == EINTR);
    if (fd_ < 0) fail(action, path, errno);
  }
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  int fd() const { return fd_; }

  size_t read_some(void* to, size_t size) {
    ssize_t got;
    do got = ::read(fd_, to, size);
    while (got < 0 && errno == EINTR);
    if (got < 0) fail("read", path_, errno);
    return static_cast<size_t>(got);
  }

  void write_all(const void* bytes, size_t size) {
    auto* at = static_cast<const char*>(bytes);
    while (size > 0) {
      const ssize_t done = ::write(fd_, at, size);
      if (done < 0 && errno == EINTR) continue;
      if (done < 0) fail("write", path_, errno);
      at += done, size -= static_cast<size_t>(done);
    }
  }

  // A failed fsync may have dropped the dirty pages, so it is never repeated.
  void sync() {
    if (::fsync(fd_) != 0) fail("sync", path_, errno);
  }

  void close() {
    const int fd = std::exchange(fd_, -1);
    if (::close(fd) != 0 && errno != EINTR) fail("close", path_, errno);
  }

 private:
  fs::path path_;
  int fd_ = -1;
};

fs::path folder_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

// Makes names in the folder durable. A file system that cannot sync a folder answers EINVAL: nothing more can
// be done.
void sync_folder(const fs::path& folder) {
  File file(folder, O_RDONLY | O_DIRECTORY, "open folder");
  if (::fsync(file.fd()) != 0 && errno != EINVAL) fail("sync folder", folder, errno);
}

void make_folder(const fs::path& folder) {
  std::error_code ignored;
  if (folder.empty() || fs::is_directory(folder, ignored)) return;
  make_folder(folder.parent_path());
  if (::mkdir(folder.c_str(), 0777) == 0) return sync_folder(folder_of(folder));
  if (errno != EEXIST || !fs::is_directory(folder, ignored)) fail("create folder", folder, errno);
}

// "pid host start" of this process, for whoever finds the folder locked.
std::string describe_holder() {
  std::array<char, HOST_NAME_MAX + 1> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) std::strcpy(host.data(), "unknown");
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  std::array<char, 32> time{};
  std::strftime(time.data(), time.size(), "%Y-%m-%dT%H:%M:%SZ", &utc);
  return cat("pid ", ::getpid(), " on ", host.data(), " since ", time.data(), "\n");
}

std::string first_line(int fd) {
  std::array<char, 512> text{};
  const ssize_t got = ::pread(fd, text.data(), text.size(), 0);
  const std::string line(text.data(), got > 0 ? static_cast<size_t>(got) : 0);
  return got > 0 ? line.substr(0, line.find('\n')) : "an unknown process";
}

}  // namespace

std::vector<uint8_t> read_file(const fs::path& path, uint64_t limit) {
  File file(path, O_RDONLY, "open");
  struct stat info {};
  if (::fstat(file.fd(), &info) != 0) fail("examine", path, errno);
  const auto too_large = [&] {
    return Error(ErrorKind::data, cat(path.string(), ": larger than ", limit, " bytes"));
  };
  if (S_ISREG(info.st_mode) && static_cast<uint64_t>(info.st_size) > limit) throw too_large();
  // The size is only a hint (it may change, and is 0 for special files): the end is where read() says so.
  std::vector<uint8_t> bytes(
      static_cast<size_t>(info.st_size > 0 && S_ISREG(info.st_mode) ? info.st_size : 0) + 1);
  for (size_t used = 0;;) {
    if (used == bytes.size()) bytes.resize(2 * used + 4096);
    const size_t got = file.read_some(bytes.data() + used, bytes.size() - used);
    used += got;
    if (used > limit) throw too_large();
    if (got == 0) return bytes.resize(used), bytes;
  }
}

std::string read_text(const fs::path& path, uint64_t limit) {
  const std::vector<uint8_t> bytes = read_file(path, limit);
  return {bytes.begin(), bytes.end()};
}

void write_file_atomic(const fs::path& path, const std::function<void(const Sink&)>& produce) {
  make_folder(path.parent_path());
  const fs::path temporary = path.string() + cat(".tmp-", ::getpid());
  try {
    File file(temporary, O_WRONLY | O_CREAT | O_TRUNC, "create");
    produce([&](const void* bytes, size_t size) { file.write_all(bytes, size); });
    file.sync();
    file.close();
    if (::rename(temporary.c_str(), path.c_str()) != 0) fail("replace", path, errno);
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
  sync_folder(folder_of(path));
}

void write_file_atomic(const fs::path& path, std::string_view bytes) {
  write_file_atomic(path, [&](const Sink& sink) { sink(bytes.data(), bytes.size()); });
}

void append_file(const fs::path& path, std::string_view bytes) {
  make_folder(path.parent_path());
  File file(path, O_WRONLY | O_CREAT | O_APPEND, "open");
  file.write_all(bytes.data(), bytes.size());
  file.close();
}

FolderLock::FolderLock(const fs::path& folder) {
  make_folder(folder);
  const fs::path path = folder / "run.lock";
  do fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  while (fd_ < 0 && errno == EINTR);
  if (fd_ < 0) fail("open", path, errno);
  const auto give_up = [&](const Error& error) {
    ::close(fd_);
    throw error;
  };
  if (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
    const int error = errno;
    if (error == EWOULDBLOCK)
      give_up({ErrorKind::locked, cat(folder.string(), ": another process works here: ", first_line(fd_))});
    give_up({ErrorKind::io, cat("cannot lock ", path.string(), ": ", std::strerror(error))});
  }
  const std::string holder = describe_holder();
  if (::ftruncate(fd_, 0) != 0 || ::pwrite(fd_, holder.data(), holder.size(), 0) != ssize_t(holder.size()))
    give_up({ErrorKind::io, cat("cannot write ", path.string(), ": ", std::strerror(errno))});
}

// The file stays: removing it would let two processes lock two different files of the same name.
FolderLock::~FolderLock() {
  if (fd_ >= 0) ::close(fd_);
}

uint64_t fingerprint(std::string_view bytes, uint64_t start) {
  for (const char c : bytes) start = (start ^ static_cast<uint8_t>(c)) * 0x100000001b3u;
  return start;
}

namespace {

// Slicing by 8 (Kounavis and Berry 2005): kCrc[k][b] is the CRC of byte b followed by k zero bytes.
using CrcTables = std::array<std::array<uint32_t, 256>, 8>;
constexpr CrcTables make_crc_tables() {
  CrcTables tables{};
  for (uint32_t b = 0; b < 256; ++b) {
    uint32_t crc = b;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (crc & 1 ? 0x82F63B78u : 0u);
    tables[0][b] = crc;
  }
  for (size_t k = 1; k < 8; ++k)
    for (size_t b = 0; b < 256; ++b) {
      const uint32_t before = tables[k - 1][b];
      tables[k][b] = (before >> 8) ^ tables[0][before & 0xff];
    }
  return tables;
}
constexpr CrcTables kCrc = make_crc_tables();

uint32_t crc_by_table(uint32_t crc, const uint8_t* at, size_t size) {
  for (; size >= 8; at += 8, size -= 8) {
    const uint32_t low = crc ^ (at[0] | uint32_t{at[1]} << 8 | uint32_t{at[2]} << 16 | uint32_t{at[3]} << 24);
    crc = kCrc[7][low & 0xff] ^ kCrc[6][(low >> 8) & 0xff] ^ kCrc[5][(low >> 16) & 0xff] ^
          kCrc[4][low >> 24] ^ kCrc[3][at[4]] ^ kCrc[2][at[5]] ^ kCrc[1][at[6]] ^ kCrc[0][at[7]];
  }
  for (; size > 0; ++at, --size) crc = (crc >> 8) ^ kCrc[0][(crc ^ *at) & 0xff];
  return crc;
}

#if defined(__x86_64__)
// The instruction for this very polynomial.
__attribute__((target("sse4.2"))) uint32_t crc_by_instruction(uint32_t crc, const uint8_t* at, size_t size) {
  uint64_t wide = crc;
  for (; size >= 8; at += 8, size -= 8) {
    uint64_t word;
    std::memcpy(&word, at, 8);
    wide = __builtin_ia32_crc32di(wide, word);
  }
  crc = static_cast<uint32_t>(wide);
  for (; size > 0; ++at, --size) crc = __builtin_ia32_crc32qi(crc, *at);
  return crc;
}
#endif

}  // namespace

uint32_t crc32c(std::span<const uint8_t> bytes, uint32_t start) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("sse4.2")) return ~crc_by_instruction(~start, bytes.data(), bytes.size());
#endif
  return crc32c_by_table(bytes, start);
}
uint32_t crc32c_by_table(std::span<const uint8_t> bytes, uint32_t start) {
  return ~crc_by_table(~start, bytes.data(), bytes.size());
}

}  // namespace fr
