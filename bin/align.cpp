// align PICTURES... --out FOLDER --landmarks FILE | --detect WEIGHTS: aligned copies of pictures.
#include <iostream>

#include "base/parallel.h"
#include "bin/common/command_line.h"
#include "fr/detection/align_pictures.h"
#include "fr/detection/mtcnn.h"
#include "fr/progress.h"

using namespace fr;

namespace {

FindLandmarks from_list(const std::string& file) {
  return [list = read_landmarks(file)](const PictureToAlign& picture, const Image&) {
    const auto at = list.find(picture.name);
    return at == list.end() ? std::nullopt : std::optional(at->second);
  };
}
FindLandmarks by_detection(const std::string& weights, const MtcnnOptions& options) {
  return [detector = std::make_shared<Mtcnn>(weights, options)](const PictureToAlign&, const Image& image) {
    const std::vector<Face> faces = detector->detect(image);
    const Face* face = main_face(faces);
    return face ? std::optional(face->landmarks) : std::nullopt;
  };
}

// Names the failures on stderr, also before an error ends the work.
AlignResult align_and_tell(const std::vector<PictureToAlign>& pictures, const FindLandmarks& find,
                           const std::string& none, const AlignOptions& options) {
  Progress progress(int64_t(pictures.size()));
  AlignResult result;
  const auto tell_failures = [&] {
    progress.finish();
    for (const std::string& reason : result.failed) std::cerr << "not aligned: " << reason << "\n";
  };
  try {
    align_pictures(pictures, find, none, options, result,
                   [&](int64_t n) { progress.show(n, "aligning", false); });
  } catch (...) {
    tell_failures();
    throw;
  }
  tell_failures();
  return result;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> inputs;
  std::string out, list, weights;
  AlignOptions options;
  MtcnnOptions detection;
  bool overwrite = false, allow_missing = false;
  int thread_count = 0;
  CommandLine line("align", "Copies of pictures with the face's landmarks on the template of a recogniser.");
  using Need = CommandLine::Need;
  line.texts("pictures", inputs, "picture files, or folders that are searched for pictures", Need::required);
  line.text("--out", out, "folder to write: the inputs' tree, and landmarks.txt", Need::required);
  line.text("--landmarks", list, "lines 'name x1 y1 ... x5 y5': eyes, nose, corners of the mouth");
  line.text("--detect", weights, "MTCNN's weights: find the landmarks of each picture's largest face");
  line.number("--smallest-face", detection.smallest_face, "pixels, with --detect", 12.0, 1e6);
  line.choice("--size", options.width, {{"112x112", 112}, {"112x96", 96}}, "height x width");
  line.choice("--fit", options.fit,
              {{"umeyama", SimilarityFit::umeyama}, {"cp2tform", SimilarityFit::cp2tform}},
              "cp2tform: as SphereFace's pictures were aligned");
  line.flag("--overwrite", overwrite, "replace aligned pictures that exist");
  line.flag("--allow-missing", allow_missing, "success (0) although pictures could not be aligned");
  line.number("--threads", thread_count, "0: all cores", 0, 1024);
  return line.run(argc, argv, [&] {
    if (list.empty() == weights.empty()) throw Error(ErrorKind::usage, "give either --landmarks or --detect");
    if (thread_count > 0) set_threads(thread_count);
    options.out = out, options.existing = overwrite ? Existing::overwrite : Existing::refuse;
    const auto pictures = pictures_to_align(inputs, options.out);
    const FindLandmarks find = list.empty() ? by_detection(weights, detection) : from_list(list);
    const AlignResult result =
        align_and_tell(pictures, find, list.empty() ? "no face found" : "no landmarks in " + list, options);
    std::cout << result.used.size() << " pictures aligned in " << out << ", " << result.failed.size()
              << " not\n";
    return result.failed.empty() || allow_missing ? 0 : static_cast<int>(ErrorKind::data);
  });
}
