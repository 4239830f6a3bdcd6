// What the cosine hides and the alignment shows, measured on training pictures: the figures 3, 8 and 9 of arXiv 2103.01559.
//   p = softmax_y(s c) of a picture's cosines c with the centres of all people, y its own: how well the loss thinks it is placed
// Pictures with the same p may have very different cosines with their own centre; a score that puts them in the order of p needs
// no threshold of its own for each.
#pragma once
#include <string>
#include <vector>

#include "fr/calibration/discrepancy.h"
#include "fr/checkpoint.h"
#include "fr/run_data.h"

namespace fr {

struct DiscrepancySample {
  CalibratedRows rows;              // (N,D): of pictures
  std::vector<int64_t> labels;      // (N): places in `centres`
  std::vector<float> centres;       // (M,D): unit length
  std::vector<std::string> people;  // (M): their names, "" where nobody knows
  bool means = false;               // centres are mean directions: a picture is left out of its own
  double s = 64;
  int64_t M() const { return int64_t(people.size()); }
};

// n training pictures with the weights of the classifier, where it scores cosines of embeddings as these are; otherwise pictures
// of people who have two or more, with the mean directions of the people. Throws Error{data} when there are none.
DiscrepancySample discrepancy_sample(const LoadedModel& model, const TrainingData& data, int64_t n,
                                     FlipMode flip, int64_t batch);

struct DiscrepancyFigures {
  int64_t N = 0, M = 0, k = 0;
  double s = 0;
  bool means = false;
  // Figure 3: of each rank among the other people, the share of pictures below it: 10 %, half, 90 %.
  std::vector<double> low, middle, high;
  // Figures 8 and 9, a number a picture:
  std::vector<double> cosine, calibrated, log_odds;  // log p / (1 - p), which goes on where p is 1
  // Of the pictures between the 20th and 40th, and the 60th and 80th percentile of the probability.
  std::vector<int64_t> unsure, sure;
  double overlap_cosine = 0, overlap_calibrated = 0;  // of the two histograms: 0 apart, 1 the same
  double rank_cosine = 0, rank_calibrated = 0;        // Spearman's correlation with the probability
};
DiscrepancyFigures discrepancy_figures(const DiscrepancySample& sample, const Discrepancy& ida);

// The common area of two histograms over 40 bins of their common range; Spearman's rank correlation, ties share their mean rank.
double histogram_overlap(const std::vector<double>& a, const std::vector<double>& b);
double rank_correlation(const std::vector<double>& a, const std::vector<double>& b);

}  // namespace fr
