#include "fr/dail/dataset_weights.h"

#include <cmath>
#include <numeric>
#include <sstream>

#include "base/error.h"

namespace fr {

DatasetWeights parse_dataset_weights(const std::string& text) {
  if (text == "pictures") return {};
  if (text == "sqrt") return {DatasetWeights::By::sqrt};
  DatasetWeights w{DatasetWeights::By::given};
  std::istringstream in(text);
  for (std::string word; in >> word;) {
    size_t read = 0;
    double value = 0;
    try {
      value = std::stod(word, &read);
    } catch (const std::exception&) {
    }
    FR_CHECK(read == word.size() && value > 0 && value < 1e9, "expected numbers > 0, found '", word, "'");
    w.given.push_back(value);
  }
  FR_CHECK(!w.given.empty(), "expected pictures, sqrt or numbers");
  return w;
}

std::string dataset_weights_text(const DatasetWeights& w) {
  if (w.by == DatasetWeights::By::pictures) return "pictures";
  if (w.by == DatasetWeights::By::sqrt) return "sqrt";
  std::string text;
  for (const double v : w.given) text += cat(text.empty() ? "" : ", ", v);
  return text;
}

std::vector<double> dataset_shares(const DatasetWeights& w, const std::vector<int64_t>& pictures) {
  using By = DatasetWeights::By;
  FR_CHECK(w.by != By::given || w.given.size() == pictures.size(), "data.weights has ", w.given.size(),
           " numbers for ", pictures.size(), " data sets");
  std::vector<double> share;
  for (size_t k = 0; k < pictures.size(); ++k) {
    const double n = double(pictures[k]);
    share.push_back(w.by == By::pictures ? n : w.by == By::sqrt ? std::sqrt(n) : w.given[k]);
  }
  const double sum = std::accumulate(share.begin(), share.end(), 0.0);
  for (double& s : share) s /= sum;
  return share;
}

}  // namespace fr
