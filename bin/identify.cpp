// identify MODEL GALLERY PICTURES...: who are the people in these pictures?
#include <iostream>

#include "bin/common/recogniser_arguments.h"
#include "fr/progress.h"
#include "fr/recogniser/identify_pictures.h"
#include "fr/run_data.h"

using namespace fr;

int main(int argc, char** argv) {
  RecogniserArguments recogniser_arguments;
  DecisionArguments decision_arguments;
  std::string gallery_path, csv, html;
  std::vector<std::string> inputs;
  int64_t candidates = 1;
  Faces faces = Faces::main;
  bool allow_skipped = false;
  CommandLine line(
      "identify",
      "Names the people in pictures by a gallery of bin/enroll: a line for each face, with the score, or "
      "'unknown' where a threshold says so.");
  using Need = CommandLine::Need;
  recogniser_arguments.declare(line);
  line.text("gallery", gallery_path, "the file that bin/enroll wrote", Need::required);
  line.texts("pictures", inputs, "picture files, or folders that are searched for pictures", Need::required);
  decision_arguments.declare(line);
  line.number<int64_t>("--candidates", candidates, "people named for each face, best first", 1, 1000);
  line.choice("--faces", faces, {{"main", Faces::main}, {"all", Faces::all}},
              "of a picture: the main one, or all");
  line.text("--csv", csv, "write probe,rank,person,picture,score,accepted here");
  line.flag("--allow-skipped", allow_skipped, "exit with 0 although pictures were skipped");
  line.text("--html", html, "write a page with the faces here");
  return line.run(argc, argv, [&] {
    const GalleryFile gallery(gallery_path);
    gallery.verify();
    const Recogniser recogniser = recogniser_arguments.make();
    check_identity(gallery.about(), recogniser, gallery_path);
    const auto calibrator = decision_arguments.make_calibrator_of(recogniser);
    const auto decision = decision_arguments.make(*calibrator, recogniser);
    const Identifier identifier(gallery, *calibrator);
    const FoundPictures found = find_pictures(inputs);
    Progress progress(int64_t(found.paths.size()));
    const IdentifiedPictures result = identify(
        recogniser, identifier, found.paths, faces, candidates, html.empty() ? KeepFaces::no : KeepFaces::yes,
        [&](int64_t done) { progress.show(done, "identifying", false); });
    progress.finish();
    for (const auto& list : {found.skipped, result.skipped})
      for (const auto& reason : list) std::cerr << "skipped: " << reason << "\n";
    if (decision && !decision->warning.empty()) std::cerr << "warning: " << decision->warning << "\n";
    std::cout << to_lines(result.faces, decision);
    if (!csv.empty()) write_file_atomic(csv, to_csv(result.faces, decision));
    if (!html.empty())
      write_file_atomic(
          html, to_html(result.faces, decision,
                        {{"Gallery", cat(gallery_path, ", ", gallery.size(), " rows")},
                         {"Threshold", decision ? to_text(*decision) : "none: the best candidate is named"},
                         {"Model", recogniser.model().path.string()}}));
    return allow_skipped || (found.skipped.empty() && result.skipped.empty()) ? 0 : int(ErrorKind::data);
  });
}
