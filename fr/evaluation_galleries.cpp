#include "fr/evaluation_galleries.h"

#include "fr/evaluation_sets.h"
#include "fr/mining/class_coverage.h"
#include "fr/run_data.h"

namespace fr {
namespace {

const std::vector<std::pair<std::string, Enrolled>> kEnrolledWords = {{"any", Enrolled::any},
                                                                      {"one", Enrolled::one}};
const std::vector<std::pair<std::string, Singles>> kSinglesWords = {
    {"probe", Singles::probe}, {"gallery", Singles::gallery}, {"leave_out", Singles::leave_out}};

void describe_source(Schema& s, const std::string& section, GallerySource& source) {
  s.text(section + ".gallery", source.gallery,
         "list of who is enrolled, as it stands or below root; empty: root's folders");
  s.text(section + ".probes", source.probes, "list of who searches");
  s.choice(section + ".enrolled", source.enrolled, kEnrolledWords,
           "pictures that the list may give a person; one: a second is an error");
  s.choice(
      section + ".singles", source.split.singles, kSinglesWords,
      "without lists: what becomes of people with one picture; of all others the first picture is enrolled");
  s.integer(section + ".strangers", source.split.strangers, 0, 100'000'000,
            "without lists: so many people, the last by name, are not enrolled and search in vain");
}

GalleryProbes read(const EvaluationConfig& c, const std::string& section, const GallerySource& source) {
  need(c, c.root, "root");
  if (!c.list.empty())
    throw Error(ErrorKind::usage, cat("protocol = ", c.protocol, " has no list; see ", section, ".gallery"));
  if (source.gallery.empty() && source.probes.empty()) return split_folder(c.root, source.split);
  need(c, source.gallery, section + ".gallery"), need(c, source.probes, section + ".probes");
  return read_gallery(find_list(source.gallery, c.root), find_list(source.probes, c.root), c.root,
                      source.enrolled, c.missing);
}

}  // namespace

void describe_galleries(Schema& s, EvaluationConfig& c) {
  s.reals("blufr.far", c.blufr.far, 0, 1,
          "false accept rates of the verification rate; the first makes the headline");
  s.reals("blufr.fpir", c.blufr.fpir, 0, 1, "false alarm rates of the detection and identification rate");
  describe_source(s, "identification", c.searched);
  s.choice("identification.template", c.identification.of_person, kTemplateWords,
           "of several enrolled pictures of a person: the most similar counts, or their mean embedding");
  s.choice("identification.open_set", c.identification.open_set, kOpenSetWords,
           "what of probes without a mate");
  s.choice("identification.rule", c.identification.rule, kFpirRuleWords, "how a threshold follows from FPIR");
  s.reals("identification.fpir", c.identification.fpir, 0, 1,
          "false positive identification rates at which TPIR is told");
  describe_source(s, "coverage", c.one_shot);
  s.choice("coverage.template", c.coverage.of_person, kTemplateWords, "as identification.template");
  s.text("coverage.novel", c.novel,
         "names of the people whose probes are measured, one a line; empty: everybody");
  s.choice<OneShotScores>(
      "coverage.scores", c.one_shot_scores,
      {{"embeddings", OneShotScores::embeddings}, {"classes", OneShotScores::classes}},
      "of embeddings with the people of the gallery, or of the classifiers that bin/relearn makes: "
      "probabilities, of several models their mean");
  s.reals("coverage.precision", c.coverage.precision, 0, 1, "precisions at which the coverage is told");
}

std::unique_ptr<Protocol> make_blufr(const EvaluationConfig& c) {
  need(c, c.root, "root"), need(c, c.list, "list");
  if (c.blufr.far.empty() || c.blufr.fpir.empty())
    throw Error(ErrorKind::usage, "protocol = blufr needs a rate or more in blufr.far and blufr.fpir");
  const fs::path folder = find_list(c.list, c.root), trials = folder / "trials.txt";
  return blufr(blufr_input(read_blufr(folder / "images.txt", trials), trials, c.root, c.missing), c.blufr);
}

std::unique_ptr<Protocol> make_identification(const EvaluationConfig& c) {
  return identification(read(c, "identification", c.searched), c.identification);
}

namespace {

CoverageOptions coverage_options(const EvaluationConfig& c, const GalleryProbes& set) {
  CoverageOptions options = c.coverage;
  if (!c.novel.empty()) options.novel = listed_people(find_list(c.novel, c.root), set);
  return options;
}

// The probes alone: classifiers have learned the gallery.
PictureList probe_pictures(const GalleryProbes& set) {
  PictureList list;
  list.names.assign(set.pictures.begin() + set.enrolled, set.pictures.end());
  list.picture = [root = set.root, names = list.names](int64_t i) {
    return load_image(root / names[size_t(i)]);
  };
  return list;
}

void check_classes(const EvaluationConfig& c) {
  if (c.protocol != "coverage")
    throw Error(ErrorKind::usage,
                cat("coverage.scores = classes: protocol = ", c.protocol, " does not use it"));
  if (c.calibration.type != CalibrationType::none)
    throw Error(ErrorKind::usage,
                "coverage.scores = classes: probabilities are not calibrated; calibration.type must be none");
  if (c.flip == FlipMode::concatenate)
    throw Error(ErrorKind::usage,
                "coverage.scores = classes: a classifier takes one embedding; flip = concatenate makes two");
}

}  // namespace

std::unique_ptr<Protocol> make_coverage(const EvaluationConfig& c) {
  GalleryProbes set = read(c, "coverage", c.one_shot);
  CoverageOptions options = coverage_options(c, set);
  return one_shot_coverage(std::move(set), std::move(options));
}

ProtocolResult evaluate_classes(const EvaluationConfig& c, const std::vector<LoadedModel>& models,
                                const std::vector<EnsembleMember>& members, Progress* progress) {
  check_classes(c);
  GalleryProbes set = read(c, "coverage", c.one_shot);
  std::vector<ClassifierView> views;
  for (const LoadedModel& m : models) views.push_back({m.model->head(), {}, classes_of(m, set.names)});
  const std::vector<Embeddings> embeddings = embed(
      members, probe_pictures(set), c.flip.value_or(FlipMode::mean), c.batch, Average::scores, progress);
  for (size_t m = 0; m < views.size(); ++m) views[m].embeddings = embeddings[m].view();
  const std::vector<ProbeResult> found =
      search_classes(views, std::span(set.people).subspan(size_t(set.enrolled)));
  CoverageOptions options = coverage_options(c, set);
  return classifier_coverage(
      std::move(set), std::move(options), found,
      models.size() == 1 ? "probability of the class" : "mean probability of the class", c.options);
}

}  // namespace fr
