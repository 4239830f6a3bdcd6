// Aligned copies of pictures: what bin/align does.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "data/landmark_list.h"

namespace fr {

struct PictureToAlign {
  fs::path path;
  // Relative to the folder it was found in: where the aligned copy goes below the output folder.
  std::string name;
};
// Pictures named one by one (their name is the file's), and all below folders, sorted, but for those below `out`: results of
// an earlier run. Nothing is opened. Throws Error{io} for an input that does not exist or cannot be searched, Error{usage} for a
// folder that is `out` or below it, Error{data} when there is no picture.
std::vector<PictureToAlign> pictures_to_align(const std::vector<std::string>& inputs, const fs::path& out);

// The landmarks of a picture; nothing: there is no face, or none is known.
using FindLandmarks = std::function<std::optional<Landmarks>(const PictureToAlign&, const Image&)>;

enum class Existing { refuse, overwrite };
struct AlignOptions {
  fs::path out;
  int height = 112, width = 112;  // a size of alignment_template()
  SimilarityFit fit = SimilarityFit::umeyama;
  Existing existing = Existing::refuse;
};

// Where the aligned copy of a picture goes: the same name below the output folder; kinds we do not write become .png.
fs::path aligned_path(const PictureToAlign& picture, const AlignOptions& options);

struct AlignResult {
  LandmarkList used;                // of the pictures aligned, in the coordinates of the originals
  std::vector<std::string> failed;  // "path: reason", one for each of the others
};
// Writes the aligned copies, and landmarks.txt with what it used. A picture that cannot be read or has no landmarks is named in
// `failed`, with `none` as the reason, and the rest is done. Before anything is written: Error{usage} when two copies would be
// one file, when a copy would replace a picture of the input, and when a file it would write exists (unless it may be
// overwritten). Error{io} when writing fails; `result`, empty before, and landmarks.txt then tell what had been done. `done`, if
// given, is called with the number of pictures finished.
void align_pictures(const std::vector<PictureToAlign>& pictures, const FindLandmarks& find,
                    const std::string& none, const AlignOptions& options, AlignResult& result,
                    const std::function<void(int64_t)>& done = {});

}  // namespace fr
