// Files, so that nothing is lost: whole-file reads with real errors, and writes that appear complete or not
// at all (temporary name in the same folder, fsync, rename, fsync of the folder).
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fr {

namespace fs = std::filesystem;

// The whole file. Throws Error{io} naming the path and the reason; Error{data} when it is larger than `limit`
// bytes.
std::vector<uint8_t> read_file(const fs::path& path, uint64_t limit = uint64_t{1} << 32);
std::string read_text(const fs::path& path, uint64_t limit = uint64_t{1} << 28);

// Writes path.tmp-<pid>, syncs, renames over path, syncs the folder. On failure the old file is untouched,
// the temporary is removed and Error{io} names the path and the reason. Creates missing parent folders.
void write_file_atomic(const fs::path& path, std::string_view bytes);

// The same for content produced piece by piece: `produce` is handed a sink that appends.
using Sink = std::function<void(const void* bytes, size_t size)>;
void write_file_atomic(const fs::path& path, const std::function<void(const Sink&)>& produce);

// Appends one piece with a single write(); creates the file. Throws Error{io}.
void append_file(const fs::path& path, std::string_view bytes);

// An exclusive lock on a folder (flock on folder/run.lock; the kernel releases it when the process dies).
// Throws Error{locked} naming the holder (pid, host, start time), or Error{io} when the folder cannot be
// written.
class FolderLock {
 public:
  explicit FolderLock(const fs::path& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int fd_ = -1;
};

// FNV-1a, 64 bits: fingerprints of lists and configurations (not cryptographic).
uint64_t fingerprint(std::string_view bytes, uint64_t start = 0xcbf29ce484222325u);
// CRC-32C (Castagnoli), as used for the integrity of checkpoints. `start` chains calls.
uint32_t crc32c(std::span<const uint8_t> bytes, uint32_t start = 0);
uint32_t crc32c_by_table(std::span<const uint8_t> bytes, uint32_t start = 0);  // the same on any processor

}  // namespace fr
