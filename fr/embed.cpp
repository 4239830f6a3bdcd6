#include "fr/embed.h"

#include <algorithm>

#include "data/augment.h"
#include "fr/model.h"
#include "fr/pfe/distribution.h"

namespace fr {
namespace {

Var embedded(Module& network, const Var& x, EmbeddingKind kind) {
  if (kind == EmbeddingKind::points) return network.forward(x);
  auto* model = dynamic_cast<FaceModel*>(&network);
  if (!model || !model->uncertainty())
    throw Error(
        ErrorKind::usage,
        "the model gives points, not distributions: its file has no uncertainty module. bin/train with "
        "pfe.model trains one");
  return model->distributions(x);
}

// Pictures [begin, end), as they are or mirrored -> (end - begin, D).
std::vector<float> forward(Module& network, const std::vector<Image>& pictures, const EmbedOptions& o,
                           Mirror mirror) {
  const int64_t n = static_cast<int64_t>(pictures.size());
  const Tensor x({n, o.height, o.width, 3});
  float* pixels = x.as<float>();
  for (const Image& picture : pictures) {
    to_float(pixels, picture, static_cast<int>(o.height), static_cast<int>(o.width), mirror);
    pixels += o.height * o.width * 3;
  }
  return embedded(network, Var(x.to(network.device())), o.kind).value().host<float>();
}

}  // namespace

Embeddings embed(Module& network, int64_t n, const std::function<Image(int64_t)>& picture,
                 const EmbedOptions& options, const std::function<void(int64_t)>& done) {
  const NoGrad no_grad;
  const bool was_training = network.training();
  network.train(false);
  network.prepare();
  Embeddings out;
  out.N = n;
  for (int64_t begin = 0; begin < n; begin += options.batch) {
    const int64_t end = std::min(n, begin + options.batch);
    std::vector<Image> pictures;
    for (int64_t i = begin; i < end; ++i)
      pictures.push_back(cut_patch(picture(i), options.patch, int(options.height), int(options.width)));
    const auto plain = forward(network, pictures, options, Mirror::no);
    const auto mirrored = options.flip == FlipMode::none ? std::vector<float>()
                                                         : forward(network, pictures, options, Mirror::yes);
    const int64_t D = static_cast<int64_t>(plain.size()) / (end - begin);
    const auto joined = options.kind == EmbeddingKind::points
                            ? combine_flip(options.flip, plain, mirrored, D)
                            : combine_flip_distributions(options.flip, plain, mirrored, D);
    out.D = static_cast<int64_t>(joined.size()) / (end - begin);
    out.values.insert(out.values.end(), joined.begin(), joined.end());
    if (done) done(end);
  }
  network.train(was_training);
  return out;
}

}  // namespace fr
