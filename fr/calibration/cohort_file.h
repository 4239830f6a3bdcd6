// The file of a cohort: the embeddings of impostors, or anchors, and what made them (docs/formats.md).
#pragma once
#include <string>
#include <vector>

#include "base/file.h"
#include "fr/calibration/calibration_file.h"

namespace fr {

struct Cohort {
  CalibrationType type =
      CalibrationType::s_norm;  // what it was made for; it serves every cohort norm and ida_r
  int64_t top = 0;              // as CalibrationOptions::top
  double tau = 1;               // of ida_r
  EmbeddingOrigin origin;
  std::string from = {};            // where the pictures are from, for a reader
  std::vector<float> rows = {};     // (M,D): unit length
  std::vector<std::string> people;  // (M): who is on each, "" where nobody knows; or empty
  int64_t M = 0, D = 0;
  EmbeddingView view() const { return {rows, M, D, people}; }
};

// Atomic. Throws std::invalid_argument for sizes, Error{io}.
void write_cohort(const fs::path& path, const Cohort& cohort);
// Throws Error{io}; Error{data} naming the file and the key or tensor: damaged, of another type, without cohort, not finite.
Cohort read_cohort(const fs::path& path);

Cohort read_cohort(const CalibrationFile& file);

// Leaves out every row whose cosine with an earlier one that stays is above `cosine` (duplicates count twice in the
// statistics). Rows (M,D) of unit length; `kept`, if asked for, their places before. Returns how many were left out.
int64_t drop_duplicates(std::vector<float>& rows, int64_t D, double cosine,
                        std::vector<int64_t>* kept = nullptr);
// The same of a cohort, its people with it.
int64_t drop_duplicates(Cohort& cohort, double cosine);

// The lines of [network] of a configuration's INI text.
std::string network_keys(const std::string& ini);

}  // namespace fr
