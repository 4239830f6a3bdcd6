#include "data/pk_order.h"

#include <algorithm>
#include <numeric>

#include "data/shuffle.h"

namespace fr {
namespace {

class Cards {
 public:
  explicit Cards(std::vector<int64_t> cards) : cards_(std::move(cards)), dealt_(cards_.size()) {}

  void deal(int64_t K, Random& random, std::vector<int64_t>& hand) {
    const auto size = cards_.size(), wanted = static_cast<size_t>(K);
    if (size - dealt_ < wanted) dealt_ = size;
    for (size_t k = 0; k < wanted; ++k) {
      if (dealt_ == size) shuffle(cards_, random), dealt_ = 0;
      hand.push_back(cards_[dealt_++]);
    }
  }

 private:
  std::vector<int64_t> cards_;
  size_t dealt_;
};

class Identities {
 public:
  explicit Identities(size_t count) : round_(count), drawn_(count) {
    std::iota(round_.begin(), round_.end(), size_t{0});
  }

  std::vector<size_t> draw(int64_t P, Random& random) {
    std::vector<size_t> batch;
    while (batch.size() < static_cast<size_t>(P)) {
      if (drawn_ == round_.size()) begin_round(batch, random);
      batch.push_back(round_[drawn_++]);
    }
    return batch;
  }

 private:
  // Those that the batch holds already come last.
  void begin_round(const std::vector<size_t>& batch, Random& random) {
    shuffle(round_, random), drawn_ = 0;
    std::stable_partition(round_.begin(), round_.end(), [&](size_t identity) {
      return std::find(batch.begin(), batch.end(), identity) == batch.end();
    });
  }

  std::vector<size_t> round_;
  size_t drawn_;
};

}  // namespace

std::vector<std::vector<int64_t>> images_of_classes(const Source& source, int64_t first, int64_t last) {
  std::vector<std::vector<int64_t>> images(static_cast<size_t>(source.num_classes()));
  for (int64_t i = first; i < last; ++i) images.at(static_cast<size_t>(source.label(i))).push_back(i);
  return images;
}

std::vector<int64_t> pk_order(const Source& source, int64_t P, int64_t K, int64_t batches, Random random) {
  std::vector<Cards> cards;
  for (auto& images : images_of_classes(source, 0, source.size()))
    if (!images.empty()) cards.emplace_back(std::move(images));
  Identities identities(cards.size());
  std::vector<int64_t> order;
  order.reserve(static_cast<size_t>(batches * P * K));
  for (int64_t b = 0; b < batches; ++b)
    for (const size_t identity : identities.draw(P, random)) cards[identity].deal(K, random, order);
  return order;
}

int64_t classes_with_images(const Source& source) {
  return std::ranges::count_if(images_of_classes(source, 0, source.size()),
                               [](const auto& images) { return !images.empty(); });
}

}  // namespace fr
