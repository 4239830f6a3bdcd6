#include "fr/backbone/embedding_head.h"

#include <cmath>

namespace fr {
namespace {

LinearSpec fc(const EmbeddingHead& head) {
  const int64_t size = elements(head.map);
  return {size, head.D, Bias::with, Init::uniform(1 / std::sqrt(double(size)))};
}

}  // namespace

void EmbeddingHead::append_to(Sequential& output) const {
  output.add<BatchNorm>("bn1", map.back());
  output.add<Flatten>("flatten");
  if (dropout > 0) output.add<Dropout>("dropout", dropout, 0);
  output.add<Linear>("fc", fc(*this));
  output.add<BatchNorm>("bn2", BatchNormSpec{.C = D, .scale = BatchNormSpec::Scale::fixed});
}

void EmbeddingHead::describe(Describer& d) const {
  d.batch_norm("output.bn1");
  d.dropout("output.dropout", dropout);
  d.linear("output.fc", fc(*this));
  d.batch_norm("output.bn2");
}

}  // namespace fr
