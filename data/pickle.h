// Python pickles, read as data. A stack machine of numbers, strings, lists and tuples: no name in the file is ever looked up and
// nothing is called. Three calls that writers of verification sets cannot avoid are understood by their names and arguments:
//   _codecs.encode(text, 'latin1')                        bytes of Python 3 saved with protocol 2
//   numpy ... _reconstruct + state, numpy ... _frombuffer  arrays of u1 and b1
//   numpy ... scalar                                       single values of u1 and b1
// Protocols 2 to 5; opcodes as in pickletools of CPython.
#pragma once
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fr::pickle {

enum class Kind : uint8_t { none, boolean, integer, bytes, text, list, tuple, array, dtype, global };

// Bytes and text point into the file or into Document::decoded. Lists, tuples and arrays are places in the document.
struct Value {
  Kind kind = Kind::none;
  uint32_t place = 0;  // of a list or tuple: in `sequences`; of an array or dtype: in `arrays`
  int64_t number = 0;  // of a boolean (0, 1), integer or global
  std::string_view bytes = {};
};

struct Sequence {
  std::vector<Value> items;
  int depth = 1;        // 1 + the largest depth of an item
  bool sealed = false;  // held by another value: it may not change any more, so nothing can hold itself
};

// A numpy array, or a dtype (without shape and data).
struct Array {
  char type = 0;  // 'u': bytes, 'b': booleans
  std::vector<int64_t> shape = {};
  std::string_view data = {};  // product(shape) bytes, C order
  bool complete = false;       // it has its state
};

struct Document {
  Value value;
  std::deque<Sequence> sequences;
  std::deque<Array> arrays;
  std::deque<std::string> decoded;
  uint64_t decoded_bytes = 0;

  const std::vector<Value>& items(const Value& v) const { return sequences[v.place].items; }
  const Array& array(const Value& v) const { return arrays[v.place]; }
  bool is_sequence(const Value& v) const { return v.kind == Kind::list || v.kind == Kind::tuple; }
};

// The limits of what is read; the largest sets of pairs use a hundredth of them.
constexpr uint64_t kMaxOpcodes = 10'000'000, kMaxMemo = 4'000'000, kMaxString = uint64_t{64} << 20;
constexpr uint64_t kMaxStack = 1'000'000, kMaxObjects = 1'000'000;
constexpr int kMaxDepth = 8;

// `bytes` must outlive the document. Throws Error{data} "name: ... at offset P" for an opcode or a call that is not understood
// (and says so when the file would run code under Python), a cut-off or overlong file, and everything beyond the limits.
Document read(std::span<const uint8_t> bytes, const std::string& name);

}  // namespace fr::pickle
