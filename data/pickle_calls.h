// The calls that data/pickle.h understands, by name. Internal to the pickle reader.
#pragma once
#include <optional>
#include <string>

#include "data/pickle.h"

namespace fr::pickle {

struct Refusal {
  std::string reason;
};

[[noreturn]] inline void refuse(std::string reason) { throw Refusal{std::move(reason)}; }

// A global by its two names; nothing for every name that is not one of the few.
std::optional<Value> global(std::string_view module, std::string_view name);

// What calling a global with a tuple of arguments would give. `file_size` bounds the text that is decoded: no file needs more.
Value reduce(Document& document, const Value& callee, const Value& arguments, uint64_t file_size);

// Sets the state of an array or dtype that reduce made.
void build(Document& document, const Value& object, const Value& state);

}  // namespace fr::pickle
