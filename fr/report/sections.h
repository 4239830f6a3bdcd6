// The parts of the page, shared between the files of fr/report only.
#pragma once
#include <string>

#include "fr/report/report.h"

namespace fr {

// A chart with its title, legend and a line of words below. Empty when the chart is.
std::string chart_figure(const std::string& title, const Chart& chart, const std::string& note);

// Bytes that pictures may still take; a picture beyond that is left out.
struct PictureBudget {
  size_t left = 900 * 1000;
  bool exceeded = false;
};

std::string training_section(const Report& report);
std::string features_section(const ReportFeatures& features);
std::string test_section(const ReportTest& test, PictureBudget& budget);

// Impostor pairs behind the curve: the scores, or else what the smallest FAR above 0 says. 0 when unknown.
double impostor_count(const ReportTest& test);

}  // namespace fr
