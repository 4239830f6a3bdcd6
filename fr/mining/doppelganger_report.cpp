#include "fr/mining/doppelganger_report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace fr {
namespace {

struct ClassPair {
  int64_t of, is;
  bool mutual;
  double cosine;
};

double cosine_of_rows(const std::vector<float>& w, int64_t D, int64_t a, int64_t b) {
  double ab = 0, aa = 0, bb = 0;
  for (int64_t d = 0; d < D; ++d) {
    const double u = w[size_t(a * D + d)], v = w[size_t(b * D + d)];
    ab += u * v, aa += u * u, bb += v * v;
  }
  return ab / std::sqrt(std::max(aa * bb, 1e-30));
}

// Two classes that are each other's make one pair.
std::vector<ClassPair> strongest_pairs(const DoppelgangerList& list, const Tensor& weights, size_t most) {
  const std::vector<float> w = weights.host<float>();
  std::vector<ClassPair> pairs;
  for (int64_t c = 0; c < list.classes(); ++c) {
    const int64_t is = list.newest(c);
    const bool mutual = is >= 0 && list.newest(is) == c;
    if (is < 0 || (mutual && is < c)) continue;
    pairs.push_back({c, is, mutual, cosine_of_rows(w, weights.dim(1), c, is)});
  }
  std::stable_sort(pairs.begin(), pairs.end(), [](const ClassPair& a, const ClassPair& b) {
    return a.mutual != b.mutual ? a.mutual : a.cosine > b.cosine;
  });
  pairs.resize(std::min(pairs.size(), most));
  return pairs;
}

Image picture(const Source& source, int64_t i) {
  try {
    return source.load(i);
  } catch (const Error&) {
    return {};
  }
}

// Two rows of two, where the first four are of one size; else the first.
Image mosaic(const Source& source, const std::vector<int64_t>& images) {
  if (images.empty()) return {};
  const Image first = picture(source, images[0]);
  if (images.size() < 4) return first;
  const int w = first.width, h = first.height;
  Image all(2 * w, 2 * h, first.channels);
  for (int k = 0; k < 4; ++k) {
    const Image one = k == 0 ? first : picture(source, images[size_t(k)]);
    if (one.width != w || one.height != h || one.channels != first.channels) return first;
    for (int y = 0; y < h; ++y)
      std::copy_n(one.pixels.data() + size_t(y) * size_t(w * one.channels), w * one.channels,
                  all.at(k % 2 * w, k / 2 * h + y));
  }
  return all;
}

std::vector<int64_t> first_images(const Source& source, int64_t c) {
  std::vector<int64_t> images;
  for (int64_t i = 0; i < source.size() && images.size() < 4; ++i)
    if (source.label(i) == c) images.push_back(i);
  return images;
}

std::string text_of(const DoppelgangerCounts& n) {
  if (n.listed == 0) return cat("None of the ", n.classes, " classes has a doppelganger yet.");
  char share[32];
  std::snprintf(share, sizeof share, "%.1f %%", 100.0 * double(n.mutual) / double(n.listed));
  return cat(
      n.listed, " of ", n.classes, " classes have a doppelganger, the class that their pictures were ",
      "last most easily mistaken for; ", n.mutual, " of them (", share, ") are the doppelganger of theirs. ",
      "Shown are first those, then others, by the cosine of the ", "class weights, which stands below.");
}

}  // namespace

ReportDoppelgangers report_doppelgangers(const DoppelgangerList& list, FaceModel& model, const Source& source,
                                         size_t most) {
  const DoppelgangerCounts counts = counts_of(list);
  ReportDoppelgangers report{counts.classes, counts.listed, counts.mutual, text_of(counts), {}};
  const NamedTensors state = collect_state(model);
  for (const ClassPair& p : strongest_pairs(list, state.at("head.weight"), most)) {
    const std::vector<int64_t> a = first_images(source, p.of), b = first_images(source, p.is);
    const auto name = [&](const std::vector<int64_t>& images) {
      return images.empty() ? std::string("no picture") : source.name(images[0]);
    };
    report.pairs.push_back({mosaic(source, a), mosaic(source, b), name(a), name(b), p.cosine});
  }
  return report;
}

}  // namespace fr
