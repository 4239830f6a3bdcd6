// Calibration: the score of two embeddings in their contexts. Plain cosine is one calibrator; cohort normalisation (z-, t-,
// s-norm) and discrepancy alignment (IDA) are others, and whatever else knows more of a picture than its direction. A calibrator sees each set of
// embeddings once (prepare) and then scores pairs of their rows, one by one or in blocks. Higher means more similar.
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fr/pfe/distribution.h"

namespace fr {

// One set of embeddings as its calibrator compares them.
struct CalibratedRows {
  std::vector<float> rows;     // (N,D): unit length; a row shorter than 1e-12 becomes zeros
  std::vector<float> context;  // (N,C): what the calibrator knows of each row beside its direction
  int64_t N = 0, D = 0, C = 0;
};

class Calibrator {
 public:
  virtual ~Calibrator() = default;
  virtual std::string name() const = 0;   // "none", "s_norm": the word of a configuration
  virtual std::string score() const = 0;  // what a score is, for a reader: "cosine similarity"

  // Throws std::invalid_argument for sizes, Error{data} naming the row for an embedding that is not finite.
  virtual CalibratedRows prepare(const EmbeddingView& embeddings) const = 0;
  // Rows [i, i + n) of `a`, which take the part of the gallery (enrolment), with rows [j, j + m) of `b`, the probes
  // -> scores (n,m). The same numbers whatever the blocks. Safe to call from several threads.
  virtual void scores(float* out, const CalibratedRows& a, int64_t i, int64_t n, const CalibratedRows& b,
                      int64_t j, int64_t m) const = 0;
  // Row i of `a` with row j of `b`, in double.
  virtual double score(const CalibratedRows& a, int64_t i, const CalibratedRows& b, int64_t j) const = 0;
  // Given: embeddings are distributions, rows (N,2D) of fr/pfe/distribution.h, and those of a template are fused so.
  virtual std::optional<Fusion> fusion() const { return std::nullopt; }
};

// ida_r, ida_l: fr/calibration/discrepancy.h, by anchors or by a network that was trained on them. pfe, pfe_ida:
// fr/calibration/pfe.h.
enum class CalibrationType { none, z_norm, t_norm, s_norm, ida_r, ida_l, pfe, pfe_ida };
inline const std::vector<std::pair<std::string, CalibrationType>> kCalibrationWords = {
    {"none", CalibrationType::none},     {"z_norm", CalibrationType::z_norm},
    {"t_norm", CalibrationType::t_norm}, {"s_norm", CalibrationType::s_norm},
    {"ida_r", CalibrationType::ida_r},   {"ida_l", CalibrationType::ida_l},
    {"pfe", CalibrationType::pfe},       {"pfe_ida", CalibrationType::pfe_ida}};
inline const std::vector<std::pair<std::string, CalibrationType>> kCohortNormWords = {
    kCalibrationWords.begin() + 1, kCalibrationWords.begin() + 4};
// What a calibration file may be of.
inline const std::vector<std::pair<std::string, CalibrationType>> kCalibrationFileWords = {
    kCalibrationWords.begin() + 1, kCalibrationWords.begin() + 6};
std::string calibration_word(CalibrationType type);
bool scores_distributions(CalibrationType type);  // whether its calibrator has a fusion()

struct CalibrationOptions {
  CalibrationType type = CalibrationType::none;
  std::string file = {};  // what the calibrator was given to know (docs/formats.md); none needs no file
  // Only the so many most similar of the cohort, or of the anchors (k of IDA), count; 0: as the file says, else all of a
  // cohort and 10 anchors. ida_l: that of the file, or 0.
  int64_t top = 0;
  // What made the embeddings that will be scored: weights_fingerprint(), flip_word(), patch_word(). The file must be of the
  // same; empty: any.
  std::string weights = {}, flip = {}, patch = {};
  static constexpr double kAsTheFile = -1;
  double tau = kAsTheFile;          // of IDA; a file that does not say: 1. ida_l: that of the file
  Fusion fusion = Fusion::product;  // pfe, pfe_ida: of templates
  VarianceOrigin variances =
      {};  // pfe: for score(); pfe_ida: v is its typical variance, half of it with `flip`
};

// Throws Error{usage} for a type that needs a file and has none, or variances and nothing is told of them, Error{io}, Error{data} for a file that is damaged or of
// another type, Error{state} for one that another model or flip made.
std::unique_ptr<Calibrator> make_calibrator(const CalibrationOptions& options);

}  // namespace fr
