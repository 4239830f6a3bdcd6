// How often the pictures of each of several data sets are drawn.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace fr {

struct DatasetWeights {
  enum class By {
    pictures,  // every picture once an epoch
    sqrt,      // a data set in proportion to the root of its number of pictures
    given,     // a data set in proportion to its number here
  };
  By by = By::pictures;
  std::vector<double> given = {};
};

// "pictures", "sqrt", or a number > 0 for each data set. Throws std::invalid_argument with the reason.
DatasetWeights parse_dataset_weights(const std::string& text);
std::string dataset_weights_text(const DatasetWeights& weights);

// Of what is drawn, the share of each data set; they sum to 1. pictures (datasets).
// Throws std::invalid_argument where the number of weights is not that of the data sets.
std::vector<double> dataset_shares(const DatasetWeights& weights, const std::vector<int64_t>& pictures);

}  // namespace fr
