// IDA-R: the support set of an embedding is its k nearest anchors, found exactly; those of its own person are left out.
#pragma once
#include <functional>
#include <map>
#include <memory>

#include "base/error.h"
#include "fr/calibration/discrepancy.h"
#include "fr/search.h"

namespace fr {

class AnchorDiscrepancy : public Discrepancy {
 public:
  // anchors (M,D): raw or unit length; rows without a direction are left out. anchors.people: of whom an embedding of the same
  // person does without. Throws what Discrepancy() throws; Error{usage} for k above the anchors that have a direction,
  // Error{data} for rows that are not finite.
  AnchorDiscrepancy(const EmbeddingView& anchors, int64_t k, double tau);
  AnchorDiscrepancy(const AnchorDiscrepancy&) = delete;  // the search looks at our rows
  AnchorDiscrepancy& operator=(const AnchorDiscrepancy&) = delete;

  std::string name() const override { return "ida_r"; }
  // A function of a row, its person and the anchors alone. Throws Error{data} naming the row for which fewer than k anchors are
  // of other people.
  std::vector<double> log_f(const CalibratedRows& rows, std::span<const std::string> people) const override;
  // The same with other similarities than cosines, s_i of row `row` and the k anchors (D) whose cosines are largest.
  using Similarity = std::function<double(int64_t row, const float* anchor)>;
  std::vector<double> log_f(const CalibratedRows& rows, std::span<const std::string> people,
                            const Similarity& similarity) const;
  int64_t anchors() const { return int64_t(person_.size()); }

 private:
  std::string support() const override { return cat(anchors(), " anchors"); }
  // How many anchors row `row`, of this person, does without. Throws as log_f().
  int64_t anchors_of(const std::string& person, int64_t row) const;
  void search(std::vector<double>& out, const CalibratedRows& rows, std::span<const std::string> people,
              int64_t begin, int64_t end, const Similarity& similarity) const;

  std::vector<float> rows_;                   // (anchors,D)
  std::vector<std::string> person_;           // (anchors), "" where nobody knows
  std::map<std::string, int64_t> of_person_;  // anchors of each known person
  std::unique_ptr<Gallery> gallery_;
};

}  // namespace fr
