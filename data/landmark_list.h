// Landmarks of many pictures, in a text file.
#pragma once
#include <filesystem>
#include <map>
#include <string>

#include "data/align.h"

namespace fr {

using LandmarkList = std::map<std::string, Landmarks>;  // by the picture's name, relative to some root

// Lines "name x1 y1 ... x5 y5", separated by tabs (a name may then contain blanks) or by blanks. Throws Error{data}
// "file:line: ..." for another number of fields, what is no finite number, a name that comes twice, or no line at all;
// Error{io}.
LandmarkList read_landmarks(const std::filesystem::path& path);

// With tabs and as many digits as tell one double from another.
std::string to_text(const LandmarkList& list);

}  // namespace fr
