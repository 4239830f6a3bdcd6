#include "fr/detection/mtcnn.h"

#include <algorithm>
#include <cmath>

#include "fr/detection/boxes.h"
#include "fr/detection/mtcnn_input.h"
#include "fr/detection/mtcnn_net.h"
#include "nn/safetensors.h"

namespace fr {
namespace {

constexpr int64_t kBatch = 64;  // squares a forward pass
// The proposal network's first map, a strip at a time, is to stay in the cache: so many values of it, with so many filters.
constexpr int64_t kStripValues = 1 << 18, kFilters = 10;

struct Candidate {
  Box box;
  double score = 0;
  Correction correction;
  Landmarks landmarks = {};
};

// Softmax of two classes.
double probability(const float* y) { return 1 / (1 + std::exp(double(y[0]) - double(y[1]))); }
Correction correction_of(const float* y) { return {y[2], y[3], y[4], y[5]}; }

// Shares of the square; 0 is the centre of its first pixel.
Landmarks landmarks_of(const float* y, const Square& square) {
  Landmarks out;
  for (size_t i = 0; i < out.size(); ++i)
    out[i] = {square.x + double(y[6 + i]) * square.side, square.y + double(y[11 + i]) * square.side};
  return out;
}

void correct(std::vector<Candidate>& candidates) {
  for (Candidate& c : candidates) c.box = corrected(c.box, c.correction);
}

const MtcnnOptions& checked(const MtcnnOptions& o) {
  FR_CHECK(o.smallest_face >= MtcnnNet::kCell && o.smallest_face <= 1e6,
           "mtcnn: expected a smallest face of ", MtcnnNet::kCell,
           " pixels or more, what the P-net sees, got ", o.smallest_face);
  FR_CHECK(o.pyramid >= 0.1 && o.pyramid <= 0.95, "mtcnn: expected a pyramid factor in 0.1 .. 0.95, got ",
           o.pyramid);
  for (const double t : o.thresholds)
    FR_CHECK(t > 0 && t < 1, "mtcnn: expected thresholds in (0, 1), got ", t);
  return o;
}

}  // namespace

struct Mtcnn::Nets {
  MtcnnOptions options;
  MtcnnNet proposal, refine, output;

  Nets(const NamedTensors& weights, const std::string& file, const MtcnnOptions& o)
      : options(checked(o)),
        proposal(MtcnnStage::proposal, weights, file),
        refine(MtcnnStage::refine, weights, file),
        output(MtcnnStage::output, weights, file) {}

  // One level of the pyramid, in strips.
  std::vector<Candidate> propose(const Image& level, double scale_x, double scale_y) const {
    constexpr int kCell = MtcnnNet::kCell, kStride = MtcnnNet::kStride;
    const int P = (level.height - kCell) / kStride + 1, Q = (level.width - kCell) / kStride + 1;
    const int64_t cell_row = kStride * kFilters * level.width;
    const int step = static_cast<int>(std::clamp<int64_t>(kStripValues / cell_row, 1, P));
    std::vector<Candidate> found;
    for (int first = 0; first < P; first += step) {
      const int rows = std::min(step, P - first);
      const Tensor y = proposal.run(mtcnn_rows(level, first * kStride, (rows - 1) * kStride + kCell));
      const float* cell = y.as<float>();
      for (int p = first; p < first + rows; ++p)
        for (int q = 0; q < Q; ++q, cell += proposal.columns()) {
          const double score = probability(cell);
          if (!(score >= options.thresholds[0])) continue;
          const double x = kStride * q, y0 = kStride * p;
          found.push_back({{x * scale_x - 0.5, y0 * scale_y - 0.5, (x + kCell) * scale_x - 0.5,
                            (y0 + kCell) * scale_y - 0.5},
                           score,
                           correction_of(cell)});
        }
    }
    return suppress(found, 0.5, Overlap::of_union);
  }

  std::vector<Candidate> propose(const Image& image) const {
    std::vector<Candidate> all;
    for (const Image& level : mtcnn_pyramid(image, options.smallest_face, options.pyramid)) {
      const auto found =
          propose(level, double(image.width) / level.width, double(image.height) / level.height);
      all.insert(all.end(), found.begin(), found.end());
    }
    all = suppress(all, 0.7, Overlap::of_union);
    correct(all);
    return all;
  }

  // What the network thinks of the squares around the candidates.
  std::vector<Candidate> judge(const Image& image, const std::vector<Candidate>& candidates,
                               MtcnnStage stage) const {
    const MtcnnNet& net = stage == MtcnnStage::refine ? refine : output;
    std::vector<Square> squares;
    for (const Candidate& c : candidates)
      if (const auto square = square_around(c.box, image.width, image.height)) squares.push_back(*square);
    std::vector<Candidate> out;
    for (size_t begin = 0; begin < squares.size(); begin += kBatch) {
      const auto batch = std::span(squares).subspan(begin, std::min<size_t>(kBatch, squares.size() - begin));
      const Tensor y = net.run(mtcnn_squares(image, batch, MtcnnNet::input_side(stage)));
      const float* row = y.as<float>();
      for (const Square& square : batch) {
        Candidate c{square.box(), probability(row), correction_of(row)};
        if (stage == MtcnnStage::output) c.landmarks = landmarks_of(row, square);
        if (c.score >= options.thresholds[static_cast<int>(stage)]) out.push_back(c);
        row += net.columns();
      }
    }
    return out;
  }
};

Mtcnn::Mtcnn(const std::filesystem::path& weights, const MtcnnOptions& options)
    : nets_(std::make_unique<Nets>(read_safetensors(weights).tensors, weights.string(), options)) {}
Mtcnn::~Mtcnn() = default;

std::vector<Face> Mtcnn::detect(const Image& image) const {
  FR_CHECK(image.channels == 3, "mtcnn: expected 3 channels, got ", image.channels);
  std::vector<Candidate> candidates = nets_->propose(image);
  candidates = nets_->judge(image, candidates, MtcnnStage::refine);
  candidates = suppress(candidates, 0.7, Overlap::of_union);
  correct(candidates);
  candidates = nets_->judge(image, candidates, MtcnnStage::output);
  correct(candidates);
  std::vector<Face> faces;
  for (const Candidate& c : suppress(candidates, 0.7, Overlap::of_smaller))
    faces.push_back({c.box, c.score, c.landmarks});
  return faces;
}

const Face* main_face(const std::vector<Face>& faces, double least) {
  const Face* largest = nullptr;
  const auto area = [](const Face& f) { return f.box.width() * f.box.height(); };
  for (const Face& face : faces)
    if (face.score >= least && (!largest || area(face) > area(*largest))) largest = &face;
  return largest;
}

}  // namespace fr
