// enroll MODEL FOLDER --out GALLERY: a folder of known people becomes a gallery for bin/identify.
#include <iostream>

#include "bin/common/recogniser_arguments.h"
#include "fr/gallery_file.h"
#include "fr/progress.h"
#include "fr/recogniser/enroll.h"

using namespace fr;

int main(int argc, char** argv) {
  RecogniserArguments arguments;
  std::string folder, out = "gallery.safetensors";
  GalleryRows rows = GalleryRows::pictures;
  bool allow_skipped = false;
  CommandLine line(
      "enroll", "Embeds the faces of known people, below FOLDER/PERSON/, into the gallery of bin/identify.");
  arguments.declare(line);
  line.text("folder", folder, "people as folders of pictures, or pictures named after them",
            CommandLine::Need::required);
  line.text("--out", out, "the gallery file");
  line.choice("--rows", rows, kGalleryRowsWords,
              "a row for each picture, or for each person the mean of his pictures");
  line.flag("--allow-skipped", allow_skipped, "exit with 0 although pictures were skipped");
  return line.run(argc, argv, [&] {
    const Recogniser recogniser = arguments.make();
    std::optional<Progress> progress;
    const Enrolment e = enroll(recogniser, folder, rows, [&](int64_t done, int64_t all) {
      if (!progress) progress.emplace(all);
      progress->show(done, "enrolling", false);
    });
    if (progress) progress->finish();
    write_gallery(out, e.embeddings.view(), e.people, e.pictures, recogniser.identity());
    for (const auto& reason : e.skipped) std::cerr << "skipped: " << reason << "\n";
    for (const auto& person : e.left_out) std::cerr << "left out: " << person << ": no usable picture\n";
    std::cout << out << ": " << e.embeddings.N << " rows of size " << e.embeddings.D << "; "
              << e.skipped.size() << " pictures skipped, " << e.left_out.size() << " people left out\n";
    return e.skipped.empty() || allow_skipped ? 0 : int(ErrorKind::data);
  });
}
