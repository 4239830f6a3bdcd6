// The doppelgangers at the end of a run as pictures: Smirnov et al. 2017, Figure 1.
#pragma once
#include "data/source.h"
#include "fr/mining/doppelgangers.h"
#include "fr/model.h"
#include "fr/report/report.h"

namespace fr {

// Classes with their doppelgangers, up to `most`: those that are each other's first, then by the cosine of their class weights,
// largest first. Up to four pictures of a class make one. A picture that cannot be read leaves an empty frame.
ReportDoppelgangers report_doppelgangers(const DoppelgangerList& list, FaceModel& model, const Source& source,
                                         size_t most = 12);

}  // namespace fr
