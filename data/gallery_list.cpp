#include "data/gallery_list.h"

#include <algorithm>
#include <map>
#include <unordered_set>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "data/dataset.h"
#include "data/missing.h"
#include "data/text.h"

namespace fr {
namespace {

struct Face {
  std::string picture, person;
  int64_t line;
};

std::vector<Face> read_faces(const fs::path& path) {
  const std::vector<text::Line> lines = text::read_lines(path);
  const bool csv = !lines.empty() && lines[0].text == "picture,person";
  std::unordered_set<std::string> seen;
  std::vector<Face> faces;
  for (size_t i = csv; i < lines.size(); ++i) {
    const auto& [number, line] = lines[i];
    std::vector<std::string> f = csv ? text::csv_fields(line) : text::fields(line);
    if (f.size() != 2 || f[0].empty() || f[1].empty())
      text::fail(path, number,
                 cat(csv ? "'picture,person'" : "'person path'", " expected, got '", line, "'"));
    if (!csv) std::swap(f[0], f[1]);
    if (!seen.insert(f[0]).second) text::fail(path, number, f[0] + " is named a second time");
    faces.push_back({f[0], f[1], number});
  }
  if (faces.empty()) throw Error(ErrorKind::data, path.string() + ": no pictures");
  return faces;
}

void drop_missing(std::vector<Face>& faces, const fs::path& list, GalleryProbes& set, Missing policy) {
  std::vector<std::string> pictures;
  for (const Face& f : faces) pictures.push_back(f.picture);
  const MissingPictures missing = find_missing(list, set.root, pictures, policy);
  if (!missing.note.empty()) set.notes.push_back(list.filename().string() + ": " + missing.note);
  std::vector<Face> found;
  for (size_t i = 0; i < faces.size(); ++i)
    if (!missing.lost[i]) found.push_back(std::move(faces[i]));
  faces = std::move(found);
}

void check_one_each(const std::vector<Face>& gallery, const fs::path& path) {
  std::map<std::string, int64_t> line_of;
  for (const Face& f : gallery)
    if (const auto [at, fresh] = line_of.emplace(f.person, f.line); !fresh)
      text::fail(path, f.line, cat(f.person, " is enrolled a second time, first in line ", at->second));
}

void check_apart(const std::vector<Face>& gallery, const std::vector<Face>& probes, const fs::path& path) {
  std::unordered_set<std::string> enrolled;
  for (const Face& f : gallery) enrolled.insert(f.picture);
  for (const Face& f : probes)
    if (enrolled.count(f.picture)) text::fail(path, f.line, f.picture + " is in the gallery too");
}

GalleryProbes joined(std::vector<Face> known, const fs::path& gallery, std::vector<Face> searching,
                     const fs::path& probes, const fs::path& root, Missing missing) {
  GalleryProbes set;
  set.root = root;
  std::map<std::string, int64_t> number;
  for (const auto* faces : {&known, &searching})
    for (const Face& f : *faces)
      if (number.emplace(f.person, int64_t(set.names.size())).second) set.names.push_back(f.person);
  drop_missing(known, gallery, set, missing);
  if (!searching.empty()) drop_missing(searching, probes, set, missing);
  for (const auto* faces : {&known, &searching})
    for (const Face& f : *faces) set.pictures.push_back(f.picture), set.people.push_back(number.at(f.person));
  set.enrolled = int64_t(known.size());
  return set;
}

}  // namespace

GalleryProbes read_gallery(const fs::path& gallery, const fs::path& probes, const fs::path& root,
                           Enrolled enrolled, Missing missing) {
  std::vector<Face> known = read_faces(gallery), searching = read_faces(probes);
  if (enrolled == Enrolled::one) check_one_each(known, gallery);
  check_apart(known, searching, probes);
  return joined(std::move(known), gallery, std::move(searching), probes, root, missing);
}

GalleryProbes read_enrolled(const fs::path& gallery, const fs::path& root, Missing missing) {
  return joined(read_faces(gallery), gallery, {}, {}, root, missing);
}

GalleryProbes split_folder(const fs::path& root, const FolderSplit& split) {
  const Dataset folder = read_image_folder(root);
  const int64_t people = folder.num_classes();
  if (split.strangers > people)
    throw Error(ErrorKind::usage,
                cat(split.strangers, " strangers among ", people, " people of ", root.string()));
  std::vector<int64_t> pictures(size_t(people), 0), seen(pictures);
  for (const Sample& s : folder.samples) ++pictures[size_t(s.label)];
  GalleryProbes set;
  set.root = root, set.names = folder.classes, set.notes = folder.notes;
  std::vector<const Sample*> gallery, probes;
  for (const Sample& s : folder.samples) {
    const bool first = seen[size_t(s.label)]++ == 0;
    if (s.label >= people - split.strangers)
      probes.push_back(&s);
    else if (pictures[size_t(s.label)] > 1)
      (first ? gallery : probes).push_back(&s);
    else if (split.singles != Singles::leave_out)
      (split.singles == Singles::gallery ? gallery : probes).push_back(&s);
  }
  for (const auto& [list, what] : {std::pair{&gallery, "gallery"}, {&probes, "probes"}})
    if (list->empty())
      throw Error(ErrorKind::data, cat(root.string(), ": no picture is left for the ", what));
  set.enrolled = int64_t(gallery.size());
  for (const auto* list : {&gallery, &probes})
    for (const Sample* s : *list) set.pictures.push_back(s->path), set.people.push_back(s->label);
  return set;
}

std::vector<uint8_t> listed_people(const fs::path& list, const GalleryProbes& set) {
  std::map<std::string, size_t> place;
  for (size_t i = 0; i < set.names.size(); ++i) place.emplace(set.names[i], i);
  std::vector<uint8_t> listed(set.names.size(), 0);
  const std::vector<text::Line> lines = text::read_lines(list);
  if (lines.empty()) throw Error(ErrorKind::data, list.string() + ": no names");
  for (const text::Line& line : lines) {
    const auto at = place.find(line.text);
    if (at == place.end())
      text::fail(list, line.number, cat("nobody in gallery or probes is called '", line.text, "'"));
    listed[at->second] = 1;
  }
  return listed;
}

}  // namespace fr
