// The parts of a page, shared between the files of fr/report only.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "fr/report/report.h"

namespace fr {

// ---- page.cpp

struct Tile {  // a figure of the headline
  std::string name, value, remark;
};
std::string tiles_html(const std::vector<Tile>& tiles);
std::string facts_html(const std::vector<std::pair<std::string, std::string>>& facts);
std::string list_html(const std::vector<std::string>& items);         // <ul>
std::string warnings_html(const std::vector<std::string>& warnings);  // a box for the head of the page
std::string section_html(const std::string& title, const std::string& body);  // empty when the body is
std::string block_html(const char* kind, const std::string& body);            // <div class=kind>, likewise
std::string paragraph_html(const char* kind, const std::string& text);        // <p class=kind>, likewise
std::string page_html(const std::string& title, const std::string& body);     // the whole file

// A chart with its title, legend and a line of words below. Empty when the chart is.
std::string chart_figure(const std::string& title, const Chart& chart, const std::string& note);

// ---- score_figures.cpp

// One more line to compare, in its own colour and dashes.
void add_line(Chart& chart, const std::string& name, std::vector<CurvePoint> points);

struct RocLine {
  std::string name;
  std::vector<RocPoint> points;  // in any order
};
// Down to a FAR of 1 / impostors. One line alone gets dots at the powers of ten.
std::string roc_figure(const std::vector<RocLine>& lines, double impostors, const std::string& subject);
std::vector<int> resolvable_powers(double impostors);  // from -1 down to what one impostor pair can show

struct ScoreSets {
  const std::vector<double>&genuine, &impostor;
  double threshold;
  std::string score;    // what a score is
  std::string subject;  // of the title, or empty
  bool sample = false;  // not all scores: errors are not counted
};
std::string histogram_figure(const ScoreSets& sets);

// ---- gallery.cpp

// Bytes that pictures may still take; a picture beyond that is left out.
struct PictureBudget {
  size_t left = 900 * 1000;
  bool exceeded = false;
};

enum class GalleryKind { genuine, impostor };
// The hardest 12, hardest first, with pictures, names, scores and which side of the threshold they lie on.
std::string hardest_pairs(const std::vector<PairPicture>& pairs, GalleryKind kind, double threshold,
                          const std::string& score, PictureBudget& budget);
std::string doppelganger_section(const ReportDoppelgangers& doppelgangers, PictureBudget& budget);

// ---- training.cpp, features.cpp, domains.cpp, verification.cpp

std::string training_section(const Report& report);
std::string features_section(const ReportFeatures& features);
std::string domains_section(const ReportDomains& domains);
std::string group_accuracy_block(const std::vector<GroupAccuracy>& groups);
std::string test_section(const ReportTest& test, PictureBudget& budget);

// Impostor pairs behind the curve: the scores, or else what the smallest FAR above 0 says. 0 when unknown.
double impostor_count(const ReportTest& test);

}  // namespace fr
