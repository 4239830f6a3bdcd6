// Several data sets as one: pictures and classes one behind the other, so that each data set has a range of its own of both.
#pragma once
#include <memory>
#include <vector>

#include "data/source.h"

namespace fr {

class JoinedSource : public Source {
 public:
  // At least one; std::invalid_argument otherwise.
  explicit JoinedSource(std::vector<std::shared_ptr<const Source>> parts);

  int64_t size() const override { return first_picture_.back(); }
  int64_t num_classes() const override { return first_class_.back(); }
  int64_t label(int64_t i) const override;
  std::string name(int64_t i) const override;
  Image load(int64_t i) const override;
  uint64_t fingerprint() const override;  // of all, in their order
  // Those of the parts; empty where a part does not know. A group is one whatever part it is of.
  std::vector<std::string> class_names() const override;
  std::vector<std::string> groups() const override;
  std::vector<int> class_groups() const override;

  // (data sets + 1): data set k has the pictures, or classes, [first[k], first[k + 1]).
  const std::vector<int64_t>& first_picture() const { return first_picture_; }
  const std::vector<int64_t>& first_class() const { return first_class_; }

 private:
  size_t part_of(int64_t i) const;
  std::vector<std::shared_ptr<const Source>> parts_;
  std::vector<int64_t> first_picture_ = {0}, first_class_ = {0};
};

}  // namespace fr
