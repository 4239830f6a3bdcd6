#include "data/pickle.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "base/error.h"
#include "data/pickle_calls.h"
#include "data/pickle_opcodes.h"

namespace fr::pickle {
namespace {

std::string hex(uint8_t byte) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  return {'0', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
}

class Machine {
 public:
  Machine(std::span<const uint8_t> bytes, const std::string& name) : bytes_(bytes), name_(name) {}

  Document run() {
    try {
      return execute();
    } catch (const Refusal& r) {
      throw Error(ErrorKind::data, cat(name_, ": ", r.reason, " at offset ", opcode_at_));
    }
  }

 private:
  Document execute();
  bool step(uint8_t op);         // what the file is made of; false: another opcode
  bool step_string(uint8_t op);  // strings
  bool step_memo(uint8_t op);
  bool step_call(uint8_t op);
  void push_global(uint8_t op, std::string_view module, std::string_view name);
  [[noreturn]] void unsupported(uint8_t op, const std::string& what = "") const;

  uint64_t left() const { return bytes_.size() - at_; }
  std::string_view take(uint64_t size) {
    if (size > left()) refuse(cat("the file is cut off: ", size, " bytes expected, ", left(), " left"));
    at_ += size;
    return {reinterpret_cast<const char*>(bytes_.data()) + at_ - size, static_cast<size_t>(size)};
  }
  uint64_t unsigned_number(int size) {
    uint64_t value = 0;
    const std::string_view digits = take(uint64_t(size));
    for (int i = 0; i < size; ++i) value |= uint64_t{static_cast<uint8_t>(digits[size_t(i)])} << (8 * i);
    return value;
  }
  int64_t signed_number(int size);
  std::string_view line();

  void push(Value v) {
    if (stack_.size() + marks_.size() >= kMaxStack)
      refuse(cat("more than ", kMaxStack, " values on the stack"));
    stack_.push_back(v);
  }
  Value pop() {
    if (stack_.size() <= bottom()) refuse("a value is taken from an empty stack");
    const Value v = stack_.back();
    stack_.pop_back();
    return v;
  }
  const Value& top() const {
    if (stack_.size() <= bottom()) refuse("a value is read from an empty stack");
    return stack_.back();
  }
  size_t bottom() const { return marks_.empty() ? 0 : marks_.back(); }
  size_t pop_mark() {
    if (marks_.empty()) refuse("a mark is missing");
    const size_t mark = marks_.back();
    marks_.pop_back();
    return mark;
  }

  void push_string(Kind kind, uint64_t size) {
    if (size > kMaxString) refuse(cat("a string of ", size, " bytes, at most ", kMaxString));
    push({.kind = kind, .bytes = take(size)});
  }
  void push_sequence(Kind kind, size_t first);  // of the values from `first` on
  void push_tuple(size_t size) {
    if (stack_.size() < bottom() + size) refuse("a value is taken from an empty stack");
    push_sequence(Kind::tuple, stack_.size() - size);
  }
  void append_from(size_t first);                 // to the list below them
  void extend(Sequence& sequence, size_t first);  // moves the values from `first` on
  void remember(uint64_t key);
  void recall(uint64_t key);

  std::span<const uint8_t> bytes_;
  const std::string& name_;
  uint64_t at_ = 0, opcode_at_ = 0;
  Document document_;
  std::vector<Value> stack_;
  std::vector<size_t> marks_;  // where the stack stood
  std::map<uint64_t, Value>
      memo_;  // the file chooses the keys: no vector, and no hash that it could choose them for
};

int64_t Machine::signed_number(int size) {
  if (size > 8) refuse(cat("an integer of ", size, " bytes, at most 8"));
  if (size == 0) return 0;
  const int unused = 64 - 8 * size;
  return static_cast<int64_t>(unsigned_number(size) << unused) >> unused;
}

std::string_view Machine::line() {
  const auto rest = bytes_.subspan(at_, std::min<uint64_t>(left(), 257));
  const auto end = std::find(rest.begin(), rest.end(), '\n');
  if (end == rest.end()) refuse("a name without an end");
  std::string_view text = take(uint64_t(end - rest.begin()) + 1);
  text.remove_suffix(1);
  return text;
}

void Machine::extend(Sequence& sequence, size_t first) {
  for (size_t i = first; i < stack_.size(); ++i) {
    const Value& v = stack_[i];
    if (!document_.is_sequence(v)) continue;
    Sequence& item = document_.sequences[v.place];
    item.sealed = true;
    sequence.depth = std::max(sequence.depth, item.depth + 1);
  }
  if (sequence.sealed) refuse("a list that changes after it was stored");
  if (sequence.depth > kMaxDepth) refuse(cat("lists nested deeper than ", kMaxDepth));
  sequence.items.insert(sequence.items.end(), stack_.begin() + std::ptrdiff_t(first), stack_.end());
  stack_.resize(first);
}

void Machine::push_sequence(Kind kind, size_t first) {
  if (document_.sequences.size() >= kMaxObjects) refuse(cat("more than ", kMaxObjects, " lists"));
  extend(document_.sequences.emplace_back(), first);
  push({.kind = kind, .place = static_cast<uint32_t>(document_.sequences.size() - 1)});
}

void Machine::append_from(size_t first) {
  if (first <= bottom() || stack_[first - 1].kind != Kind::list)
    refuse("an item is appended to what is no list");
  extend(document_.sequences[stack_[first - 1].place], first);
}

void Machine::remember(uint64_t key) {
  if (memo_.size() >= kMaxMemo) refuse(cat("more than ", kMaxMemo, " values remembered"));
  memo_[key] = top();
}

void Machine::recall(uint64_t key) {
  const auto found = memo_.find(key);
  if (found == memo_.end()) refuse(cat("value ", key, " was never remembered"));
  push(found->second);
}

bool Machine::step(uint8_t op) {
  switch (op) {
    case kMark:
      if (stack_.size() + marks_.size() >= kMaxStack)
        refuse(cat("more than ", kMaxStack, " values on the stack"));
      return marks_.push_back(stack_.size()), true;
    case kEmptyList:
      return push_sequence(Kind::list, stack_.size()), true;
    case kEmptyTuple:
      return push_tuple(0), true;
    case kTuple1:
      return push_tuple(1), true;
    case kTuple2:
      return push_tuple(2), true;
    case kTuple3:
      return push_tuple(3), true;
    case kList:
      return push_sequence(Kind::list, pop_mark()), true;
    case kTuple:
      return push_sequence(Kind::tuple, pop_mark()), true;
    case kAppend:
      return top(), append_from(stack_.size() - 1), true;
    case kAppends:
      return append_from(pop_mark()), true;
    case kNone:
      return push({}), true;
    case kNewtrue:
      return push({.kind = Kind::boolean, .number = 1}), true;
    case kNewfalse:
      return push({.kind = Kind::boolean, .number = 0}), true;
    case kBinint:
      return push({.kind = Kind::integer, .number = signed_number(4)}), true;
    case kBinint1:
      return push({.kind = Kind::integer, .number = int64_t(unsigned_number(1))}), true;
    case kBinint2:
      return push({.kind = Kind::integer, .number = int64_t(unsigned_number(2))}), true;
    case kLong1:
      return push({.kind = Kind::integer, .number = signed_number(int(unsigned_number(1)))}), true;
    case kFrame:
      return take(8), true;  // its length bounds nothing: large strings lie outside of frames
    default:
      return false;
  }
}

bool Machine::step_string(uint8_t op) {
  switch (op) {
    case kShortBinstring:  // a str of Python 2 is bytes
    case kShortBinbytes:
      return push_string(Kind::bytes, unsigned_number(1)), true;
    case kBinstring:  // its length is signed: a negative one is too large here
    case kBinbytes:
      return push_string(Kind::bytes, unsigned_number(4)), true;
    case kBinbytes8:
    case kBytearray8:
      return push_string(Kind::bytes, unsigned_number(8)), true;
    case kShortBinunicode:
      return push_string(Kind::text, unsigned_number(1)), true;
    case kBinunicode:
      return push_string(Kind::text, unsigned_number(4)), true;
    default:
      return false;
  }
}

bool Machine::step_memo(uint8_t op) {
  switch (op) {
    case kBinput:
      return remember(unsigned_number(1)), true;
    case kLongBinput:
      return remember(unsigned_number(4)), true;
    case kMemoize:
      return remember(memo_.size()), true;
    case kBinget:
      return recall(unsigned_number(1)), true;
    case kLongBinget:
      return recall(unsigned_number(4)), true;
    default:
      return false;
  }
}

bool Machine::step_call(uint8_t op) {
  if (op == kGlobal) {
    const std::string_view module = line(), name = line();
    return push_global(op, module, name), true;
  }
  if (op == kStackGlobal) {
    const Value name = pop(), module = pop();
    if (name.kind != Kind::text || module.kind != Kind::text) refuse("a global without a name");
    return push_global(op, module.bytes, name.bytes), true;
  }
  if (op == kReduce) {
    const Value arguments = pop(), callee = pop();
    return push(reduce(document_, callee, arguments, bytes_.size())), true;
  }
  if (op != kBuild) return false;
  const Value state = pop();
  return build(document_, top(), state), true;
}

void Machine::push_global(uint8_t op, std::string_view module, std::string_view name) {
  const std::optional<Value> known = global(module, name);
  if (!known) unsupported(op, cat(" of '", std::string(module), ".", std::string(name), "'"));
  push(*known);
}

// Opcodes that make Python import, call or look something up outside of the file.
bool runs_code(uint8_t op) {
  constexpr std::array kCalls = {kGlobal, kStackGlobal, kInst, kObj,  kPersid, kBinpersid,
                                 kNewobj, kNewobjEx,    kExt1, kExt2, kExt4};
  return std::find(kCalls.begin(), kCalls.end(), op) != kCalls.end();
}

void Machine::unsupported(uint8_t op, const std::string& what) const {
  throw Error(ErrorKind::data, cat(name_, ": unsupported opcode ", hex(op), what, " at offset ", opcode_at_,
                                   runs_code(op) ? ": the file would run code under Python" : ""));
}

Document Machine::execute() {
  if (left() < 2 || bytes_[0] != kProto) refuse("no pickle of protocol 2 to 5");
  if (bytes_[1] < 2 || bytes_[1] > 5) refuse(cat("protocol ", int(bytes_[1]), ", 2 to 5 expected"));
  at_ = 2;
  for (uint64_t count = 0;; ++count) {
    opcode_at_ = at_;
    if (count >= kMaxOpcodes) refuse(cat("more than ", kMaxOpcodes, " opcodes"));
    const auto op = static_cast<uint8_t>(take(1)[0]);
    if (op == kStop) break;
    if (!step(op) && !step_string(op) && !step_memo(op) && !step_call(op)) unsupported(op);
  }
  document_.value = pop();
  if (!stack_.empty() || !marks_.empty()) refuse("more than one value");
  if (left() > 0) refuse(cat(left(), " bytes after the end"));
  return std::move(document_);
}

}  // namespace

Document read(std::span<const uint8_t> bytes, const std::string& name) { return Machine(bytes, name).run(); }

}  // namespace fr::pickle
