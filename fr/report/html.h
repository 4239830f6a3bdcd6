// Pieces of HTML as strings: escaping, tables, pictures as data URIs. Everything is also well-formed XML.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "data/image.h"

namespace fr {

// Text for element content and quoted attributes. Bytes that are not UTF-8 become U+FFFD; control characters
// other than tab and newline, which XML forbids, are dropped.
std::string escape_html(std::string_view text);

std::string base64(std::span<const uint8_t> bytes);  // RFC 4648, padded

// <td>s; every cell is escaped. Columns after the first are right-aligned.
std::string html_table(const std::vector<std::string>& header,
                       const std::vector<std::vector<std::string>>& rows);
std::string html_table(const std::vector<std::pair<std::string, std::string>>& rows);  // name, value
// The same of cells that are HTML already.
std::string html_table_of_html(const std::vector<std::string>& header,
                               const std::vector<std::vector<std::string>>& rows);
// A cell: a value with a small second line, which may be empty.
std::string html_cell(const std::string& value, const std::string& below);

// "data:image/jpeg;base64,...". Pictures are first halved (2x2 mean) until neither side exceeds
// `largest_side`. An empty picture gives an empty string.
std::string picture_data_uri(const Image& image, int largest_side, int jpeg_quality);

}  // namespace fr
