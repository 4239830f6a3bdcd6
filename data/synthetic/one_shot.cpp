#include "data/synthetic/one_shot.h"

#include <algorithm>

#include "base/error.h"
#include "base/file.h"

namespace fr {

void write_one_shot_lists(const fs::path& root, const SyntheticOptions& options, const OneShotSplit& split) {
  const int64_t base = options.identities - split.novel;
  FR_CHECK(split.novel >= 1 && base >= 1 && split.base_probes >= 0,
           "one-shot benchmark: expected novel and base people and kept pictures >= 0, got ", split.novel,
           " novel of ", options.identities, " people and ", split.base_probes, " pictures");
  FR_CHECK(options.max_samples >= 2,
           "one-shot benchmark: a novel person needs a picture to search with: 2 pictures or more");
  std::string train, gallery, probes, novel;
  for (const SyntheticSample& s : list_samples(options)) {
    const int64_t label = s.identity - options.first_identity, pictures = samples_of(options, s.identity);
    const bool is_novel = label >= base;
    const int64_t trained = is_novel ? 1 : std::max<int64_t>(1, pictures - split.base_probes);
    if (is_novel && s.sample == 0) novel += class_name(s) + "\n";
    if (!is_novel && s.sample < trained) train += cat(picture_path(s), " ", label, "\n");
    (s.sample < trained ? gallery : probes) += cat(class_name(s), " ", picture_path(s), "\n");
  }
  write_file_atomic(root / "base.txt", train);
  write_file_atomic(root / "gallery.txt", gallery);
  write_file_atomic(root / "probes.txt", probes);
  write_file_atomic(root / "novel.txt", novel);
}

}  // namespace fr
