// Named tensors in one file: the safetensors format, read strictly and written atomically.
//   u64 N | N bytes of JSON | data to the end of the file, little-endian, no holes
//   {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]}, ..., "__metadata__": {"key": "value"}}
// Read: F32, F64, I64, and F16, BF16 widened to float. Other types are refused by name.
//
// Integrity. Any reader of the format can read our files; ours also finds damage. The writer adds metadata
//   "crc32c.<tensor>"  CRC-32C of the tensor's bytes, eight hexadecimal digits
//   "crc32c"           CRC-32C of the N header bytes with these eight digits as '0'
// and a reader that meets any key of this kind requires and verifies them all, then hides them. So every
// change of a single bit is found, except inside the word "crc32c" of a file without tensors, where it reads
// as other metadata.
#pragma once
#include <map>
#include <span>
#include <string>

#include "base/file.h"
#include "nn/state.h"

namespace fr {

using Metadata = std::map<std::string, std::string>;

struct Safetensors {
  NamedTensors tensors;
  Metadata metadata;
};

struct SafetensorsLimits {
  uint64_t file_bytes = uint64_t{1} << 40;
  uint64_t header_bytes = uint64_t{16} << 20;  // the format allows 100,000,000
  size_t tensors = 100000;
  size_t rank = 8;
  size_t name_bytes = 1024;
};

// Throws Error{data} naming the file, the tensor, what was expected and what was found; Error{io} when
// unreadable.
Safetensors read_safetensors(const fs::path& path, const SafetensorsLimits& limits = {});
// The same from memory; `file` is the name used in messages.
Safetensors parse_safetensors(std::span<const uint8_t> bytes, const std::string& file,
                              const SafetensorsLimits& limits = {});

enum class Integrity { none, crc32c };
// Sorted by element size (largest first), then by name; the data begin at a multiple of eight bytes. Throws
// std::invalid_argument for names or metadata that could not be read back, Error{io} when writing fails.
void write_safetensors(const fs::path& path, const NamedTensors& tensors, const Metadata& metadata = {},
                       Integrity integrity = Integrity::crc32c);

}  // namespace fr
