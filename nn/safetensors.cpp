// Reading and writing safetensors.
#include "nn/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>

#include "nn/safetensors_layout.h"

namespace fr {

using namespace safetensors;

namespace {

static_assert(std::endian::native == std::endian::little, "safetensors: written for little-endian machines");

using nlohmann::json;

// ---- reading ----

float half_to_float(uint16_t h) {
  const uint32_t sign = uint32_t(h & 0x8000) << 16, exponent = (h >> 10) & 31, fraction = h & 0x3ff;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000 | (fraction << 13));
  const float magnitude = exponent == 0 ? float(fraction) * 0x1p-24f
                                        : std::bit_cast<float>(((exponent + 112) << 23) | (fraction << 13));
  return sign ? -magnitude : magnitude;
}

float bfloat_to_float(uint16_t h) { return std::bit_cast<float>(uint32_t(h) << 16); }

Tensor copied(const StoredTensor& s, Bytes bytes) {
  const StoredType& type =
      *std::find_if(std::begin(kTypes), std::end(kTypes), [&](const auto& t) { return s.type == t.name; });
  Tensor t(s.shape, type.becomes);
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
  const Layout layout = read_layout(bytes, file, limits);
  check_checksums(layout, file);
  Safetensors result{{}, layout.metadata};
  for (const StoredTensor& s : layout.tensors) result.tensors.emplace(s.name, copied(s, layout.bytes_of(s)));
  return result;
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
