#include "data/joined_source.h"

#include <algorithm>

#include "base/error.h"
#include "base/file.h"

namespace fr {

JoinedSource::JoinedSource(std::vector<std::shared_ptr<const Source>> parts) : parts_(std::move(parts)) {
  FR_CHECK(!parts_.empty(), "joined source: expected data sets");
  for (const auto& part : parts_) {
    first_picture_.push_back(first_picture_.back() + part->size());
    first_class_.push_back(first_class_.back() + part->num_classes());
  }
}

size_t JoinedSource::part_of(int64_t i) const {
  FR_CHECK(i >= 0 && i < size(), "joined source: picture ", i, " of ", size());
  const auto above = std::upper_bound(first_picture_.begin(), first_picture_.end(), i);
  return size_t(above - first_picture_.begin()) - 1;
}

int64_t JoinedSource::label(int64_t i) const {
  const size_t k = part_of(i);
  return first_class_[k] + parts_[k]->label(i - first_picture_[k]);
}
std::string JoinedSource::name(int64_t i) const {
  const size_t k = part_of(i);
  return parts_[k]->name(i - first_picture_[k]);
}
Image JoinedSource::load(int64_t i) const {
  const size_t k = part_of(i);
  return parts_[k]->load(i - first_picture_[k]);
}

std::vector<std::string> JoinedSource::class_names() const {
  std::vector<std::string> all;
  for (const auto& part : parts_) {
    const auto names = part->class_names();
    if (int64_t(names.size()) != part->num_classes()) return {};
    all.insert(all.end(), names.begin(), names.end());
  }
  return all;
}

std::vector<std::string> JoinedSource::groups() const {
  std::vector<std::string> all;
  for (const auto& part : parts_) {
    const auto groups = part->groups();
    if (groups.empty()) return {};
    for (const auto& group : groups)
      if (std::find(all.begin(), all.end(), group) == all.end()) all.push_back(group);
  }
  return all;
}

std::vector<int> JoinedSource::class_groups() const {
  const auto all = groups();
  std::vector<int> of;
  for (const auto& part : parts_) {
    if (all.empty()) break;
    const auto groups = part->groups();
    for (const int g : part->class_groups())
      of.push_back(g < 0 ? g : int(std::find(all.begin(), all.end(), groups[size_t(g)]) - all.begin()));
  }
  return of;
}

uint64_t JoinedSource::fingerprint() const {
  std::string text;
  for (const auto& part : parts_) text += cat(part->fingerprint(), " ", part->size(), "\n");
  return fr::fingerprint(text);
}

}  // namespace fr
