// The protocols at scale of protocol_table(): IJB and MegaFace.
#include "fr/evaluation_sets.h"
#include "fr/protocol/megaface.h"
#include "fr/run_data.h"

namespace fr {
namespace {

// A list as it stands or below the root.
fs::path list_of(const EvaluationConfig& c, const std::string& value, const char* key) {
  need(c, value, key);
  return find_list(value, c.root);
}
fs::path optional_list(const EvaluationConfig& c, const std::string& value) {
  return value.empty() ? fs::path() : find_list(value, c.root);
}

IjbInput ijb_input(const EvaluationConfig& c) {
  need(c, c.root, "root");
  IjbOptions options;
  options.missing = c.missing;
  IjbSet set =
      read_ijb(list_of(c, c.ijb.members, "ijb.members"), optional_list(c, c.ijb.landmarks), c.root, options);
  return {c.ijb.name, std::move(set), c.root, c.ijb.crops, c.ijb.norm, c.ijb.detector};
}

}  // namespace

std::unique_ptr<Protocol> make_ijb_1_1(const EvaluationConfig& c) {
  const fs::path list = list_of(c, c.ijb.pairs, "ijb.pairs");
  IjbInput input = ijb_input(c);
  IjbPairs pairs = read_ijb_pairs(list, input.set);
  return ijb_verification(std::move(input), std::move(pairs));
}

std::unique_ptr<Protocol> make_ijb_1_n(const EvaluationConfig& c) {
  std::vector<fs::path> lists = {list_of(c, c.ijb.gallery_1, "ijb.gallery_1")};
  if (!c.ijb.gallery_2.empty()) lists.push_back(find_list(c.ijb.gallery_2, c.root));
  const fs::path probe_list = list_of(c, c.ijb.probes, "ijb.probes");
  IjbInput input = ijb_input(c);
  std::vector<IjbGallery> galleries;
  for (const fs::path& list : lists)
    galleries.push_back({list.stem().string(), read_ijb_subjects(list, input.set)});
  IjbSubjects probes = read_ijb_subjects(probe_list, input.set);
  return ijb_identification(std::move(input), std::move(galleries), std::move(probes));
}

std::unique_ptr<Protocol> make_megaface(const EvaluationConfig& c) {
  need(c, c.root, "root");
  const fs::path probes = list_of(c, c.megaface.probes, "megaface.probes");
  const fs::path distractors = list_of(c, c.megaface.distractors, "megaface.distractors");
  const fs::path root = c.megaface.distractor_root.empty() ? c.root : c.megaface.distractor_root;
  MegafaceOptions options;
  options.probe_noise = optional_list(c, c.megaface.probe_noise);
  options.distractor_noise = optional_list(c, c.megaface.distractor_noise);
  options.distractors = c.megaface.largest, options.missing = c.missing, options.suffix = c.megaface.features;
  MegafaceSet set = read_megaface(probes, c.root, distractors, root, options);
  if (c.megaface.features.empty()) return megaface(std::move(set), c.root, root);
  if (scores_distributions(c.calibration.type))
    throw Error(ErrorKind::usage, cat("megaface.features = ", c.megaface.features,
                                      ": features from files have no variances; not with calibration.type = ",
                                      calibration_word(c.calibration.type)));
  std::vector<float> features;
  int64_t D = 0;
  append_features(features, D, c.root, set.probes, c.megaface.features);
  append_features(features, D, root, set.distractors, c.megaface.features);
  return megaface_features(std::move(set), std::move(features), D);
}

}  // namespace fr
