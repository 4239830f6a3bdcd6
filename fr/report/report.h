// The report of a run: one HTML file with everything in it (style, charts as SVG, pictures as data URIs),
// readable from disk without a network and without scripts. Plain data in, bytes out: equal data give equal
// bytes.
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "data/image.h"
#include "fr/protocol/group_accuracy.h"
#include "fr/protocol/metrics.h"
#include "fr/report/svg.h"

namespace fr {

// A value that is not known is NaN everywhere below and leaves a gap, never a wrong number.
struct TrainPoint {
  int64_t step = 0;
  double epoch = kUnknown, loss = kUnknown, learning_rate = kUnknown;
  double lambda = kUnknown;    // the annealing weight of the softmax logits; NaN when the loss has none
  double accuracy = kUnknown;  // of the training batch, 0..1
  double gradient_norm = kUnknown, images_per_second = kUnknown;
  double seconds = kUnknown;                                 // since the start
  std::vector<std::pair<std::string, double>> terms = {};    // of a joint loss, before their weights
  std::vector<std::pair<std::string, double>> figures = {};  // what the terms show beside their losses
};

struct EvalPoint {  // held-out evaluation during training
  int64_t step = 0;
  double accuracy = kUnknown, auc = kUnknown;  // 0..1
};

struct PairPicture {
  Image a, b;  // an empty picture leaves an empty frame
  std::string name_a, name_b;
  double score = kUnknown;
};

// The domain frequency indicator of every class (fr/balancing/domain_frequency.h) and what is known of the classes.
struct ReportDomains {
  std::vector<double> dfi, ic;     // empty: not measured
  std::vector<std::string> names;  // of each class; empty: unknown
  std::vector<int64_t> pictures;   // of each class; empty: unknown
  std::vector<int> group;          // of each class, a place in `groups`; empty: unknown
  std::vector<std::string> groups;
  double eps = kUnknown;
  int64_t neighbours = 0;  // K
};
struct GroupFrequency {
  std::string group;
  int64_t classes = 0;
  double dfi = 0, deviation = 0;  // mean over the classes, and their standard deviation
};
// Of the groups with classes, those with most classes first; none where the groups are unknown.
std::vector<GroupFrequency> frequency_of_groups(const ReportDomains& domains);

struct ReportTest {
  std::string name;
  std::string description;  // one sentence: how many pairs and folds, how thresholds are chosen
  std::string score = "cosine similarity";  // what the scores are; higher means more alike
  // Headline figures, 0..1. The standard error is that of the mean over folds.
  double accuracy = kUnknown, accuracy_standard_error = kUnknown, auc = kUnknown, eer = kUnknown;
  std::vector<double> genuine, impostor;                       // scores
  std::vector<RocPoint> roc;                                   // in any order
  double threshold = kUnknown;                                 // a pair is accepted when score >= threshold
  std::vector<std::pair<std::string, std::string>> table;      // figures, as they shall be printed
  std::vector<GroupAccuracy> groups;                           // none: unknown
  std::vector<PairPicture> hardest_genuine, hardest_impostor;  // in any order; the hardest 12 are shown
};

// Embeddings with their classes, for figures: drawn in the plane and on the circle (D = 2) or on the sphere (D = 3), and as
// the angles between them (any D).
struct ReportFeatures {
  std::string title;  // of the figures; empty: none
  int64_t D = 0;
  std::vector<float> values;         // (N,D)
  std::vector<int64_t> labels;       // (N)
  std::vector<float> class_weights;  // (M,D), or empty: the directions of the classes
};

// Classes beside those that they are mistaken for (doppelganger mining).
struct ReportDoppelgangers {
  int64_t classes = 0, listed = 0,
          mutual = 0;              // listed: with a doppelganger; mutual: of those, whose own they are
  std::string text;                // what the pictures are, in words
  std::vector<PairPicture> pairs;  // in the order in which they are shown; the score is a cosine
};

struct Report {
  std::string title, summary;
  std::vector<std::pair<std::string, std::string>>
      facts;  // network, parameters, data, time, speed, seed, ...
  std::vector<TrainPoint> train;
  std::vector<EvalPoint> evaluations;
  ReportFeatures features;                 // none when D is 0
  ReportDoppelgangers doppelgangers = {};  // none without classes
  ReportDomains domains;
  std::vector<ReportTest> tests;  // the first one makes the headline
  std::string configuration;      // the resolved configuration as text
  std::vector<std::string> warnings;
};

// The whole file. Any number of points; curves are thinned out with their extremes kept. Pictures share a
// budget of about 900 KB, so a page stays below 1.5 MB unless the texts themselves are long.
std::string render_html(const Report& report);
// The figures of several runs side by side, as a page of its own.
std::string render_features(const std::vector<ReportFeatures>& runs);

void write_report(const fs::path& path, const Report& report);  // atomic; throws Error{io}

// TAR at FAR = far: the largest tar among the points with far at most `far`. NaN when there is none.
RocPoint operating_point(const std::vector<RocPoint>& roc, double far);

}  // namespace fr
