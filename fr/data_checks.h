// What no single range can say of the keys of [data].
#pragma once
#include <string>

#include "fr/config.h"

namespace fr {

// Throw Error{usage}.
void require(bool holds, const std::string& otherwise);
void check_data(const Config& config);  // folders and lists that are there, data sets that go together

}  // namespace fr
