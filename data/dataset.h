// Which pictures there are and who is on them. A data set is a list: nothing is opened until the loader asks.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace fr {

struct Sample {
  std::string path;   // relative to the data set's root
  int64_t label = 0;  // 0..num_classes - 1
};

struct Dataset {
  std::filesystem::path root;
  std::vector<Sample> samples;
  std::vector<std::string> classes;  // name of each label
  std::vector<std::string> groups;   // names of the groups (domains, origins); empty when nothing is known
  std::vector<int> class_group;      // group of each label; empty when nothing is known
  std::vector<std::string> notes;    // what was skipped, renumbered, left out: for the log

  int64_t num_classes() const { return static_cast<int64_t>(classes.size()); }
  // Of paths, labels and class names in order (not of the pictures): what a resumed run compares.
  uint64_t fingerprint() const;
};

struct DatasetOptions {
  int64_t min_images = 1;   // classes with fewer are left out
  int64_t max_images = 0;   // only the first so many of each class; 0 = all
  int64_t largest = 0;      // only so many classes, those with the most pictures; 0 = all
  int64_t min_classes = 2;  // fewer are an error: nothing can be told apart
  std::string extension{};  // of LFW-style names: ".png", ".ppm"; empty = ".jpg"
};

// All three: labels are dense, in the order of the classes; Error{io} when a list or folder cannot be read,
// Error{data} for a malformed line (file:line), no pictures, or fewer than min_classes classes. When the root
// has groups.txt (class<TAB>group) or groups.csv (class,group) that knows the classes, it is read too.

// root/class/picture.{jpg,jpeg,png,bmp,pgm,ppm}; classes and pictures sorted bytewise. Files of other kinds
// and empty folders are counted in the notes.
Dataset read_image_folder(const std::filesystem::path& root, const DatasetOptions& options = {});

// A line "path label": the label is the last field, an integer 0..2^31-1; the path may contain blanks. Gaps
// between labels are closed, with a note; a class is named by its number in the file.
Dataset read_list(const std::filesystem::path& list, const std::filesystem::path& root,
                  const DatasetOptions& options = {});

// A line "name<TAB>count" stands for root/name/name_0001.jpg ... Lines with one number announce how many
// people follow (peopleDevTrain.txt) or how many folds that begin with such a number (people.txt); a wrong
// count is an error.
Dataset read_people(const std::filesystem::path& list, const std::filesystem::path& root,
                    const DatasetOptions& options = {});

// read_groups() of groups.txt or groups.csv in the root, where there is one that names a class.
void read_groups_beside(Dataset& dataset);

// Sets groups and class_group. Every class must occur in the file; other names in it are ignored.
void read_groups(Dataset& dataset, const std::filesystem::path& path);

}  // namespace fr
