// What closed-set, open-set and one-shot identification share: a list of pictures, embeddings of gallery and probes, and what
// each probe finds.
#pragma once
#include <string>
#include <vector>

#include "data/gallery_list.h"
#include "fr/protocol/open_set.h"
#include "fr/protocol/protocol.h"

namespace fr {

// What stands for a person with several pictures in the gallery.
enum class Template {
  best,  // every picture; the most similar one counts
  mean,  // the mean of the embeddings of unit length: a prototype
};
inline const std::vector<std::pair<std::string, Template>> kTemplateWords = {{"best", Template::best},
                                                                             {"mean", Template::mean}};

class GalleryProtocol : public Protocol {
 public:
  const PictureList& pictures() const override { return pictures_; }
  std::string description() const override;

 protected:
  // Throws std::invalid_argument for a list that contradicts itself.
  GalleryProtocol(GalleryProbes set, Template of_person);

  struct Search {
    const Calibrator& calibrator;
    CalibratedRows gallery, probes;
    std::vector<int64_t> gallery_people, gallery_pictures;  // of each row: its person; its (first) picture
    std::span<const int64_t> probe_people;
    std::vector<ProbeResult> found;  // of each probe
  };
  // Throws std::invalid_argument for embeddings that do not fit the list; what search_probes() throws.
  Search search(const ModelEmbeddings& embeddings, const Calibrator& calibrator) const;
  // Calibrator, counts of pictures and people, notes.
  ProtocolResult start(const Calibrator& calibrator) const;
  // Mates with the lowest scores, strangers with the highest, a probe once each.
  void add_hardest(ProtocolResult& result, const Search& search) const;
  int64_t enrolled_people() const;
  bool enrolled(int64_t person) const { return enrolled_[size_t(person)] != 0; }
  std::span<const int64_t> probe_people() const {
    return std::span(set_.people).subspan(size_t(set_.enrolled));
  }

  GalleryProbes set_;

 private:
  PictureList pictures_;
  std::vector<uint8_t> enrolled_;  // (people)
  Template template_;
};

}  // namespace fr
