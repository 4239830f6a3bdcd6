// IJB-B and IJB-C (Whitelam et al. 2017, Maze et al. 2018): templates of pictures and videos, compared in listed pairs (1:1) and
// as probes against galleries (1:N).
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "data/ijb.h"
#include "fr/protocol/protocol.h"
#include "fr/protocol/template_pooling.h"

namespace fr {

enum class IjbCrops {
  loose,    // loose_crop/n.jpg: aligned by the landmarks of the list when a picture is asked for
  aligned,  // pictures are taken as they are
};
enum class DetectorScores {
  ignore,
  multiply
};  // multiply: a feature counts as much as the detector trusts its picture

struct IjbInput {
  std::string title;  // "IJB-C"
  IjbSet set;
  std::filesystem::path root;  // of the pictures
  IjbCrops crops = IjbCrops::loose;
  FeatureNorm norm = FeatureNorm::keep;
  DetectorScores detector = DetectorScores::multiply;
};

// What both protocols share: pictures of 112x112 (a network for 112x96 takes their middle), and embeddings of templates.
class IjbProtocol : public Protocol {
 public:
  const PictureList& pictures() const override { return pictures_; }

 protected:
  // Throws Error{usage} when landmarks or scores are needed and the set has none.
  explicit IjbProtocol(IjbInput input);
  struct Rows {
    std::vector<float> values;  // (templates,D): unit length; of several models side by side
    int64_t N = 0, D = 0;
    EmbeddingView view() const { return {values, N, D}; }
  };
  Rows pool(const ModelEmbeddings& embeddings, const Calibrator& calibrator) const;
  ProtocolResult start(const std::string& protocol, const std::string& title,
                       const Calibrator& calibrator) const;

  IjbInput input_;

 private:
  PictureList pictures_;
};

// 1:1. TAR at FAR over the listed pairs. The lists say which templates are of one person only through genuine pairs: for the
// intervals templates that genuine pairs join, directly or by way of others, are one person, every other template is one of
// its own.
std::unique_ptr<Protocol> ijb_verification(IjbInput input, IjbPairs pairs);

// Persons 0.. of `templates` templates, as above: the components of the graph of genuine pairs, by their first template.
std::vector<int64_t> people_of_templates(const IjbPairs& pairs, int64_t templates);

struct IjbGallery {
  std::string name;  // "G1"
  IjbSubjects entries;
};
// 1:N as NIST defines it. Every probe searches each gallery by itself; the probes without a mate there are those whose subject is
// not in it. Rates are the mean over the galleries: TPIR at FPIR (FpirRule::nist, rank 1) for each of options.far, and
// closed-set ranks 1, 5, 10. Intervals draw the subjects of the probes; galleries stay as they are.
// Throws Error{data} when a template is both in a gallery and a probe, or a gallery has the mates of no probe or of all.
std::unique_ptr<Protocol> ijb_identification(IjbInput input, std::vector<IjbGallery> galleries,
                                             IjbSubjects probes);

}  // namespace fr
