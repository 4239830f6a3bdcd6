#include "fr/report/html.h"

namespace fr {
namespace {

// Length of the UTF-8 sequence at the start of `text`, 0 when it is none (RFC 3629: no overlong forms,
// surrogates or values above U+10FFFF).
size_t utf8_length(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t first = byte(0);
  if (first < 0x80) return 1;
  const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  uint32_t code = first & (0xffu >> (length + 1));
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
    code = code << 6 | (byte(i) & 0x3fu);
  }
  static constexpr uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code >= 0xd800 && code < 0xe000, no_character = (code | 1) == 0xffff;
  return code < kSmallest[length] || code > 0x10ffff || surrogate || no_character ? 0 : length;
}

// Cells are HTML.
std::string row_of(const std::vector<std::string>& cells, const char* element) {
  std::string html = "<tr>";
  for (const std::string& cell : cells)
    html += std::string("<") + element + ">" + cell + "</" + element + ">";
  return html + "</tr>\n";
}

std::vector<std::string> escaped(const std::vector<std::string>& cells) {
  std::vector<std::string> html;
  for (const std::string& cell : cells) html.push_back(escape_html(cell));
  return html;
}

// Mean of 2x2 pixels; an odd last row or column is dropped.
Image halve(const Image& image) {
  Image half(image.width / 2, image.height / 2, image.channels);
  for (int y = 0; y < half.height; ++y)
    for (int x = 0; x < half.width; ++x)
      for (int c = 0; c < half.channels; ++c) {
        const int sum = image.at(2 * x, 2 * y)[c] + image.at(2 * x + 1, 2 * y)[c] +
                        image.at(2 * x, 2 * y + 1)[c] + image.at(2 * x + 1, 2 * y + 1)[c];
        half.at(x, y)[c] = static_cast<uint8_t>((sum + 2) / 4);
      }
  return half;
}

}  // namespace

std::string escape_html(std::string_view text) {
  std::string html;
  html.reserve(text.size() + text.size() / 8);
  while (!text.empty()) {
    const size_t length = utf8_length(text);
    const char c = text[0];
    if (length == 0)
      html += "\ufffd";
    else if (c == '&')
      html += "&amp;";
    else if (c == '<')
      html += "&lt;";
    else if (c == '>')
      html += "&gt;";
    else if (c == '"')
      html += "&quot;";
    else if (c == '\'')
      html += "&#39;";
    else if (length > 1 || static_cast<uint8_t>(c) >= 0x20 || c == '\t' || c == '\n')
      html += text.substr(0, length);
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return html;
}

std::string base64(std::span<const uint8_t> bytes) {
  static constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t left = bytes.size() - i;
    const uint32_t group =
        bytes[i] << 16 | (left > 1 ? bytes[i + 1] << 8 : 0) | (left > 2 ? bytes[i + 2] : 0);
    text += kAlphabet[group >> 18];
    text += kAlphabet[group >> 12 & 63];
    text += left > 1 ? kAlphabet[group >> 6 & 63] : '=';
    text += left > 2 ? kAlphabet[group & 63] : '=';
  }
  return text;
}

std::string html_table_of_html(const std::vector<std::string>& header,
                               const std::vector<std::vector<std::string>>& rows) {
  std::string html = "<div class=\"scroll\"><table>\n";
  if (!header.empty()) html += "<thead>" + row_of(header, "th") + "</thead>";
  html += "<tbody>";
  for (const auto& row : rows) html += row_of(row, "td");
  return html + "</tbody></table></div>\n";
}

std::string html_table(const std::vector<std::string>& header,
                       const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::vector<std::string>> cells;
  for (const auto& row : rows) cells.push_back(escaped(row));
  return html_table_of_html(escaped(header), cells);
}

std::string html_cell(const std::string& value, const std::string& below) {
  return escape_html(value) + (below.empty() ? "" : "<small>" + escape_html(below) + "</small>");
}

std::string html_table(const std::vector<std::pair<std::string, std::string>>& rows) {
  std::vector<std::vector<std::string>> cells;
  for (const auto& row : rows) cells.push_back({row.first, row.second});
  return html_table({}, cells);
}

std::string picture_data_uri(const Image& image, int largest_side, int jpeg_quality) {
  if (image.width <= 0 || image.height <= 0 || image.pixels.empty()) return "";
  Image small = image;
  while ((small.width > largest_side || small.height > largest_side) && small.width > 1 && small.height > 1)
    small = halve(small);
  return "data:image/jpeg;base64," + base64(encode_jpeg(small, jpeg_quality));
}

}  // namespace fr
