// LFW under the BLUFR protocol as a Protocol: ten trials, each a verification of all pairs of its test set and an open-set
// identification of its probes among its gallery.                      Liao et al. 2014
#pragma once
#include <memory>
#include <vector>

#include "data/blufr.h"
#include "data/pairs.h"
#include "fr/protocol/protocol.h"

namespace fr {

struct BlufrOptions {
  std::vector<double> far = {1e-3, 1e-4, 1e-5};  // of the verification rate
  std::vector<double> fpir = {1e-2};             // of the detection and identification rate (BLUFR: "FAR")
};

struct BlufrInput {
  BlufrProtocol lists;
  std::filesystem::path root;      // of the pictures
  std::vector<std::string> notes;  // pictures that are left out
};

// Missing pictures: Error{data}, or with Missing::drop they leave every list, with a note; Error{data} "trial T: ..." when a
// list is empty then. `trials`: the name of the list, for messages.
BlufrInput blufr_input(BlufrProtocol lists, const std::filesystem::path& trials,
                       const std::filesystem::path& root, Missing missing);

// Figures: at each rate the mean over the trials minus their standard deviation (N - 1), the protocol's measure, and the mean;
// by the rule of BLUFR, beside them TAR by that of metrics.h. The first is VR at options.far[0]. Intervals draw people once for
// all trials, so that trials that share people rise and fall together. Throws Error{data} for a trial whose probes all have a
// mate in its gallery, or none has.
std::unique_ptr<Protocol> blufr(BlufrInput input, BlufrOptions options = {});

}  // namespace fr
