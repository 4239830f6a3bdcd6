#include "fr/report/protocol_csv.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>
#include <utility>

#include "base/error.h"
#include "data/text.h"
#include "fr/report/figure_text.h"
#include "fr/report/result_words.h"

namespace fr {
namespace {

std::string line(const std::vector<std::string>& fields) {
  std::string text;
  for (const std::string& field : fields) text += (text.empty() ? "" : ",") + csv_field(field);
  return text + "\n";
}

// What each line of figures.csv and curves.csv begins with.
std::string beginning(const NamedResult& r) {
  return csv_field(r.name) + "," + csv_field(r.result->protocol) + "," + csv_field(r.result->title) + "," +
         csv_field(r.result->calibration) + ",";
}

// Letters, digits and underscores of a title in lower case, others as one hyphen.
std::string file_word(const std::string& title) {
  std::string word;
  for (const char c : title) {
    const bool kept = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    if (kept)
      word += c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c;
    else if (!word.empty() && word.back() != '-')
      word += '-';
  }
  while (!word.empty() && word.back() == '-') word.pop_back();
  return word;
}

bool parse_number(const std::string& text, double& value) {
  const char* end = text.data() + text.size();
  return std::from_chars(text.data(), end, value).ptr == end && std::isfinite(value);
}

}  // namespace

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == text.npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + "\"";
}

std::string csv_number(double value) {
  char text[32];
  return std::string(text, std::to_chars(text, text + sizeof text, value).ptr);
}

std::string figures_csv(const NamedResults& results) {
  std::string csv = "run,protocol,title,calibration,key,name,unit,value,low,high,warning\n";
  for (const NamedResult& r : results)
    for (const Figure& f : r.result->figures)
      csv += beginning(r) + line({f.key, f.name, word_of(kUnitWords, f.unit), csv_number(f.value),
                                  csv_number(f.interval.low), csv_number(f.interval.high), f.warning});
  return csv;
}

std::string curves_csv(const NamedResults& results) {
  std::string csv = "run,protocol,title,calibration,kind,name,x,y\n";
  for (const NamedResult& r : results)
    for (const ProtocolCurve& c : r.result->curves) {
      const std::string start = beginning(r) + word_of(kCurveWords, c.kind) + "," + csv_field(c.name) + ",";
      for (const auto& [x, y] : c.points) csv += start + csv_number(x) + "," + csv_number(y) + "\n";
    }
  return csv;
}

void write_scores_csv(const fs::path& path, const ProtocolResult& result,
                      const std::vector<std::string>& names) {
  const bool groups =
      std::any_of(result.scores.begin(), result.scores.end(), [](const auto& s) { return !s.group.empty(); });
  const auto name = [&](int64_t place) {
    if (result.score_ids == PairIds::own) return std::to_string(place);
    FR_CHECK(place >= 0 && place < static_cast<int64_t>(names.size()), "scores of ", title_text(result),
             ": picture ", place, " is not in the list of ", names.size(), " pictures");
    return csv_field(names[static_cast<size_t>(place)]);
  };
  write_file_atomic(path, [&](const Sink& sink) {
    std::string text = groups ? "fold,a,b,same,score,group\n" : "fold,a,b,same,score\n";
    for (const auto& s : result.scores) {
      const std::string a = name(s.a), b = name(s.b);
      text += std::to_string(s.fold) + "," + a + "," + b + (s.same ? ",1," : ",0,") + csv_number(s.score) +
              (groups ? "," + csv_field(s.group) : "") + "\n";
      if (text.size() < 1 << 20) continue;
      sink(text.data(), text.size());
      text.clear();
    }
    sink(text.data(), text.size());
  });
}

ReadScores read_scores_csv(const fs::path& path) {
  ReadScores read;
  bool header = true;
  for (const text::Line& row : text::read_lines(path)) {
    if (std::exchange(header, false)) {
      if (row.text.rfind("fold,a,b,same,score", 0) != 0)
        text::fail(path, row.number, "the header fold,a,b,same,score expected, found '" + row.text + "'");
      continue;
    }
    const auto fields = text::csv_fields(row.text);
    double score = 0;
    const bool fits =
        fields.size() >= 5 && (fields[3] == "0" || fields[3] == "1") && parse_number(fields[4], score);
    if (!fits) text::fail(path, row.number, "fold,a,b,same,score expected, found '" + row.text + "'");
    read.scores.push_back(score), read.same.push_back(fields[3] == "1");
  }
  return read;
}

std::vector<std::string> scores_csv_names(const std::vector<ProtocolResult>& results) {
  const auto with_scores =
      std::count_if(results.begin(), results.end(), [](const auto& r) { return !r.scores.empty(); });
  std::vector<std::string> names;
  std::set<std::string> taken;
  for (const ProtocolResult& r : results) {
    std::string name = "scores";
    if (with_scores > 1)
      for (const std::string& word : {file_word(title_text(r)), file_word(r.calibration)})
        if (!word.empty()) name += "-" + word;
    std::string unique = name;
    for (int n = 2; !r.scores.empty() && !taken.insert(unique).second; ++n) unique = cat(name, "-", n);
    names.push_back(r.scores.empty() ? "" : unique + ".csv");
  }
  return names;
}

std::set<std::string> possible_scores_csv_names(std::vector<ProtocolResult> results) {
  for (ProtocolResult& r : results) r.scores.assign(1, {});
  const std::vector<std::string> names = scores_csv_names(results);
  std::set<std::string> possible(names.begin(), names.end());
  possible.insert("scores.csv");
  return possible;
}

}  // namespace fr
