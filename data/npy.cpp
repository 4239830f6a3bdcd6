#include "data/npy.h"

#include <cstring>
#include <regex>
#include <string>

#include "base/error.h"
#include "base/file.h"

namespace fr {
namespace {

using namespace std::string_literals;
const std::string kMagic = "\x93NUMPY\x01\x00"s;  // magic, version 1.0
constexpr size_t kStart = 10, kAlign = 64;        // magic, version and the 16-bit header length

std::string make_header(int64_t rows, int64_t columns) {
  std::string dictionary =
      cat("{'descr': '<f4', 'fortran_order': False, 'shape': (", rows, ", ", columns, "), }");
  dictionary.append(kAlign - 1 - (kStart + dictionary.size()) % kAlign, ' ');
  dictionary += '\n';
  const size_t length = dictionary.size();
  return kMagic + static_cast<char>(length & 0xff) + static_cast<char>(length >> 8) + dictionary;
}

}  // namespace

void write_npy(const fs::path& path, const float* values, int64_t rows, int64_t columns) {
  FR_CHECK(rows >= 0 && columns >= 0, "write_npy: a shape of (", rows, ", ", columns, ")");
  const std::string header = make_header(rows, columns);
  write_file_atomic(path, [&](const Sink& sink) {
    sink(header.data(), header.size());
    sink(values, size_t(rows) * size_t(columns) * sizeof(float));
  });
}

Matrix read_npy(const fs::path& path) {
  const auto refuse = [&](const std::string& reason) {
    throw Error(ErrorKind::data, cat(path.string(), ": not a float32 matrix in .npy: ", reason));
  };
  const std::vector<uint8_t> bytes = read_file(path, uint64_t{1} << 40);
  if (bytes.size() < kStart || std::memcmp(bytes.data(), kMagic.data(), 8) != 0)
    refuse("no header of version 1.0");
  const size_t start = kStart + bytes[8] + size_t{bytes[9]} * 256;
  if (bytes.size() < start) refuse("the header is cut off");
  if (start > 1024) refuse("a header longer than 1024 bytes");
  const std::string header(bytes.begin() + kStart, bytes.begin() + static_cast<std::ptrdiff_t>(start));

  static const std::regex kForm(
      R"(\{'descr': '<f4', 'fortran_order': False, 'shape': \((\d{1,12}), (\d{1,12})\), \} *\n)");
  std::smatch shape;
  if (!std::regex_match(header, shape, kForm))
    refuse("expected '<f4', C order, two dimensions; got " + header);
  Matrix m{std::stoll(shape[1]), std::stoll(shape[2]), {}};
  const uint64_t payload = bytes.size() - start;
  const auto count = static_cast<unsigned __int128>(m.rows) * static_cast<unsigned __int128>(m.columns);
  if (count * sizeof(float) != payload)
    refuse(cat("shape (", m.rows, ", ", m.columns, ") but ", payload, " bytes"));
  m.values.resize(static_cast<size_t>(count));
  if (payload > 0) std::memcpy(m.values.data(), bytes.data() + start, payload);
  return m;
}

}  // namespace fr
