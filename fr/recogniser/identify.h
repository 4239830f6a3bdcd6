// Who is it? The people of a gallery who are most similar to a probe, and whether the first is similar enough to be named.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "fr/calibration/calibrator.h"
#include "fr/gallery_file.h"

namespace fr {

struct Candidate {
  std::string person, picture;  // the row that decided
  double score = 0;
};

// Exact search over all rows; without a calibration in place, on the mapped file. A person's score is that of his best row.
class Identifier {
 public:
  // Both must outlive it. Throws what Calibrator::prepare() throws, Error{data} for an empty gallery or one that is not finite,
  // Error{usage} for a calibrator of distributions.
  Identifier(const GalleryFile& gallery, const Calibrator& calibrator);
  ~Identifier();
  // Of each probe (N,D) the `k` best people, best first, ties to the earlier row; fewer when the gallery has fewer. Throws
  // std::invalid_argument for another D or k < 1.
  std::vector<std::vector<Candidate>> search(const EmbeddingView& probes, int64_t k) const;

 private:
  struct Rows;
  const GalleryFile& gallery_;
  const Calibrator& calibrator_;
  std::unique_ptr<Rows> rows_;
};

}  // namespace fr
