// The file of a cohort: the embeddings of impostors, and what made them (docs/formats.md).
#pragma once
#include <string>
#include <vector>

#include "base/file.h"
#include "fr/calibration/calibrator.h"

namespace fr {

struct Cohort {
  CalibrationType type = CalibrationType::s_norm;  // what it was made for; it serves every cohort norm
  int64_t top = 0;                                 // as CalibrationOptions::top
  std::string network;                             // the keys of the model's [network]
  std::string weights;                             // which weights: weights_fingerprint()
  std::string flip;                                // the word of FlipMode
  std::string patch;                               // the word of Patch
  std::vector<float> rows;                         // (M,D): unit length
  int64_t M = 0, D = 0;
  EmbeddingView view() const { return {rows, M, D}; }
};

// Atomic. Throws std::invalid_argument for sizes, Error{io}.
void write_cohort(const fs::path& path, const Cohort& cohort);
// Throws Error{io}; Error{data} naming the file and the key or tensor: damaged, of another type, without cohort, not finite.
Cohort read_cohort(const fs::path& path);

// Leaves out every row whose cosine with an earlier one that stays is above `cosine` (duplicates count twice in the
// statistics). Rows (M,D) of unit length. Returns how many were left out.
int64_t drop_duplicates(std::vector<float>& rows, int64_t D, double cosine);

// The lines of [network] of a configuration's INI text.
std::string network_keys(const std::string& ini);

}  // namespace fr
