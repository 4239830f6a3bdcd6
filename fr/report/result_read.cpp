// result.json -> results: the reverse of result_json.cpp.
#include "fr/report/json_node.h"
#include "fr/report/protocol_report.h"
#include "fr/report/result_words.h"

namespace fr {
namespace {

template <class T, class Convert>
std::vector<T> list(const JsonNode& j, const Convert& convert) {
  std::vector<T> values;
  const size_t n = j.size();
  values.reserve(n);
  for (size_t i = 0; i < n; ++i) values.push_back(convert(j[i]));
  return values;
}

std::string text(const JsonNode& j) { return j.text(); }
std::vector<double> numbers(const JsonNode& j) {
  return list<double>(j, [](const JsonNode& v) { return v.number(); });
}

// A list of exactly two.
const JsonNode& pair_of(const JsonNode& j) {
  if (j.size() != 2) j.fail("a list of 2", cat("a list of ", j.size()));
  return j;
}
Interval interval(const JsonNode& j) { return {pair_of(j)[0].number(), j[1].number()}; }

template <class Words>
auto word(const JsonNode& j, const Words& words) {
  const std::string found = j.text();
  std::string known;
  for (const auto& [name, meaning] : words) {
    if (found == name) return meaning;
    known += (known.empty() ? "" : ", ") + std::string(name);
  }
  j.fail("one of " + known, "'" + found + "'");
}

Figure figure(const JsonNode& j) {
  return {j["key"].text(),
          j["name"].text(),
          j["value"].number(),
          interval(j["interval"]),
          word(j["unit"], kUnitWords),
          j["warning"].text()};
}

CardRow card_row(const JsonNode& j) {
  return {j["far"].number(), j["threshold"].number(),     j["realised_far"].number(),
          j["tar"].number(), interval(j["tar_interval"]), j["resolved"].yes()};
}

ProtocolCurve curve(const JsonNode& j) {
  return {word(j["kind"], kCurveWords), j["name"].text(),
          list<std::pair<double, double>>(j["points"], [](const JsonNode& p) {
            return std::pair(pair_of(p)[0].number(), p[1].number());
          })};
}

GroupRow group(const JsonNode& j) {
  return {j["group"].text(),
          j["genuine"].integer(),
          j["impostor"].integer(),
          j["accuracy"].number(),
          j["far"].number(),
          j["frr"].number(),
          interval(j["accuracy_interval"]),
          interval(j["far_interval"]),
          interval(j["frr_interval"])};
}

ScoredPair scored_pair(const JsonNode& j) {
  return {j["a"].integer(), j["b"].integer(), j["score"].number()};
}

ProtocolResult result(const JsonNode& j) {
  ProtocolResult r;
  r.protocol = j["protocol"].text(), r.title = j["title"].text(), r.description = j["description"].text();
  r.score = j["score"].text(), r.calibration = j["calibration"].text();
  r.threshold = j["threshold"].number();
  r.counts = list<std::pair<std::string, int64_t>>(
      j["counts"], [](const JsonNode& p) { return std::pair(pair_of(p)[0].text(), p[1].integer()); });
  r.figures = list<Figure>(j["figures"], figure);
  r.card = list<CardRow>(j["card"], card_row);
  r.group_title = j["group_title"].text();
  r.groups = list<GroupRow>(j["groups"], group);
  r.warnings = list<std::string>(j["warnings"], text), r.notes = list<std::string>(j["notes"], text);
  r.hardest_genuine = list<ScoredPair>(j["hardest_genuine"], scored_pair);
  r.hardest_impostor = list<ScoredPair>(j["hardest_impostor"], scored_pair);
  r.curves = list<ProtocolCurve>(j["curves"], curve);
  r.genuine = numbers(j["genuine"]), r.impostor = numbers(j["impostor"]);
  return r;
}

}  // namespace

SavedResults read_results(const fs::path& result_json) {
  JsonNode::json storage;
  const JsonNode j = JsonNode::root(result_json, storage);
  if (const std::string format = j["format"].text(); format != kResultFormat)
    j["format"].fail(kResultFormat, "'" + format + "'");
  SavedResults saved;
  saved.facts = list<std::pair<std::string, std::string>>(
      j["facts"], [](const JsonNode& p) { return std::pair(pair_of(p)[0].text(), p[1].text()); });
  saved.results = list<ProtocolResult>(j["results"], result);
  return saved;
}

}  // namespace fr
