#include "data/part_order.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "data/pk_order.h"
#include "data/shuffle.h"

namespace fr {
namespace {

std::vector<int64_t> uniform_order(int64_t first, int64_t last, int64_t draws, Random& random) {
  std::vector<int64_t> round(static_cast<size_t>(last - first)), order;
  std::iota(round.begin(), round.end(), first);
  while (static_cast<int64_t>(order.size()) < draws) {
    shuffle(round, random);
    const int64_t wanted = std::min<int64_t>(last - first, draws - static_cast<int64_t>(order.size()));
    order.insert(order.end(), round.begin(), round.begin() + wanted);
  }
  return order;
}

}  // namespace

std::vector<int64_t> balanced_order(const Source& source, int64_t first, int64_t last, int64_t draws,
                                    Random& random) {
  std::vector<std::vector<int64_t>> of_class = images_of_classes(source, first, last);
  std::erase_if(of_class, [](const auto& images) { return images.empty(); });
  std::vector<size_t> round(of_class.size());
  std::iota(round.begin(), round.end(), size_t{0});
  std::vector<int64_t> order;
  while (static_cast<int64_t>(order.size()) < draws) {
    shuffle(round, random);
    for (const size_t c : round)
      order.push_back(of_class[c][random.below(static_cast<uint32_t>(of_class[c].size()))]);
  }
  order.resize(static_cast<size_t>(draws));
  return order;
}

std::vector<int64_t> draws_of_parts(const std::vector<LoaderPart>& parts, int64_t draws) {
  double sum = 0;
  for (const LoaderPart& p : parts) sum += p.share;
  std::vector<int64_t> count;
  std::vector<std::pair<double, size_t>> rest;  // the largest remainder first
  int64_t given = 0;
  for (size_t k = 0; k < parts.size(); ++k) {
    const double wanted = parts[k].share / sum * static_cast<double>(draws);
    count.push_back(static_cast<int64_t>(std::floor(wanted)));
    rest.emplace_back(std::floor(wanted) - wanted, k), given += count.back();
  }
  std::sort(rest.begin(), rest.end());
  for (size_t r = 0; given < draws; ++r, ++given) ++count[rest[r % rest.size()].second];
  return count;
}

std::vector<int64_t> part_order(const Source& source, const std::vector<LoaderPart>& parts, Order order,
                                int64_t draws, Random random) {
  const std::vector<int64_t> count = draws_of_parts(parts, draws);
  std::vector<int64_t> all;
  for (size_t k = 0; k < parts.size(); ++k) {
    const auto [first, last, share] = parts[k];
    const std::vector<int64_t> own = order == Order::balanced
                                         ? balanced_order(source, first, last, count[k], random)
                                         : uniform_order(first, last, count[k], random);
    all.insert(all.end(), own.begin(), own.end());
  }
  shuffle(all, random);
  return all;
}

}  // namespace fr
