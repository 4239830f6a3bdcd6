#include "fr/data_checks.h"

namespace fr {
namespace {

void require_list(const char* key, const std::string& path, const std::string& root) {
  require(path.empty() || std::filesystem::is_regular_file(find_list(path, root)),
          cat(key, " = ", path, ": no such file, neither here nor below data.root"));
}

void check_folders(const Config::Data& d) {
  const bool files = d.source != DataSource::synthetic && d.source != DataSource::digits;
  const bool needs_list = d.source == DataSource::list || d.source == DataSource::people;
  require(!files || !d.roots.empty(), "data.root is missing: the folder of the training pictures");
  for (const std::string& root : d.roots)
    require(!files || std::filesystem::is_directory(root), "data.root = " + root + ": no such folder");
  require(!needs_list || !d.lists.empty(), "data.list is missing: data.source needs a list");
  require(!needs_list || d.lists.size() == 1 || d.lists.size() == d.roots.size(),
          cat("data.list has ", d.lists.size(), " lists for the ", d.roots.size(),
              " folders of data.root; expected one for each, or one for all"));
  for (size_t k = 0; needs_list && k < d.roots.size(); ++k) require_list("data.list", d.list(k), d.roots[k]);
  require_list("data.test_pairs", d.test_pairs, d.root());
}

// The same people twice would be impostors of themselves.
void check_datasets(const Config& c) {
  const auto where = [&](size_t k) {
    return std::pair(std::filesystem::weakly_canonical(c.data.roots[k]), c.data.list(k));
  };
  const bool files = c.data.source != DataSource::synthetic && c.data.source != DataSource::digits;
  for (size_t k = 0; files && k < c.data.roots.size(); ++k)
    for (size_t j = 0; j < k; ++j)
      require(where(j) != where(k),
              "data.root names " + c.data.roots[k] + " twice: a data set is there once");
  const size_t datasets = c.data.source == DataSource::synthetic ? size_t(c.synthetic.datasets)
                          : files                                ? c.data.roots.size()
                                                                 : 1;
  const bool weighted = c.data.weights.by != DatasetWeights::By::pictures;
  require(c.data.weights.by != DatasetWeights::By::given || c.data.weights.given.size() == datasets,
          cat("data.weights has ", c.data.weights.given.size(), " numbers for ", datasets, " data sets"));
  require(!weighted || c.data.order == Order::uniform || c.data.order == Order::balanced,
          "data.weights: batches of data.order = pk and doppelganger are made by people; use uniform or "
          "balanced");
  for (const auto& [name, weight] : c.loss.terms) {
    if (name != "domain") continue;
    require(datasets > 1,
            "loss.name: domain tells data sets apart; expected several, in data.root or synthetic.datasets");
    require(c.train.batch > 1,
            cat("train.batch = ", c.train.batch,
                ": the classifier of loss.name = domain normalises over the batch; allowed: 2 or more"));
  }
}

}  // namespace

void require(bool ok, const std::string& message) {
  if (!ok) throw Error(ErrorKind::usage, "configuration: " + message);
}

void check_data(const Config& c) {
  check_folders(c.data);
  check_datasets(c);
}

}  // namespace fr
