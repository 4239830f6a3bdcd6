// The figures 3, 8 and 9 of arXiv 2103.01559 as a page.
#pragma once
#include <string>

#include "fr/calibration/discrepancy_figures.h"

namespace fr {

// `score`: what a calibrated score is, Calibrator::score(). Self-contained.
std::string discrepancy_page(const DiscrepancyFigures& figures, const std::string& score);

}  // namespace fr
