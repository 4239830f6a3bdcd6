// What the tests of the reports of protocols report.
#pragma once
#include <functional>

#include "base/error.h"
#include "test/fr/drawn_results.h"
#include "test/fr/page_checks.h"

namespace fr {

inline constexpr int64_t kPictures = 40;

inline PictureList picture_list() {
  PictureList list;
  for (int64_t i = 0; i < kPictures; ++i)
    list.names.push_back(cat("person_", i / 2, "/picture, ", i, ".jpg"));
  list.picture = [](int64_t i) { return noise_picture(112, uint64_t(i)); };
  return list;
}

inline const ProtocolResult& verification() {
  static const ProtocolResult result = drawn_verification("LFW", "none", 0.62, kPictures, 1);
  return result;
}

inline ProtocolResult with_groups() {
  ProtocolResult r = drawn_verification("RFW", "none", 0.5, kPictures, 5);
  add_groups(r);
  r.warnings = {"12 pictures are missing"};
  r.notes = {"a note"};
  return r;
}

// A result in which nothing is a number.
inline ProtocolResult unknown_result() {
  ProtocolResult r;
  r.protocol = "verification", r.threshold = kNaN;
  r.figures = {{"accuracy", "accuracy", kNaN, {-kInf, kInf}},
               {"tar", "tar", kInf, {kNaN, kNaN}, FigureUnit::number}};
  r.card = {{1e-6, kInf, 0, kNaN, {}, false}};
  r.curves = {{CurveKind::roc, "r", {{0, 0}, {kNaN, 1}, {0.5, kInf}}},
              {CurveKind::det, "d", {{0, 1}, {1, 0}}}};
  r.genuine = {kNaN, -0.0, 5e-324}, r.impostor = {-kInf};
  r.groups = {{"g", 0, 0, kNaN, kInf, kNaN, {}, {}, {0, kInf}}};
  return r;
}

inline std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const std::exception& e) {
    return e.what();
  }
  return "nothing was thrown";
}

}  // namespace fr
