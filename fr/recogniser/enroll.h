// Enrolment: a folder of known people becomes the rows of a gallery (fr/gallery_file.h).
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "fr/recogniser/recogniser.h"

namespace fr {

enum class GalleryRows {
  pictures,  // one row a picture: a person is as similar as the most similar of his pictures
  means,     // one row a person: the mean of the unit embeddings of his pictures
};
inline const std::vector<std::pair<std::string, GalleryRows>> kGalleryRowsWords = {
    {"pictures", GalleryRows::pictures}, {"means", GalleryRows::means}};

struct Enrolment {
  std::vector<std::string> people, pictures;  // of each row; pictures are relative to the folder
  Embeddings embeddings;
  std::vector<std::string> skipped;   // pictures without a face or damaged, with the reason
  std::vector<std::string> left_out;  // people none of whose pictures could be used
};

// Below `folder`: PERSON/.../picture, or picture files named after their person. `done` is called with the number of
// pictures finished, and the number of all. Throws Error{io}, Error{data} when nobody can be enrolled.
Enrolment enroll(const Recogniser& recogniser, const fs::path& folder, GalleryRows rows,
                 const std::function<void(int64_t, int64_t)>& done = {});

}  // namespace fr
