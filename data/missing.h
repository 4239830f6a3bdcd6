// Pictures that a list names and nobody has.
#pragma once
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "data/pairs.h"

namespace fr {

struct MissingPictures {
  std::vector<uint8_t> lost;  // != 0: root/name is no regular file
  std::string note;           // how many are left out, and the first few; empty when none is
};
// Error{data} naming the list, the number and the first few when a picture is missing and `policy` is error, or all are.
MissingPictures find_missing(const std::filesystem::path& list, const std::filesystem::path& root,
                             std::span<const std::string> names, Missing policy);

}  // namespace fr
