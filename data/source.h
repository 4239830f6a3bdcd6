// Where pictures come from: files, or a renderer that needs none.
#pragma once
#include <cstdint>
#include <string>
#include <utility>

#include "data/dataset.h"
#include "data/image.h"

namespace fr {

// All functions may be called by several threads at once. load() must be a pure function of the index.
class Source {
 public:
  virtual ~Source() = default;
  virtual int64_t size() const = 0;
  virtual int64_t num_classes() const = 0;
  virtual int64_t label(int64_t index) const = 0;     // 0..num_classes - 1
  virtual std::string name(int64_t index) const = 0;  // for messages
  virtual Image load(
      int64_t index) const = 0;              // 3 channels; Error{data} or Error{io}: the picture is damaged
  virtual uint64_t fingerprint() const = 0;  // changes when the list changes
  // What the classes are called, and which group (domain) each is of; empty when nothing is known.
  virtual std::vector<std::string> class_names() const { return {}; }
  virtual std::vector<std::string> groups() const { return {}; }
  virtual std::vector<int> class_groups() const { return {}; }  // of each class: a place in groups()
};

class FileSource : public Source {
 public:
  explicit FileSource(Dataset dataset) : dataset_(std::move(dataset)) {}
  const Dataset& dataset() const { return dataset_; }

  int64_t size() const override { return static_cast<int64_t>(dataset_.samples.size()); }
  int64_t num_classes() const override { return dataset_.num_classes(); }
  int64_t label(int64_t index) const override { return sample(index).label; }
  std::string name(int64_t index) const override { return (dataset_.root / sample(index).path).string(); }
  Image load(int64_t index) const override { return load_image(dataset_.root / sample(index).path); }
  uint64_t fingerprint() const override { return dataset_.fingerprint(); }
  std::vector<std::string> class_names() const override { return dataset_.classes; }
  std::vector<std::string> groups() const override { return dataset_.groups; }
  std::vector<int> class_groups() const override { return dataset_.class_group; }

 private:
  const Sample& sample(int64_t index) const { return dataset_.samples.at(static_cast<size_t>(index)); }
  Dataset dataset_;
};

}  // namespace fr
