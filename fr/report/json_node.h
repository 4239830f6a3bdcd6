// Reading JSON whose faults are told with the file and the key: "result.json: results[0].card[2].far: a number expected,
// found a string".
#pragma once
#include <cmath>
#include <string>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"

namespace fr {

class JsonNode {
 public:
  using json = nlohmann::ordered_json;

  // The root must be an object. Throws Error{data} for what is not JSON, Error{io}.
  static JsonNode root(const fs::path& path, json& storage) {
    storage = json::parse(read_text(path, uint64_t{1} << 31), nullptr, /*allow_exceptions=*/false);
    if (storage.is_discarded()) throw Error(ErrorKind::data, cat(path.string(), ": not JSON, or cut off"));
    const JsonNode node(storage, path.string(), "");
    node.require(storage.is_object(), "an object");
    return node;
  }

  bool has(const std::string& key) const { return json_->contains(key); }
  JsonNode operator[](const std::string& key) const {
    require(json_->is_object(), "an object");
    if (!has(key)) throw Error(ErrorKind::data, cat(file_, ": ", inside(key), ": missing"));
    return {json_->at(key), file_, inside(key)};
  }
  size_t size() const {
    require(json_->is_array(), "a list");
    return json_->size();
  }
  JsonNode operator[](size_t i) const { return {json_->at(i), file_, cat(key_, "[", i, "]")}; }

  // null is NaN; "inf" and "-inf" are what they say.
  double number() const {
    if (json_->is_number()) return json_->get<double>();
    if (json_->is_null()) return std::nan("");
    if (*json_ == "inf") return INFINITY;
    if (*json_ == "-inf") return -INFINITY;
    fail("a number", found());
  }
  int64_t integer() const {
    require(json_->is_number_integer(), "an integer");
    return json_->get<int64_t>();
  }
  std::string text() const {
    require(json_->is_string(), "a string");
    return json_->get<std::string>();
  }
  bool yes() const {
    require(json_->is_boolean(), "true or false");
    return json_->get<bool>();
  }
  [[noreturn]] void fail(const std::string& expected, const std::string& found) const {
    throw Error(ErrorKind::data,
                cat(file_, ": ", key_.empty() ? "" : key_ + ": ", expected, " expected, found ", found));
  }

 private:
  JsonNode(const json& j, std::string file, std::string key)
      : json_(&j), file_(std::move(file)), key_(std::move(key)) {}
  std::string inside(const std::string& key) const { return key_.empty() ? key : key_ + "." + key; }
  void require(bool fits, const char* expected) const {
    if (!fits) fail(expected, found());
  }
  std::string found() const { return cat("the ", json_->type_name(), " ", json_->dump().substr(0, 60)); }

  const json* json_;
  std::string file_, key_;
};

}  // namespace fr
