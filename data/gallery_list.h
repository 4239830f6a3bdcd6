// Identification: a gallery of people who are known, and probes who search it, from two lists or from a folder of people.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/pairs.h"

namespace fr {

struct GalleryProbes {
  std::filesystem::path root;
  std::vector<std::string> pictures;  // relative to the root: the gallery's, then the probes'
  std::vector<int64_t> people;        // who is on each picture: a place in `names`
  std::vector<std::string> names;     // of all people listed, also those whose pictures are missing
  int64_t enrolled = 0;               // pictures of the gallery
  std::vector<std::string> notes;

  int64_t probes() const { return int64_t(pictures.size()) - enrolled; }
};

enum class Enrolled {
  any,  // a person has as many pictures in the gallery as are listed
  one,  // a second picture of a person is an error
};

// Both lists: lines "person path" with a tab or blanks between (with a tab, either may contain blanks), or CSV with the header
// picture,person. Throws Error{io}; Error{data} "file:line: ..." for a line that does not fit, a picture named twice in a list
// or in both, and with Enrolled::one a second picture of a person; Error{data} for an empty list and missing pictures.
// Missing::drop leaves those out, with a note.
GalleryProbes read_gallery(const std::filesystem::path& gallery, const std::filesystem::path& probes,
                           const std::filesystem::path& root, Enrolled enrolled = Enrolled::any,
                           Missing missing = Missing::error);

// The gallery alone. Throws what read_gallery() throws.
GalleryProbes read_enrolled(const std::filesystem::path& gallery, const std::filesystem::path& root,
                            Missing missing = Missing::error);

// What becomes of a person with one picture: there is nothing left to search with, or nothing to be found.
enum class Singles {
  probe,    // a probe whom the gallery does not know
  gallery,  // in the gallery, searched for by nobody
  leave_out,
};
struct FolderSplit {
  Singles singles = Singles::probe;
  int64_t strangers = 0;  // so many people, the last by name, are not enrolled: all their pictures are probes
};
// root/person/picture: the first picture of a person (bytewise) is enrolled, the others are probes. Throws what
// read_image_folder() throws; Error{data} when nobody is enrolled or no probe is left, Error{usage} for more strangers than
// people.
GalleryProbes split_folder(const std::filesystem::path& root, const FolderSplit& split = {});

// One name a line -> (names) whether each person is listed. Throws Error{io}; Error{data} "file:line: ..." for a name that
// `set` does not have, Error{data} for an empty list.
std::vector<uint8_t> listed_people(const std::filesystem::path& list, const GalleryProbes& set);

}  // namespace fr
