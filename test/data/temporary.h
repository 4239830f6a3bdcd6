// A folder of the test's own, removed at the end.
#pragma once
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/file.h"

namespace fr {

struct TemporaryFolder {
  fs::path path;
  TemporaryFolder() {
    static int count = 0;
    path = fs::temp_directory_path() / cat("prosopon-test-", ::getpid(), "-", count++);
    fs::create_directories(path);
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  fs::path put(const std::string& name, std::string_view text) const {
    write_file_atomic(path / name, text);
    return path / name;
  }
  fs::path put(const std::string& name, const std::vector<uint8_t>& bytes) const {
    return put(name, std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  }
};

// What `action` throws as fr::Error: "kind: message"; "" if it throws nothing.
template <class F>
std::string error_of(const F& action) {
  try {
    action();
  } catch (const Error& e) {
    return cat(static_cast<int>(e.kind()), ": ", e.what());
  }
  return "";
}

#define EXPECT_ERROR(kind_, part, ...)                                                                      \
  do {                                                                                                      \
    const std::string message_ = ::fr::error_of([&] { __VA_ARGS__; });                                      \
    EXPECT_EQ(message_.substr(0, 1), std::to_string(static_cast<int>(::fr::ErrorKind::kind_))) << message_; \
    EXPECT_NE(message_.find(part), std::string::npos)                                                       \
        << "expected '" << part << "' in '" << message_ << "'";                                             \
  } while (0)

}  // namespace fr
