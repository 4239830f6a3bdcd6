// Reading and writing safetensors. The reader trusts nothing: sizes are checked before they are used or
// added.
#include "nn/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

namespace fr {

namespace {

static_assert(std::endian::native == std::endian::little, "safetensors: written for little-endian machines");

using nlohmann::json;
using Bytes = std::span<const uint8_t>;

constexpr char kMetadata[] = "__metadata__";
constexpr char kCrc[] = "crc32c";
constexpr size_t kLengthBytes = 8, kAlignment = 8, kMaxDepth = 4;

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

// ---- reading ----

struct Stored {
  std::string name, type;
  Shape shape;
  uint64_t begin = 0, end = 0;
};

struct StoredType {
  const char* name;
  size_t size;
  DType becomes;
};
constexpr StoredType kTypes[] = {{"F32", 4, DType::float32},
                                 {"F64", 8, DType::float64},
                                 {"I64", 8, DType::int64},
                                 {"F16", 2, DType::float32},
                                 {"BF16", 2, DType::float32}};

float half_to_float(uint16_t h) {
  const uint32_t sign = uint32_t(h & 0x8000) << 16, exponent = (h >> 10) & 31, fraction = h & 0x3ff;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000 | (fraction << 13));
  const float magnitude = exponent == 0 ? float(fraction) * 0x1p-24f
                                        : std::bit_cast<float>(((exponent + 112) << 23) | (fraction << 13));
  return sign ? -magnitude : magnitude;
}

float bfloat_to_float(uint16_t h) { return std::bit_cast<float>(uint32_t(h) << 16); }

class Reader {
 public:
  Reader(Bytes file, const std::string& name, const SafetensorsLimits& limits)
      : file_(file), name_(name), limits_(limits) {}

  Safetensors run() {
    split();
    const json header = parse_header();
    Safetensors result;
    for (const auto& [key, value] : header.items()) {
      if (key == kMetadata)
        result.metadata = metadata(value);
      else
        stored_.push_back(entry(key, value));
    }
    check_offsets();
    check_integrity(result.metadata);
    for (const Stored& s : stored_) result.tensors.emplace(s.name, tensor(s));
    std::erase_if(result.metadata, [](const auto& pair) { return is_crc_key(pair.first); });
    return result;
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
    data_ = file_.subspan(kLengthBytes + N);
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

  Stored entry(const std::string& name, const json& value) const {
    require(stored_.size() < limits_.tensors, "safetensors: expected at most ", limits_.tensors, " tensors");
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
    Stored s{name, type.get<std::string>(), {}, 0, 0};
    for (const json& size : shape) s.shape.push_back(int64_t(integer(name, "shape", size)));
    s.begin = integer(name, "data_offsets", offsets[0]);
    s.end = integer(name, "data_offsets", offsets[1]);
    check_size(s);
    return s;
  }

  const StoredType& type_of(const Stored& s) const {
    for (const StoredType& type : kTypes)
      if (s.type == type.name) return type;
    fail("tensor ", quoted(s.name), ": expected dtype F32, F64, I64, F16 or BF16, got ", quoted(s.type));
  }

  void check_size(const Stored& s) const {
    uint64_t bytes = type_of(s).size;
    for (int64_t size : s.shape)
      require(!__builtin_mul_overflow(bytes, uint64_t(size), &bytes), "tensor ", quoted(s.name),
              ": the shape ", to_string(s.shape), " overflows");
    require(s.begin <= s.end && s.end - s.begin == bytes, "tensor ", quoted(s.name), ": ", s.type, " ",
            to_string(s.shape), " needs ", bytes, " bytes, data_offsets are [", s.begin, ",", s.end, "]");
  }

  // The tensors, in order of offset, cover the data exactly.
  void check_offsets() {
    std::sort(stored_.begin(), stored_.end(), [](const Stored& a, const Stored& b) {
      return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
    });
    uint64_t at = 0;
    for (const Stored& s : stored_) {
      require(s.begin == at, "tensor ", quoted(s.name), ": expected data at offset ", at, ", got ", s.begin,
              s.begin < at ? " (overlap)" : " (hole)");
      at = s.end;
    }
    require(at == data_.size(), "safetensors: the tensors end at ", at, ", the file holds ", data_.size(),
            " bytes of data");
  }

  Bytes bytes_of(const Stored& s) const { return data_.subspan(s.begin, s.end - s.begin); }

  void check_integrity(const Metadata& all) const {
    const size_t present =
        size_t(std::count_if(all.begin(), all.end(), [](const auto& p) { return is_crc_key(p.first); }));
    if (present == 0) return;
    check_crc(all, kCrc, header_crc(header_), "the header");
    for (const Stored& s : stored_)
      check_crc(all, crc_key(s.name), crc32c(bytes_of(s)), "tensor " + quoted(s.name));
    require(present == stored_.size() + 1, "safetensors: expected ", stored_.size() + 1, " checksums, got ",
            present);
  }

  void check_crc(const Metadata& all, const std::string& key, uint32_t computed,
                 const std::string& what) const {
    const auto found = all.find(key);
    require(found != all.end(), what, ": its checksum is missing");
    require(found->second == hex8(computed), what, " is damaged: expected CRC-32C ", quoted(found->second),
            ", got ", hex8(computed));
  }

  Tensor tensor(const Stored& s) const {
    const StoredType& type = type_of(s);
    Tensor t(s.shape, type.becomes);
    const Bytes bytes = bytes_of(s);
    if (bytes.empty()) return t;
    if (type.size != 2) {
      std::memcpy(static_cast<void*>(t.data()), bytes.data(), bytes.size());
      return t;
    }
    float* values = t.data();
    for (size_t i = 0; i < bytes.size() / 2; ++i) {
      uint16_t h;
      std::memcpy(&h, bytes.data() + 2 * i, 2);
      values[i] = s.type == "F16" ? half_to_float(h) : bfloat_to_float(h);
    }
    return t;
  }

  Bytes file_, data_;
  std::string name_, header_;
  SafetensorsLimits limits_;
  std::vector<Stored> stored_;
};

// ---- writing ----

using Entry = std::pair<std::string, Tensor>;

const char* stored_name(DType type) {
  for (const StoredType& t : kTypes)
    if (t.becomes == type) return t.name;
  return "";
}

Bytes bytes_of(const Tensor& t) {
  return {static_cast<const uint8_t*>(static_cast<void*>(t.data())), t.bytes()};
}

void check_writable(const NamedTensors& tensors, const Metadata& metadata) {
  const SafetensorsLimits limits;
  FR_CHECK(tensors.size() <= limits.tensors, "safetensors: expected at most ", limits.tensors,
           " tensors, got ", tensors.size());
  for (const auto& [name, t] : tensors) {
    FR_CHECK(name != kMetadata && name.size() <= limits.name_bytes && name.find('\0') == std::string::npos,
             "safetensors: cannot write a tensor called ", quoted(name));
    FR_CHECK(t && size_t(t.rank()) <= limits.rank, "safetensors: tensor ", quoted(name), " is ",
             t ? "of rank " + std::to_string(t.rank()) : "empty");
  }
  for (const auto& [key, value] : metadata)
    FR_CHECK(!is_crc_key(key), "safetensors: the metadata key ", quoted(key), " is reserved");
}

std::vector<Entry> in_file_order(const NamedTensors& tensors) {
  std::vector<Entry> entries;  // in the memory of the host, as float32 what is bfloat16
  for (const auto& [name, t] : tensors) entries.emplace_back(name, t.to(Device::cpu).to(wide(t.dtype())));
  std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return element_size(a.second.dtype()) > element_size(b.second.dtype());
  });
  return entries;
}

std::string header_of(const std::vector<Entry>& entries, Metadata metadata, Integrity integrity) {
  using nlohmann::ordered_json;
  if (integrity == Integrity::crc32c) {
    metadata[kCrc] = hex8(0);
    for (const Entry& e : entries) metadata[crc_key(e.first)] = hex8(crc32c(bytes_of(e.second)));
  }
  uint64_t at = 0;
  std::string text = "{";
  const auto append = [&](const std::string& name, const ordered_json& value) {
    if (text.size() > 1) text += ',';
    text += ordered_json(name).dump() + ":" + value.dump();
  };
  if (!metadata.empty()) append(kMetadata, json(metadata));
  for (const auto& [name, t] : entries) {
    append(name,
           {{"dtype", stored_name(t.dtype())}, {"shape", t.shape()}, {"data_offsets", {at, at + t.bytes()}}});
    at += t.bytes();
  }
  text += '}';
  text.resize((text.size() + kAlignment - 1) / kAlignment * kAlignment, ' ');
  if (integrity == Integrity::crc32c) {
    const std::string key = std::string("\"") + kCrc + "\":\"";
    text.replace(text.find(key) + key.size(), 8, hex8(header_crc(text)));
  }
  return text;
}

}  // namespace

Safetensors parse_safetensors(Bytes bytes, const std::string& file, const SafetensorsLimits& limits) {
  return Reader(bytes, file, limits).run();
}

Safetensors read_safetensors(const fs::path& path, const SafetensorsLimits& limits) {
  return parse_safetensors(read_file(path, limits.file_bytes), path.string(), limits);
}

void write_safetensors(const fs::path& path, const NamedTensors& tensors, const Metadata& metadata,
                       Integrity integrity) {
  check_writable(tensors, metadata);
  const std::vector<Entry> entries = in_file_order(tensors);
  std::string header;
  try {
    header = header_of(entries, metadata, integrity);
  } catch (const json::exception& e) {
    FR_CHECK(false, "safetensors: names and metadata must be UTF-8: ", e.what());
  }
  FR_CHECK(header.size() <= SafetensorsLimits().header_bytes, "safetensors: the header of ", header.size(),
           " bytes exceeds ", SafetensorsLimits().header_bytes);
  write_file_atomic(path, [&](const Sink& sink) {
    const uint64_t N = header.size();
    sink(&N, sizeof N);
    sink(header.data(), header.size());
    for (const Entry& e : entries) sink(bytes_of(e.second).data(), e.second.bytes());
  });
}

}  // namespace fr
