// Pickles written by hand, opcode by opcode.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace fr {

inline std::string little_endian(uint64_t value, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i));
  return out;
}

inline std::string proto(int version) { return std::string("\x80") + static_cast<char>(version); }

// A string with its length in 1, 4 or 8 bytes behind the opcode.
inline std::string sized(char opcode, int bytes, std::string_view text) {
  return opcode + little_endian(text.size(), bytes) + std::string(text);
}
inline std::string short_bytes(std::string_view text) { return sized('C', 1, text); }
inline std::string unicode(std::string_view text) { return sized('X', 4, text); }
inline std::string global(const std::string& module, const std::string& name) {
  return "c" + module + "\n" + name + "\n";
}

inline std::string list_of(const std::vector<std::string>& items) {
  std::string out = "](";
  for (const std::string& item : items) out += item;
  return out + "e";
}

inline const std::string kTrue = "\x88", kFalse = "\x89", kPair = "\x86";

// (pictures, flags) of the given protocol
inline std::string set_of(int version, const std::vector<std::string>& pictures,
                          const std::vector<std::string>& flags) {
  return proto(version) + list_of(pictures) + list_of(flags) + kPair + ".";
}

// As numpy writes an array of one byte an element: _reconstruct(ndarray, (0,), b'b') and the state (1, shape, dtype, False, data).
inline std::string numpy_dtype(const std::string& type) {
  return global("numpy", "dtype") + unicode(type) + "\x89\x88\x87R(K\x03" + unicode("|") +
         "NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK" + std::string(1, '\0') + "tb";
}
inline std::string numpy_array(const std::string& shape, const std::string& type, const std::string& data,
                               const std::string& module = "numpy.core.multiarray") {
  return global(module, "_reconstruct") + global("numpy", "ndarray") + "K" + std::string(1, '\0') + "\x85" +
         short_bytes("b") + "\x87R(K\x01" + shape + numpy_dtype(type) + kFalse + data + "tb";
}
inline std::string numpy_scalar(const std::string& type, char value) {
  return global("numpy.core.multiarray", "scalar") + numpy_dtype(type) + short_bytes(std::string(1, value)) +
         "\x86R";
}
// bytes of Python 3 in protocol 2: _codecs.encode(text, 'latin1')
inline std::string latin1_bytes(std::string_view utf8) {
  return global("_codecs", "encode") + unicode(utf8) + unicode("latin1") + "\x86R";
}

}  // namespace fr
