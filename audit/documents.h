// The measured block of the pages in docs/math: what stands between two marks is written by bin/audit.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "audit/audit.h"

namespace fr::audit {

inline constexpr const char* kMeasuredBegin = "<!-- measured: written by bin/audit --docs -->\n";
inline constexpr const char* kMeasuredEnd = "<!-- /measured -->\n";

// The page with the block's contents replaced. Throws Error{data} that names the page when a mark is missing.
std::string with_block(const std::string& page, const std::string& text, const std::string& block);

// Every page that a line names, rewritten in `folder`. Throws Error{io} for a page that is not there.
void write_documents(const std::filesystem::path& folder, const std::vector<Family>& families,
                     const std::vector<std::string>& columns);

}  // namespace fr::audit
