// The reader trusts nothing: sizes are checked before they are used or added.
#include "nn/safetensors_layout.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

namespace fr::safetensors {

using nlohmann::json;

std::string quoted(const std::string& text) {
  return json(text).dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string hex8(uint32_t value) {
  char text[9];
  std::snprintf(text, sizeof text, "%08x", value);
  return text;
}

bool is_crc_key(const std::string& key) { return key == kCrc || key.rfind(std::string(kCrc) + ".", 0) == 0; }

std::string crc_key(const std::string& tensor) { return std::string(kCrc) + "." + tensor; }

// The CRC of the header with its own eight digits taken as zeros. `"crc32c":"` can only be a key: inside a
// JSON string the quotes would be escaped.
uint32_t header_crc(std::string header) {
  const std::string key = std::string("\"") + kCrc + "\":\"";
  const size_t at = header.find(key);
  if (at != std::string::npos)
    for (size_t i = at + key.size(); i < at + key.size() + 8 && i < header.size(); ++i) header[i] = '0';
  return crc32c({reinterpret_cast<const uint8_t*>(header.data()), header.size()});
}

namespace {

constexpr size_t kLengthBytes = 8, kMaxDepth = 4;

void check_crc(const std::string& file, const std::string& expected, uint32_t computed,
               const std::string& what) {
  if (expected != hex8(computed))
    throw Error(ErrorKind::data, cat(file, ": ", what, " is damaged: expected CRC-32C ", quoted(expected),
                                     ", got ", hex8(computed)));
}

class LayoutReader {
 public:
  LayoutReader(Bytes file, const std::string& name, const SafetensorsLimits& limits)
      : file_(file), name_(name), limits_(limits) {}

  Layout run() {
    split();
    const json header = parse_header();
    for (const auto& [key, value] : header.items()) {
      if (key == kMetadata)
        layout_.metadata = metadata(value);
      else
        layout_.tensors.push_back(entry(key, value));
    }
    check_offsets();
    take_checksums();
    return std::move(layout_);
  }

 private:
  template <class... A>
  [[noreturn]] void fail(const A&... what) const {
    throw Error(ErrorKind::data, cat(name_, ": ", what...));
  }
  template <class... A>
  void require(bool ok, const A&... what) const {
    if (!ok) fail(what...);
  }

  void split() {
    require(file_.size() >= kLengthBytes, "safetensors: expected at least 8 bytes, got ", file_.size());
    uint64_t N;
    std::memcpy(&N, file_.data(), sizeof N);
    require(N <= limits_.header_bytes, "safetensors: expected a header of at most ", limits_.header_bytes,
            " bytes, got ", N);
    require(N <= file_.size() - kLengthBytes, "safetensors: the header claims ", N, " bytes, the file has ",
            file_.size() - kLengthBytes, " left");
    header_.assign(reinterpret_cast<const char*>(file_.data()) + kLengthBytes, N);
    layout_.data = file_.subspan(kLengthBytes + N);
    const size_t last = header_.find_last_not_of(' ');
    require(!header_.empty() && header_[0] == '{' && last != std::string::npos && header_[last] == '}',
            "safetensors: expected a header {...} followed by spaces only");
  }

  // Strict JSON without duplicate keys and without deep nesting.
  json parse_header() const {
    std::vector<std::set<std::string>> keys;  // of the objects and arrays now open
    const auto watch = [&](int, json::parse_event_t event, json& parsed) {
      using E = json::parse_event_t;
      if (event == E::object_start || event == E::array_start) {
        require(keys.size() < kMaxDepth, "safetensors: the header is nested deeper than ", kMaxDepth);
        keys.emplace_back();
      } else if (event == E::object_end || event == E::array_end) {
        keys.pop_back();
      } else if (event == E::key) {
        const std::string& key = parsed.get_ref<const std::string&>();
        require(keys.back().insert(key).second, "safetensors: the key ", quoted(key), " appears twice");
      }
      return true;
    };
    try {
      return json::parse(header_, watch);
    } catch (const json::exception& e) {
      fail("safetensors: the header is not JSON: ", e.what());
    }
  }

  Metadata metadata(const json& value) const {
    require(value.is_object(), "safetensors: expected ", kMetadata, " to be an object");
    Metadata result;
    for (const auto& [key, text] : value.items()) {
      require(text.is_string(), "safetensors: expected metadata ", quoted(key), " to be a string");
      result.emplace(key, text.get<std::string>());
    }
    return result;
  }

  uint64_t integer(const std::string& tensor, const char* field, const json& value) const {
    require(
        value.is_number_unsigned() && value.get<uint64_t>() <= uint64_t(std::numeric_limits<int64_t>::max()),
        "tensor ", quoted(tensor), ": expected integers from 0 to 2^63-1 in ", field, ", got ", value.dump());
    return value.get<uint64_t>();
  }

  StoredTensor entry(const std::string& name, const json& value) const {
    require(layout_.tensors.size() < limits_.tensors, "safetensors: expected at most ", limits_.tensors,
            " tensors");
    require(name.size() <= limits_.name_bytes && name.find('\0') == std::string::npos, "tensor ",
            quoted(name.substr(0, 64)), ": expected a name of at most ", limits_.name_bytes,
            " bytes without NUL");
    require(value.is_object() && value.size() == 3 && value.contains("dtype") && value.contains("shape") &&
                value.contains("data_offsets"),
            "tensor ", quoted(name), ": expected exactly dtype, shape and data_offsets");
    const json &type = value["dtype"], &shape = value["shape"], &offsets = value["data_offsets"];
    require(type.is_string(), "tensor ", quoted(name), ": expected dtype to be a string");
    require(shape.is_array() && shape.size() <= limits_.rank, "tensor ", quoted(name),
            ": expected a shape of at most ", limits_.rank, " sizes");
    require(offsets.is_array() && offsets.size() == 2, "tensor ", quoted(name),
            ": expected two data_offsets");
    StoredTensor s{name, type.get<std::string>(), {}, 0, 0};
    for (const json& size : shape) s.shape.push_back(int64_t(integer(name, "shape", size)));
    s.begin = integer(name, "data_offsets", offsets[0]);
    s.end = integer(name, "data_offsets", offsets[1]);
    check_size(s);
    return s;
  }

  const StoredType& type_of(const StoredTensor& s) const {
    for (const StoredType& type : kTypes)
      if (s.type == type.name) return type;
    fail("tensor ", quoted(s.name), ": expected dtype F32, F64, I64, F16 or BF16, got ", quoted(s.type));
  }

  void check_size(const StoredTensor& s) const {
    uint64_t bytes = type_of(s).size;
    for (int64_t size : s.shape)
      require(!__builtin_mul_overflow(bytes, uint64_t(size), &bytes), "tensor ", quoted(s.name),
              ": the shape ", to_string(s.shape), " overflows");
    require(s.begin <= s.end && s.end - s.begin == bytes, "tensor ", quoted(s.name), ": ", s.type, " ",
            to_string(s.shape), " needs ", bytes, " bytes, data_offsets are [", s.begin, ",", s.end, "]");
  }

  // The tensors, in order of offset, cover the data exactly.
  void check_offsets() {
    std::sort(layout_.tensors.begin(), layout_.tensors.end(),
              [](const StoredTensor& a, const StoredTensor& b) {
                return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
              });
    uint64_t at = 0;
    for (const StoredTensor& s : layout_.tensors) {
      require(s.begin == at, "tensor ", quoted(s.name), ": expected data at offset ", at, ", got ", s.begin,
              s.begin < at ? " (overlap)" : " (hole)");
      at = s.end;
    }
    require(at == layout_.data.size(), "safetensors: the tensors end at ", at, ", the file holds ",
            layout_.data.size(), " bytes of data");
  }

  // The header's own checksum is verified, those of the tensors are kept for check_checksums().
  void take_checksums() {
    const Metadata& all = layout_.metadata;
    const auto present =
        size_t(std::count_if(all.begin(), all.end(), [](const auto& p) { return is_crc_key(p.first); }));
    if (present == 0) return;
    check_crc(name_, checksum(kCrc, "the header"), header_crc(header_), "the header");
    for (const StoredTensor& s : layout_.tensors)
      layout_.checksums.emplace_back(s.name, checksum(crc_key(s.name), "tensor " + quoted(s.name)));
    require(present == layout_.tensors.size() + 1, "safetensors: expected ", layout_.tensors.size() + 1,
            " checksums, got ", present);
    std::erase_if(layout_.metadata, [](const auto& pair) { return is_crc_key(pair.first); });
  }

  std::string checksum(const std::string& key, const std::string& what) const {
    const auto found = layout_.metadata.find(key);
    require(found != layout_.metadata.end(), what, ": its checksum is missing");
    return found->second;
  }

  Bytes file_;
  std::string name_, header_;
  SafetensorsLimits limits_;
  Layout layout_;
};

}  // namespace

Layout read_layout(Bytes bytes, const std::string& file, const SafetensorsLimits& limits) {
  return LayoutReader(bytes, file, limits).run();
}

void check_checksums(const Layout& layout, const std::string& file) {
  for (size_t i = 0; i < layout.checksums.size(); ++i)
    check_crc(file, layout.checksums[i].second, crc32c(layout.bytes_of(layout.tensors[i])),
              "tensor " + quoted(layout.checksums[i].first));
}

}  // namespace fr::safetensors
