// result.json: what it holds stands in docs/formats.md.
#include <cmath>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "fr/report/protocol_report.h"
#include "fr/report/result_words.h"

namespace fr {
namespace {

using nlohmann::ordered_json;

ordered_json number(double v) {
  if (std::isfinite(v)) return v;
  if (std::isnan(v)) return nullptr;
  return v > 0 ? "inf" : "-inf";
}

ordered_json numbers(const std::vector<double>& values) {
  ordered_json j = ordered_json::array();
  for (const double v : values) j.push_back(number(v));
  return j;
}

ordered_json interval(const Interval& i) { return ordered_json::array({number(i.low), number(i.high)}); }

template <class T, class Convert>
ordered_json list(const std::vector<T>& values, const Convert& convert) {
  ordered_json j = ordered_json::array();
  for (const T& v : values) j.push_back(convert(v));
  return j;
}

ordered_json figure(const Figure& f) {
  return {{"key", f.key},
          {"name", f.name},
          {"value", number(f.value)},
          {"interval", interval(f.interval)},
          {"unit", word_of(kUnitWords, f.unit)},
          {"warning", f.warning}};
}

ordered_json card_row(const CardRow& r) {
  return {{"far", number(r.far)},
          {"threshold", number(r.threshold)},
          {"realised_far", number(r.realised_far)},
          {"tar", number(r.tar)},
          {"tar_interval", interval(r.tar_interval)},
          {"resolved", r.resolved}};
}

ordered_json curve(const ProtocolCurve& c) {
  return {{"kind", word_of(kCurveWords, c.kind)},
          {"name", c.name},
          {"points", list(c.points, [](const auto& p) {
             return ordered_json::array({number(p.first), number(p.second)});
           })}};
}

ordered_json group(const GroupRow& g) {
  return {{"group", g.group},
          {"genuine", g.genuine},
          {"impostor", g.impostor},
          {"accuracy", number(g.accuracy)},
          {"accuracy_interval", interval(g.accuracy_interval)},
          {"far", number(g.far)},
          {"far_interval", interval(g.far_interval)},
          {"frr", number(g.frr)},
          {"frr_interval", interval(g.frr_interval)}};
}

ordered_json scored_pair(const ScoredPair& p) { return {{"a", p.a}, {"b", p.b}, {"score", number(p.score)}}; }

template <class T>
ordered_json named(const std::pair<std::string, T>& p) {
  return ordered_json::array({p.first, p.second});
}

ordered_json result_json(const ProtocolResult& r) {
  ordered_json j;
  j["protocol"] = r.protocol, j["title"] = r.title, j["description"] = r.description;
  j["score"] = r.score, j["calibration"] = r.calibration;
  j["threshold"] = number(r.threshold);
  j["counts"] = list(r.counts, named<int64_t>);
  j["figures"] = list(r.figures, figure);
  j["card"] = list(r.card, card_row);
  j["group_title"] = r.group_title;
  j["groups"] = list(r.groups, group);
  j["warnings"] = r.warnings, j["notes"] = r.notes;
  j["hardest_genuine"] = list(r.hardest_genuine, scored_pair);
  j["hardest_impostor"] = list(r.hardest_impostor, scored_pair);
  j["curves"] = list(r.curves, curve);
  j["genuine"] = numbers(r.genuine), j["impostor"] = numbers(r.impostor);
  return j;
}

// Bytes of a name that are not UTF-8 become U+FFFD.
std::string compact(const ordered_json& j) {
  return j.dump(-1, ' ', /*ensure_ascii=*/false, ordered_json::error_handler_t::replace);
}

// One key a line, its value in that line; lists of objects one object a line.
std::string lines(const ordered_json& object) {
  std::string text;
  for (const auto& [key, value] : object.items()) {
    text += cat(text.empty() ? "" : ",\n", ordered_json(key).dump(), ": ");
    if (!value.is_array() || value.empty() || !value.front().is_object()) {
      text += compact(value);
      continue;
    }
    std::string rows;
    for (const auto& row : value) rows += (rows.empty() ? "[\n  " : ",\n  ") + compact(row);
    text += rows + "]";
  }
  return text;
}

}  // namespace

std::string to_json(const std::vector<ProtocolResult>& results, const ReportFacts& facts) {
  ordered_json head;
  head["format"] = kResultFormat;
  head["facts"] = list(facts, named<std::string>);
  std::string text = "{\n" + lines(head) + ",\n\"results\": [";
  for (size_t i = 0; i < results.size(); ++i)
    text += (i == 0 ? "\n{\n" : ",\n{\n") + lines(result_json(results[i])) + "\n}";
  return text + "\n]\n}\n";
}

}  // namespace fr
