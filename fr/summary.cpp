#include "fr/summary.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>

#include <nlohmann/json.hpp>

#include "base/parallel.h"
#include "base/version.h"
#include "fr/balancing/domain_table.h"
#include "fr/features.h"
#include "tensor/arena.h"

namespace fr {
namespace {

using nlohmann::ordered_json;

std::string format(const char* pattern, double value) {
  char text[64];
  std::snprintf(text, sizeof text, pattern, value);
  return text;
}
std::string percent(double share) { return format("%.2f %%", 100 * share); }

std::string loss_text(const Config& c) {
  return c.pfe.model.empty() ? to_text(c.loss)
                             : cat("the mutual likelihood of an uncertainty module on ", c.pfe.model);
}

std::string network_text(const NetworkOptions& o) {
  return cat(name_of(o.architecture), "-", o.depth, ", ", o.height, "x", o.width, ", embedding ", o.embedding,
             o.narrow > 1 ? cat(", channels / ", o.narrow) : "",
             o.residual_balancing == ResidualBalancingForm::none    ? ""
             : o.residual_balancing == ResidualBalancingForm::gated ? ", residual balancing"
                                                                    : ", residual balancing without a gate");
}

ordered_json number(double v) { return std::isfinite(v) ? ordered_json(v) : ordered_json(nullptr); }

ordered_json domains_json(const ReportDomains& d) {
  ordered_json j = {{"eps", number(d.eps)}, {"neighbours", d.neighbours}};
  for (const GroupFrequency& g : frequency_of_groups(d))
    j["groups"].push_back({{"group", g.group},
                           {"classes", g.classes},
                           {"mean_dfi", number(g.dfi)},
                           {"standard_deviation", number(g.deviation)}});
  return j;
}

ordered_json test_json(const TestResult& v) {
  ordered_json j = {{"pairs", v.pairs.size()},
                    {"genuine", v.genuine},
                    {"impostor", v.impostor},
                    {"accuracy", v.accuracy.mean},
                    {"accuracy_standard_error", v.accuracy.standard_error},
                    {"auc", v.auc},
                    {"eer", v.eer},
                    {"threshold", v.threshold}};
  for (const auto& p : v.operating_points)
    j["tar_at_far"].push_back({{"far", p.far}, {"tar", p.tar}, {"too_few_impostors", p.too_few_impostors}});
  if (v.angular_fisher) j["angular_fisher_score"] = v.angular_fisher->score;
  for (const GroupAccuracy& g : v.groups)
    j["groups"].push_back({{"group", g.group},
                           {"genuine", g.genuine},
                           {"impostor", g.impostor},
                           {"accuracy", g.common},
                           {"accuracy_own_thresholds", number(g.own)},
                           {"accuracy_own_thresholds_standard_error", number(g.own_standard_error)},
                           {"auc", number(g.auc)}});
  return j;
}

// The commits of the programs that worked on this run before, from its run.json.
std::vector<std::string> earlier_commits(const RunFolder& folder) {
  if (!fs::exists(folder / "run.json")) return {};
  const auto j = ordered_json::parse(read_text(folder / "run.json"), nullptr, false);
  if (!j.is_object() || !j.contains("program")) return {};
  auto commits = j["program"].value("earlier_commits", std::vector<std::string>{});
  commits.push_back(j["program"].value("commit", "unknown"));
  std::erase(commits, commit());
  return commits;
}

ordered_json run_json(const Session& s, const RunResult& r, const RunFolder& folder) {
  ordered_json j;
  j["name"] = s.config.run.name;
  j["program"] = {{"version", kVersion}, {"commit", commit()}, {"compiler", compiler()}};
  if (const auto commits = earlier_commits(folder); !commits.empty())
    j["program"]["earlier_commits"] = commits;
  j["hardware"] = {{"cpu", cpu_name()},
                   {"threads", threads()},
                   {"backend", kernels<float>().name},
                   {"device", s.placement.device == Device::cpu ? "cpu" : needed_device().describe()},
                   {"precision", precision_word(s.placement.maps)}};
  j["seed"] = s.config.run.seed;
  j["network"] = network_text(s.config.network);
  j["loss"] = loss_text(s.config);
  j["data"] = {{"description", s.data.description},
               {"classes", s.data.classes()},
               {"pictures", s.data.pictures()},
               {"fingerprint", cat(std::hex, s.data.source->fingerprint())},
               {"damaged", r.damaged}};
  if (const ReportDoppelgangers& d = r.doppelgangers; d.classes > 0)
    j["doppelgangers"] = {{"classes", d.classes}, {"listed", d.listed}, {"mutual", d.mutual}};
  for (const auto& [name, value] : r.scalars) j["trained_scalars"][name] = value;
  j["parameters"] = s.model.network().parameter_count();
  j["steps"] = s.step;
  j["steps_planned"] = s.steps;
  j["images"] = r.images;
  j["train_seconds"] = r.train_seconds;
  j["total_seconds"] = r.total_seconds;
  j["images_per_second"] = r.train_seconds > 0 ? double(r.images) / r.train_seconds : 0;
  j["peak_memory_bytes"] = arena_stats().peak;
  if (s.placement.device != Device::cpu) j["device_peak_memory_bytes"] = needed_device().memory().peak;
  if (!r.domains.dfi.empty()) j["domains"] = domains_json(r.domains);
  if (r.test) j["test"] = test_json(*r.test), j["test"]["description"] = s.test->description;
  return j;
}

// The `count` hardest pairs of one kind: genuine with the lowest scores, impostors with the highest.
std::vector<PairPicture> hardest(const VerificationResult& v, const TestData& test, bool genuine,
                                 size_t count) {
  std::vector<size_t> order;
  for (size_t i = 0; i < v.pairs.size(); ++i)
    if (v.pairs[i].same == genuine) order.push_back(i);
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return v.scores[a] != v.scores[b] ? (v.scores[a] < v.scores[b]) == genuine : a < b;
  });
  std::vector<PairPicture> out;
  for (size_t i = 0; i < std::min(count, order.size()); ++i) {
    const auto& pair = v.pairs[order[i]];
    out.push_back({test.picture(pair.a), test.picture(pair.b), test.names[size_t(pair.a)],
                   test.names[size_t(pair.b)], v.scores[order[i]]});
  }
  return out;
}

ReportTest report_test(const TestResult& v, const TestData& test) {
  ReportTest t;
  t.name = "Verification";
  t.description = test.description;
  t.accuracy = v.accuracy.mean, t.accuracy_standard_error = v.accuracy.standard_error, t.auc = v.auc,
  t.eer = v.eer;
  for (size_t i = 0; i < v.scores.size(); ++i) (v.same[i] ? t.genuine : t.impostor).push_back(v.scores[i]);
  t.groups = v.groups;
  t.roc = v.roc, t.threshold = v.threshold, t.table = figures(v);
  t.hardest_genuine = hardest(v, test, true, 12), t.hardest_impostor = hardest(v, test, false, 12);
  return t;
}

Report make_report(const Session& s, const RunFolder& folder, const RunResult& r,
                   const std::vector<std::string>& warnings) {
  Report report;
  report.title = s.config.run.name;
  report.summary =
      cat(network_text(s.config.network), ", trained with ", loss_text(s.config), " on ", s.data.description,
          r.stopped_by ? cat("; stopped at step ", s.step, " of ", s.steps) : "", ".");
  report.facts = {
      {"Network", network_text(s.config.network)},
      {"Parameters", cat(s.model.network().parameter_count())},
      {"Loss", loss_text(s.config)},
      {"Training data", s.data.description},
      {"Steps", cat(s.step, " of ", s.steps, ", batch ", s.config.train.batch)},
      {"Time", duration_text(r.train_seconds)},
      {"Speed", format("%.0f images/s", r.train_seconds > 0 ? double(r.images) / r.train_seconds : 0)},
      {"Seed", cat(s.config.run.seed)},
      {"Program", version_text()},
      {"Hardware", cat(cpu_name(), ", ", threads(), " threads, ", kernels<float>().name)}};
  auto behind_loss = report.facts.begin() + 3;
  for (const auto& [name, value] : r.scalars)
    behind_loss = report.facts.insert(behind_loss, {name, format("%.4g", value)}) + 1;
  report.train = folder.train_points();
  report.evaluations = folder.eval_points();
  if (r.test) report.tests.push_back(report_test(*r.test, *s.test));
  report.features = r.features, report.doppelgangers = r.doppelgangers, report.domains = r.domains;
  report.configuration = s.resolved;
  report.warnings = warnings;
  return report;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> figures(const TestResult& v) {
  std::vector<std::pair<std::string, std::string>> out = {
      {"pairs", cat(v.genuine, " genuine, ", v.impostor, " impostor")},
      {cat("accuracy (", v.accuracy.folds.size(), " folds)"),
       percent(v.accuracy.mean) + " +- " + percent(v.accuracy.standard_error)},
      {"threshold (mean of the folds)", format("%.4f", v.threshold)},
      {"AUC", format("%.4f", v.auc)},
      {"EER", percent(v.eer)}};
  for (const auto& p : v.operating_points)
    out.emplace_back(cat("TAR at FAR ", p.far),
                     percent(p.tar) + (p.too_few_impostors ? " (too few impostor pairs)" : ""));
  if (v.angular_fisher)
    out.emplace_back("angular Fisher score (lower is better)", format("%.4f", v.angular_fisher->score));
  return out;
}

std::vector<std::pair<std::string, std::string>> group_figures(const TestResult& v) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const GroupAccuracy& g : v.groups)
    out.emplace_back(
        "accuracy of " + g.group,
        cat(percent(g.common), std::isfinite(g.own) ? ", with its own thresholds " + percent(g.own) : "",
            " (", g.genuine, " + ", g.impostor, " pairs)"));
  return out;
}

std::string to_text(const std::vector<std::pair<std::string, std::string>>& table) {
  size_t width = 0;
  for (const auto& row : table) width = std::max(width, row.first.size());
  std::string out;
  for (const auto& [name, value] : table)
    out += name + std::string(width - name.size() + 2, ' ') + value + "\n";
  return out;
}

void write_summary(const Session& session, const RunFolder& folder, const RunResult& result,
                   const std::vector<std::string>& warnings) {
  write_file_atomic(folder / "run.json", run_json(session, result, folder).dump(2) + "\n");
  if (result.test) write_scores_csv(folder / "scores.csv", *result.test, session.test->names);
  if (!result.domains.dfi.empty()) write_domain_table(folder / "dfi.csv", result.domains);
  if (result.features.D > 0) write_features(folder / "features.csv", result.features);
  write_report(folder / "report.html", make_report(session, folder, result, warnings));
}

namespace {

// The keys of a run that differ from their defaults, one line.
std::string chosen_keys(const fs::path& run_folder) {
  Config config, defaults;
  Schema chosen = describe(config), standard = describe(defaults);
  chosen.read_ini(run_folder / "config.ini");
  std::string out;
  for (size_t i = 0; i < chosen.keys().size(); ++i) {
    const Key& key = chosen.keys()[i];
    if (key.affects == Affects::result && key.get() != standard.keys()[i].get())
      out += cat(out.empty() ? "" : ", ", "`", key.name, " = ", key.get(), "`");
  }
  return out;
}

std::string results_row(const ordered_json& j) {
  const auto& test = j["test"];
  std::string commits;
  for (const auto& earlier : j["program"].value("earlier_commits", std::vector<std::string>{}))
    commits += earlier + ", ";
  commits += j["program"]["commit"].get<std::string>();
  return cat(
      "| ", j["name"].get<std::string>(), " | ", j["loss"].get<std::string>(), " | ",
      percent(test["accuracy"].get<double>()), " +- ", percent(test["accuracy_standard_error"].get<double>()),
      " | ", format("%.4f", test["auc"].get<double>()), " | ", percent(test["eer"].get<double>()), " | ",
      test.contains("angular_fisher_score") ? format("%.3f", test["angular_fisher_score"].get<double>())
                                            : "-",
      " | ", j["images"].get<int64_t>(), " | ", format("%.1f", j["train_seconds"].get<double>() / 60), " | ",
      format("%.0f", j["images_per_second"].get<double>()), " | ", commits, " |\n");
}

std::string runs_markdown(const std::vector<fs::path>& run_folders) {
  std::string table =
      "| run | loss | accuracy | AUC | EER | AFS | pictures seen | minutes | images/s | commit "
      "|\n|---|---|---|---|---|---|---|---|---|---|\n";
  std::string details;
  for (const auto& folder : run_folders) {
    const auto j = ordered_json::parse(read_text(folder / "run.json"), nullptr, false);
    if (!j.is_object() || !j.contains("test"))
      throw Error(ErrorKind::data, cat((folder / "run.json").string(), ": no finished run with a test"));
    table += results_row(j);
    details +=
        cat("- **", j["name"].get<std::string>(), "**: ", j["network"].get<std::string>(), "; ",
            j["data"]["description"].get<std::string>(), "; tested on ",
            j["test"]["description"].get<std::string>(), "; ", j["hardware"]["cpu"].get<std::string>(), ", ",
            j["hardware"]["threads"].get<int>(), " threads, ", j["hardware"]["backend"].get<std::string>(),
            ". Keys that differ from their defaults: ", chosen_keys(folder), ".\n");
  }
  return "Written by `bin/results` from the `run.json` and `config.ini` of each run. Accuracy is the mean "
         "over ten "
         "folds, with its standard\nerror; AFS is the angular Fisher score of the test people with two or "
         "more pictures "
         "(lower is better); minutes are\nthose of training on the wall clock.\n\n" +
         table + "\n## Configurations\n\n" + details;
}

constexpr std::string_view kRunsBegin = "<!-- runs -->\n", kRunsEnd = "<!-- end of runs -->\n";

}  // namespace

std::string results_markdown(const std::vector<fs::path>& run_folders, const std::string& document) {
  const std::string runs = cat(kRunsBegin, runs_markdown(run_folders), kRunsEnd);
  const size_t begin = document.find(kRunsBegin), end = document.find(kRunsEnd);
  if (document.empty()) return "# Results\n\n" + runs;
  if (begin == document.npos || end == document.npos || end < begin)
    throw Error(ErrorKind::data,
                "the document has no lines <!-- runs --> and <!-- end of runs --> to write between");
  return document.substr(0, begin) + runs + document.substr(end + kRunsEnd.size());
}

}  // namespace fr
