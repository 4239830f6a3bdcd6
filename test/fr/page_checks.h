// What every page must be: well-formed XML that needs nothing from outside.
#pragma once
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "base/philox.h"
#include "data/image.h"

namespace fr {

inline constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
inline constexpr double kInf = std::numeric_limits<double>::infinity();

inline size_t occurrences(const std::string& text, const std::string& part) {
  size_t n = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++n;
  return n;
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// Name of the first element that is not closed in order, or "" when all are. Attributes must be quoted, text must
// hold no bare '<' or '&'.
inline std::string badly_nested(const std::string& html) {
  std::vector<std::string> open;
  for (size_t at = 0; (at = html.find('<', at)) != std::string::npos;) {
    size_t end = at;
    for (char quote = 0; end < html.size() && (quote || html[end] != '>'); ++end) {
      if (quote ? html[end] == quote : html[end] == '"') quote = quote ? 0 : '"';
      if (end > at && !quote && html[end] == '<') return "bare < in " + html.substr(at, 40);
    }
    const std::string tag = html.substr(at + 1, end - at - 1);
    at = end;
    if (tag.empty() || tag[0] == '!') continue;
    const std::string name = tag.substr(0, tag.find_first_of(" \n"));
    if (tag.back() == '/') continue;
    if (name[0] != '/') {
      open.push_back(name);
    } else {
      if (open.empty() || "/" + open.back() != name) return name;
      open.pop_back();
    }
  }
  return open.empty() ? "" : open.back();
}

// An '&' that starts none of the five entities of XML.
inline bool has_bare_ampersand(const std::string& html) {
  for (size_t at = html.find('&'); at != std::string::npos; at = html.find('&', at + 1)) {
    const std::string rest = html.substr(at, 6);
    const bool known = rest.rfind("&amp;", 0) == 0 || rest.rfind("&lt;", 0) == 0 ||
                       rest.rfind("&gt;", 0) == 0 || rest == "&quot;" || rest.rfind("&#39;", 0) == 0;
    if (!known) return true;
  }
  return false;
}

// Every value of attribute `name`, in order.
inline std::vector<std::string> attributes(const std::string& html, const std::string& name) {
  std::vector<std::string> values;
  const std::string key = " " + name + "=\"";
  for (size_t at = html.find(key); at != std::string::npos; at = html.find(key, at)) {
    at += key.size();
    values.push_back(html.substr(at, html.find('"', at) - at));
  }
  return values;
}

inline void expect_well_formed(const std::string& html) {
  EXPECT_EQ(badly_nested(html), "");
  EXPECT_FALSE(has_bare_ampersand(html));
  EXPECT_FALSE(contains(html, "http:") || contains(html, "https:") || contains(html, "url("));
  for (const std::string& source : attributes(html, "src")) EXPECT_EQ(source.rfind("data:", 0), 0u);
  for (const std::string& link : attributes(html, "href")) EXPECT_EQ(link[0], '#');
  for (const char* name : {"d", "x", "y", "x1", "y1", "cx", "cy", "r", "width", "height", "data-x", "data-y"})
    for (const std::string& value : attributes(html, name))
      EXPECT_EQ(value.find_first_not_of("MLHVZ0123456789.- "), std::string::npos) << name << "=" << value;
}

inline Image noise_picture(int side, uint64_t seed) {
  Image image(side, side);
  Random random({seed});
  for (auto& p : image.pixels) p = static_cast<uint8_t>(random.bits());
  return image;
}

}  // namespace fr
