#include "data/blufr.h"

#include <algorithm>
#include <array>
#include <unordered_set>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "data/text.h"

namespace fr {
namespace {

constexpr int64_t kMaxTrials = 1000, kLargestLabel = 2'147'483'647;
constexpr int64_t kMostPlaces = int64_t{1} << 30;  // trials x pictures, a byte each
constexpr std::array<const char*, 4> kSets = {"train", "test", "gallery", "probe"};
constexpr std::array kLists = {&BlufrTrial::train, &BlufrTrial::test, &BlufrTrial::gallery,
                               &BlufrTrial::probe};
enum : size_t { kTrain, kTest, kGallery, kProbe };

// NAME_0001.jpg -> NAME/NAME_0001.jpg
std::string in_folder(const std::string& image) {
  const size_t number = image.rfind('_');
  if (image.find('/') != std::string::npos || number == std::string::npos || number == 0) return image;
  return image.substr(0, number) + "/" + image;
}

// "name label"
void read_images(BlufrProtocol& protocol, const fs::path& path) {
  std::unordered_set<std::string> seen;
  for (const text::Line& line : text::read_lines(path)) {
    const std::vector<std::string> f = text::fields(line.text);
    if (f.size() != 2) text::fail(path, line.number, cat("'name label' expected, got '", line.text, "'"));
    const std::string image = in_folder(f[0]);
    if (!seen.insert(image).second) text::fail(path, line.number, cat(image, " is named a second time"));
    protocol.images.push_back(image);
    protocol.people.push_back(text::number(f[1], "label", 0, kLargestLabel, path, line.number));
  }
  if (protocol.images.empty()) throw Error(ErrorKind::data, cat(path.string(), ": no pictures"));
}

// Which sets of each trial hold a picture, one bit a set.
using Membership = std::vector<std::vector<uint8_t>>;

// "trial set index"
Membership read_trials(BlufrProtocol& protocol, const fs::path& path) {
  const auto images = static_cast<int64_t>(protocol.images.size());
  Membership member;
  for (const text::Line& line : text::read_lines(path)) {
    const auto number = [&](const std::string& field, const char* what, int64_t high) {
      return text::number(field, what, 1, high, path, line.number) - 1;
    };
    const std::vector<std::string> f = text::fields(line.text);
    if (f.size() != 3)
      text::fail(path, line.number, cat("'trial set index' expected, got '", line.text, "'"));
    const auto begun = static_cast<int64_t>(protocol.trials.size());
    const auto trial = size_t(number(f[0], "trial", std::min(begun + 1, kMaxTrials)));
    const size_t set = size_t(std::find(kSets.begin(), kSets.end(), f[1]) - kSets.begin());
    if (set == kSets.size())
      text::fail(path, line.number, cat("set: train, test, gallery or probe expected, got '", f[1], "'"));
    const int64_t image = number(f[2], "index", images);
    if (trial == protocol.trials.size()) {
      if ((begun + 1) * images > kMostPlaces)
        text::fail(path, line.number,
                   cat(begun + 1, " trials of ", images, " pictures are more than ", kMostPlaces, " places"));
      protocol.trials.emplace_back();
      member.emplace_back(size_t(images), uint8_t{0});
    }
    uint8_t& sets = member[trial][size_t(image)];
    if (sets >> set & 1) text::fail(path, line.number, cat("picture ", image + 1, " is in the set already"));
    sets = static_cast<uint8_t>(sets | 1 << set);
    (protocol.trials[trial].*kLists[set]).push_back(image);
  }
  if (protocol.trials.empty()) throw Error(ErrorKind::data, cat(path.string(), ": no trials"));
  return member;
}

// What BlufrTrial promises. Throws with the first picture that breaks it.
void check_trial(const BlufrProtocol& protocol, const BlufrTrial& trial, const std::vector<uint8_t>& sets,
                 const std::string& where) {
  const auto fail = [&](const std::string& what) { throw Error(ErrorKind::data, where + what); };
  const auto in = [&](int64_t i, size_t set) { return (sets[size_t(i)] >> set & 1) != 0; };
  for (size_t set = 0; set < kSets.size(); ++set)
    if ((trial.*kLists[set]).empty()) fail(cat("no picture in ", kSets[set]));
  std::unordered_set<int64_t> trained, enrolled;
  for (const int64_t i : trial.train) trained.insert(protocol.people[size_t(i)]);
  for (const int64_t i : trial.test)
    if (trained.count(protocol.people[size_t(i)]))
      fail(cat("person ", protocol.people[size_t(i)], " of picture ", i + 1, " is in train and test"));
  for (const size_t set : {kGallery, kProbe})
    for (const int64_t i : trial.*kLists[set])
      if (!in(i, kTest)) fail(cat("picture ", i + 1, " is in ", kSets[set], " but not in test"));
  for (const int64_t i : trial.gallery) {
    if (in(i, kProbe)) fail(cat("picture ", i + 1, " is in gallery and probe"));
    if (!enrolled.insert(protocol.people[size_t(i)]).second)
      fail(cat("person ", protocol.people[size_t(i)], " has two pictures in gallery"));
  }
}

}  // namespace

BlufrProtocol read_blufr(const fs::path& images, const fs::path& trials) {
  BlufrProtocol protocol;
  read_images(protocol, images);
  const Membership member = read_trials(protocol, trials);
  for (size_t t = 0; t < member.size(); ++t)
    check_trial(protocol, protocol.trials[t], member[t], cat(trials.string(), ": trial ", t + 1, ": "));
  return protocol;
}

}  // namespace fr
