// What every protocol is: a list of pictures it wants embedded, and what their embeddings say. And what every protocol tells:
// figures with their intervals, the pairs behind them, a threshold card, curves, groups.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "data/image.h"
#include "fr/calibration/calibrator.h"
#include "fr/protocol/bootstrap.h"
#include "fr/protocol/metrics.h"
#include "fr/protocol/score_stream.h"

namespace fr {

enum class FigureUnit { share, number, score };  // share: 0..1, shown as a percentage

struct Figure {
  std::string key;   // stable, for JSON and CSV: "tar_at_far_1e-4"
  std::string name;  // for a reader: "TAR at FAR 0.01 %"
  double value = 0;
  Interval interval = {};
  FigureUnit unit = FigureUnit::share;
  std::string warning = {};  // why it is not to be trusted, in a few words; empty: nothing to say
};

// FAR -> threshold, for the person who deploys.
struct CardRow {
  double far = 0;
  double threshold = 0;  // accept when score >= threshold; +inf: the data hold no such threshold
  double realised_far = 0, tar = 0;
  Interval tar_interval = {};
  bool resolved = true;  // false: the FAR is below what the impostor pairs can show (far N < 1)
};

enum class CurveKind {
  roc,
  det,
  cmc,
  dir,
  coverage
};  // x and y of each: FAR TAR, FAR FRR, rank share, FPIR share,
    // coverage precision
struct ProtocolCurve {
  CurveKind kind = CurveKind::roc;
  std::string name;  // of the line, when there are several of a kind: a subset, a fold, a rank
  std::vector<std::pair<double, double>> points;
};

struct GroupRow {
  std::string group;
  int64_t genuine = 0, impostor = 0;
  double accuracy = 0, far = 0, frr = 0;  // at the one global threshold
  Interval accuracy_interval = {}, far_interval = {}, frr_interval = {};
};

// What the numbers of ProtocolResult::scores are.
enum class PairIds {
  pictures,  // places in the list of pictures: scores.csv has their names
  own,       // of templates or videos: scores.csv has the numbers
};

struct ProtocolResult {
  std::string protocol;     // the word of the configuration
  std::string title;        // "LFW", "IJB-C 1:1"
  std::string description;  // one or two sentences: what was compared, how thresholds were chosen
  std::string score;        // what a score is
  std::string calibration;  // the calibrator's name
  std::vector<std::pair<std::string, int64_t>> counts;  // "genuine pairs", "impostor pairs", "pictures", ...
  std::vector<Figure> figures;                          // the first one makes the headline
  std::vector<CardRow> card;
  std::vector<ProtocolCurve> curves;
  std::vector<double> genuine, impostor;  // scores for histograms: all of them, or a sample
  double threshold =
      std::numeric_limits<double>::quiet_NaN();  // of the headline's accuracy, in units of the score
  std::vector<GroupRow> groups;
  std::string group_title;                                    // "ethnicity", "age"
  std::vector<ScoredPair> hardest_genuine, hardest_impostor;  // places in the list of pictures
  // Every pair with its score, when there are at most some millions: what scores.csv holds.
  struct PairScore {
    int64_t a, b;  // score_ids says of what
    double score;
    bool same;
    int fold;
    std::string group = {};
  };
  std::vector<PairScore> scores;
  PairIds score_ids = PairIds::pictures;
  std::vector<std::string> warnings, notes;
};

struct PictureList {
  std::vector<std::string> names;
  std::function<Image(int64_t)> picture;  // throws Error{data}, Error{io}
};

struct ProtocolOptions {
  ThresholdMode threshold = ThresholdMode::exact;
  bool centre = false;  // subtract the mean of the training folds first (SphereFace's LFW script)
  std::vector<double> far = {1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6};
  std::vector<double> card = {1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6};
  BootstrapOptions bootstrap;
};

// Embeddings (N,D) of the pictures, in their order, from one model or from several; of several, the score of a pair is the mean
// of the models' scores.
using ModelEmbeddings = std::vector<EmbeddingView>;

class Protocol {
 public:
  virtual ~Protocol() = default;
  virtual const PictureList& pictures() const = 0;
  // "6000 pairs in 10 folds of 7701 pictures": for --check and the log, before anything is embedded.
  virtual std::string description() const = 0;
  // Throws std::invalid_argument for sizes that do not fit the list, Error{data} when the protocol cannot be followed: no
  // genuine or impostor pair, a score that is not finite, too few folds.
  virtual ProtocolResult evaluate(const ModelEmbeddings& embeddings, const Calibrator& calibrator,
                                  const ProtocolOptions& options) const = 0;
};

// The models' rows scaled to unit length, side by side and scaled again by 1 / sqrt(models): the cosine of such rows is the
// mean of the models' cosines. One model: its rows as they are.
std::vector<float> side_by_side(const ModelEmbeddings& embeddings);

}  // namespace fr
