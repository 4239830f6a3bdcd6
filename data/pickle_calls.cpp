#include "data/pickle_calls.h"

#include <algorithm>
#include <array>

#include "base/error.h"

namespace fr::pickle {
namespace {

constexpr size_t kMostSizes = 2;  // every array has its own copy of its shape

enum Global : int64_t { kEncode, kReconstruct, kScalar, kFromBuffer, kNdarray, kDtype };

struct GlobalName {
  std::string_view module, name;
  Global global;
};
// numpy._core since numpy 2
constexpr std::array<GlobalName, 9> kGlobals = {{{"_codecs", "encode", kEncode},
                                                 {"numpy.core.multiarray", "_reconstruct", kReconstruct},
                                                 {"numpy._core.multiarray", "_reconstruct", kReconstruct},
                                                 {"numpy.core.multiarray", "scalar", kScalar},
                                                 {"numpy._core.multiarray", "scalar", kScalar},
                                                 {"numpy.core.numeric", "_frombuffer", kFromBuffer},
                                                 {"numpy._core.numeric", "_frombuffer", kFromBuffer},
                                                 {"numpy", "ndarray", kNdarray},
                                                 {"numpy", "dtype", kDtype}}};

bool is_string(const Value& v) { return v.kind == Kind::text || v.kind == Kind::bytes; }
bool is_string(const Value& v, std::string_view expected) { return is_string(v) && v.bytes == expected; }

void require(bool fits, const char* what) {
  if (!fits) refuse(cat(what, " of an unknown form"));
}

// UTF-8 whose code points are all below 256 -> one byte each.
std::string latin1(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<uint8_t>(text[i]);
    if (c < 0x80) {
      out += text[i];
      continue;
    }
    const bool two = (c == 0xc2 || c == 0xc3) && i + 1 < text.size() && (text[i + 1] & 0xc0) == 0x80;
    if (!two) refuse("text that is not Latin-1 in UTF-8");
    out += static_cast<char>((c & 3) << 6 | (text[++i] & 0x3f));
  }
  return out;
}

Value encode(Document& d, const std::vector<Value>& a, uint64_t file_size) {
  require(
      a.size() == 2 && a[0].kind == Kind::text && (is_string(a[1], "latin1") || is_string(a[1], "latin-1")),
      "_codecs.encode");
  d.decoded_bytes += a[0].bytes.size();
  if (d.decoded_bytes > file_size) refuse("more encoded text than the file has bytes");
  return {.kind = Kind::bytes, .bytes = d.decoded.emplace_back(latin1(a[0].bytes))};
}

Value new_array(Document& d, Kind kind, Array array) {
  if (d.arrays.size() >= kMaxObjects) refuse(cat("more than ", kMaxObjects, " arrays"));
  d.arrays.push_back(std::move(array));
  return {.kind = kind, .place = static_cast<uint32_t>(d.arrays.size() - 1)};
}

char type_of(const Document& d, const Value& dtype) {
  require(dtype.kind == Kind::dtype, "numpy dtype");
  return d.array(dtype).type;
}

Value dtype(Document& d, const std::vector<Value>& a) {
  require(a.size() == 3 && is_string(a[0]), "numpy.dtype");
  if (a[0].bytes != "u1" && a[0].bytes != "b1")
    refuse(cat("a numpy dtype '", std::string(a[0].bytes.substr(0, 16)), "': only u1 and b1 are read"));
  return new_array(d, Kind::dtype, {.type = a[0].bytes[0]});
}

// shape, dtype and data of an array; `array` becomes complete.
void fill(const Document& d, Array& array, const Value& shape, const Value& type, const Value& data) {
  require(shape.kind == Kind::tuple && data.kind == Kind::bytes, "numpy array");
  const std::vector<Value>& sizes = d.items(shape);
  require(sizes.size() <= kMostSizes, "numpy shape");
  array.type = type_of(d, type);
  array.data = data.bytes;
  uint64_t count = 1;
  for (const Value& size : sizes) {
    require(size.kind == Kind::integer && size.number >= 0, "numpy shape");
    if (__builtin_mul_overflow(count, static_cast<uint64_t>(size.number), &count))
      refuse("a numpy shape too large");
    array.shape.push_back(size.number);
  }
  if (count != data.bytes.size())
    refuse(cat("a numpy array of ", count, " elements in ", data.bytes.size(), " bytes"));
  array.complete = true;
}

Value from_buffer(Document& d, const std::vector<Value>& a) {
  require(a.size() == 4 && is_string(a[3], "C"), "numpy _frombuffer");
  Array array;
  fill(d, array, a[2], a[1], a[0]);
  return new_array(d, Kind::array, std::move(array));
}

Value scalar(const Document& d, const std::vector<Value>& a) {
  require(a.size() == 2 && a[1].kind == Kind::bytes && a[1].bytes.size() == 1, "numpy scalar");
  const auto value = static_cast<uint8_t>(a[1].bytes[0]);
  if (type_of(d, a[0]) == 'u') return {.kind = Kind::integer, .number = value};
  return {.kind = Kind::boolean, .number = value != 0};
}

}  // namespace

std::optional<Value> global(std::string_view module, std::string_view name) {
  for (const GlobalName& g : kGlobals)
    if (g.module == module && g.name == name) return Value{.kind = Kind::global, .number = g.global};
  return std::nullopt;
}

Value reduce(Document& d, const Value& callee, const Value& arguments, uint64_t file_size) {
  require(callee.kind == Kind::global && arguments.kind == Kind::tuple, "a call");
  const std::vector<Value>& a = d.items(arguments);
  switch (callee.number) {
    case kEncode:
      return encode(d, a, file_size);
    case kDtype:
      return dtype(d, a);
    case kScalar:
      return scalar(d, a);
    case kFromBuffer:
      return from_buffer(d, a);
    case kReconstruct:
      require(a.size() == 3 && a[0].kind == Kind::global && a[0].number == kNdarray, "numpy _reconstruct");
      return new_array(d, Kind::array, {});
    default:
      refuse("a call of numpy.ndarray");
  }
}

// dtype:  (3 or 4, '|', None, None, None, -1, -1, 0): a byte has no order, no fields
// array:  (1, shape, dtype, is_fortran, data)
void build(Document& d, const Value& object, const Value& state) {
  require((object.kind == Kind::dtype || object.kind == Kind::array) && state.kind == Kind::tuple, "a state");
  const std::vector<Value>& s = d.items(state);
  Array& array = d.arrays[object.place];
  if (array.complete) refuse("a second state of one object");
  if (object.kind == Kind::array) {
    require(s.size() == 5 && s[0].kind == Kind::integer && s[0].number == 1 && !is_string(s[3]) &&
                s[3].number == 0,
            "numpy state");
    return fill(d, array, s[1], s[2], s[4]);
  }
  const auto absent = [](const Value& v) { return v.kind == Kind::none; };
  require(s.size() >= 8 && is_string(s[1], "|") && std::all_of(s.begin() + 2, s.begin() + 5, absent),
          "numpy dtype state");
  array.complete = true;
}

}  // namespace fr::pickle
