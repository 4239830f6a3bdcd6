// Embeddings of training pictures for the figures that show what a loss does to them (Liu et al. 2017, Figures 2, 3 and 5).
#pragma once
#include "fr/model.h"
#include "fr/report/report.h"
#include "fr/run_data.h"

namespace fr {

// Of at most report.features pictures, evenly spread over the training data; without mirror images. None when that is 0.
ReportFeatures sample_features(FaceModel& model, const TrainingData& data, const Config& config);

// features.csv: kind,label,x1,x2,...; kind is "picture" or "class". Reading throws Error{io}, Error{data} (file:line).
void write_features(const fs::path& path, const ReportFeatures& features);
ReportFeatures read_features(const fs::path& path);

// One page with the figures of several runs that wrote features.csv, in their order. Throws as read_features().
std::string features_page(const std::vector<fs::path>& run_folders);

}  // namespace fr
