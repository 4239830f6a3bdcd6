// The style sheet of the report, and the few lines of script that show values under the pointer. The page is
// complete without the script.
#pragma once

namespace fr {

extern const char* const kStyle;
extern const char* const kScript;

}  // namespace fr
