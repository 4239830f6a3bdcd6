// What every page is made of: head and foot, headline figures, facts, lists, figures.
#include "fr/report/html.h"
#include "fr/report/sections.h"
#include "fr/report/style.h"

namespace fr {

std::string tiles_html(const std::vector<Tile>& tiles) {
  std::string html;
  for (const Tile& t : tiles)
    html += "<div><span class=\"name\">" + escape_html(t.name) + "</span><span class=\"value\">" +
            escape_html(t.value) + "</span><span class=\"remark\">" + escape_html(t.remark) +
            "</span></div>\n";
  return block_html("tiles", html);
}

std::string facts_html(const std::vector<std::pair<std::string, std::string>>& facts) {
  if (facts.empty()) return "";
  std::string html = "<dl class=\"facts\">\n";
  for (const auto& fact : facts)
    html += "<div><dt>" + escape_html(fact.first) + "</dt><dd>" + escape_html(fact.second) + "</dd></div>\n";
  return html + "</dl>";
}

std::string list_html(const std::vector<std::string>& items) {
  if (items.empty()) return "";
  std::string html = "<ul>\n";
  for (const std::string& item : items) html += "<li>" + escape_html(item) + "</li>\n";
  return html + "</ul>";
}

std::string section_html(const std::string& title, const std::string& body) {
  return body.empty() ? "" : "<section><h2>" + escape_html(title) + "</h2>\n" + body + "</section>\n";
}

std::string block_html(const char* kind, const std::string& body) {
  return body.empty() ? "" : "<div class=\"" + std::string(kind) + "\">\n" + body + "</div>\n";
}

std::string paragraph_html(const char* kind, const std::string& text) {
  return text.empty() ? "" : "<p class=\"" + std::string(kind) + "\">" + escape_html(text) + "</p>\n";
}

std::string page_html(const std::string& title, const std::string& body) {
  return "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n<title>" +
         escape_html(title) + "</title>\n<style>" + kStyle + "</style>\n</head>\n<body>\n<main>\n" + body +
         "<footer>Written by Prosopon. Everything is inside this file.</footer>\n</main>\n<script>" +
         kScript + "</script>\n</body>\n</html>\n";
}

std::string chart_figure(const std::string& title, const Chart& chart, const std::string& note) {
  const std::string svg = draw_chart(chart);
  if (svg.empty()) return "";
  return "<figure>\n<figcaption><b>" + escape_html(title) + "</b>" + chart_legend(chart) + "</figcaption>\n" +
         svg + paragraph_html("remark", note) + "</figure>\n";
}

}  // namespace fr
