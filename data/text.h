// Lists in text files: lines, fields and numbers, with errors that name file and line. Internal to data/.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fr::text {

struct Line {
  int64_t number;  // from 1
  std::string text;
};

// The lines that are not blank, without line ends (LF or CRLF), trailing blanks and a UTF-8 byte order mark.
// Error{io}; Error{data} for a zero byte (a binary file).
std::vector<Line> read_lines(const std::filesystem::path& path);
// The same lines one by one, for lists of millions: at most 4 GiB, of which nothing but the text is kept meanwhile.
void for_each_line(const std::filesystem::path& path,
                   const std::function<void(int64_t number, std::string_view line)>& use);

// Split at tabs when the line has any (a name may then contain blanks), otherwise at blanks.
std::vector<std::string> fields(const std::string& line);
// The same into `out` without a copy; how many there are, which may be more than fit.
size_t split(std::string_view line, std::span<std::string_view> out);
// Comma-separated; "quoted, fields" with "" for a quote.
std::vector<std::string> csv_fields(const std::string& line);

// The whole text is one decimal integer that fits.
bool parse(std::string_view text, int64_t& value);
bool parse(std::string_view text, double& value);  // one finite decimal number

// Throws Error{data} "path:line: message".
[[noreturn]] void fail(const std::filesystem::path& path, int64_t line, const std::string& message);

// A number that must lie in low..high; `what` names it in the error.
int64_t number(std::string_view field, const char* what, int64_t low, int64_t high,
               const std::filesystem::path& path, int64_t line);
double real(std::string_view field, const char* what, double low, double high,
            const std::filesystem::path& path, int64_t line);

// root / name / name_%04d extension: the LFW way to name a picture.
std::string lfw_path(const std::string& name, int64_t index, const std::string& extension);

}  // namespace fr::text
