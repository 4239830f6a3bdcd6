#include "fr/recogniser/enroll.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/error.h"
#include "fr/run_data.h"

namespace fr {
namespace {

constexpr size_t kPiece = 256;  // pictures in memory at a time

std::string person_of(const fs::path& relative) {
  return relative.has_parent_path() ? relative.begin()->string() : relative.stem().string();
}

void append(Embeddings& all, const Embeddings& more) {
  all.values.insert(all.values.end(), more.values.begin(), more.values.end());
  all.N += more.N, all.D = more.D;
}

// Finds and embeds what it is given, piece by piece.
class Enroller {
 public:
  Enroller(const Recogniser& recogniser, const fs::path& folder, Enrolment& out)
      : recogniser_(recogniser), folder_(folder), out_(out) {}

  void add(const fs::path& relative) {
    try {
      aligned_.push_back(recogniser_.find(load_image(folder_ / relative), relative.string()).aligned);
      out_.people.push_back(person_of(relative)), out_.pictures.push_back(relative.string());
    } catch (const Error& e) {
      out_.skipped.push_back(e.what());
    }
    if (aligned_.size() == kPiece) finish();
  }
  void finish() {
    if (!aligned_.empty()) append(out_.embeddings, recogniser_.embed(aligned_));
    aligned_.clear();
  }

 private:
  const Recogniser& recogniser_;
  const fs::path& folder_;
  Enrolment& out_;
  std::vector<Image> aligned_;
};

// One row a person, in the order of their first pictures.
void take_means(Enrolment& e) {
  Enrolment means;
  means.embeddings.D = e.embeddings.D;
  const size_t D = size_t(e.embeddings.D);
  std::map<std::string, size_t> row_of;
  for (size_t n = 0; n < e.people.size(); ++n) {
    const auto [at, fresh] = row_of.emplace(e.people[n], means.people.size());
    if (fresh) {
      means.people.push_back(e.people[n]), means.pictures.emplace_back();
      means.embeddings.values.resize(means.embeddings.values.size() + D);
    }
    const float* x = &e.embeddings.values[n * D];
    double square = 0;
    for (size_t d = 0; d < D; ++d) square += double(x[d]) * double(x[d]);
    float* sum = &means.embeddings.values[at->second * D];
    for (size_t d = 0; d < D; ++d) sum[d] += float(double(x[d]) / std::max(std::sqrt(square), 1e-12));
  }
  means.embeddings.N = int64_t(means.people.size());
  e.people = std::move(means.people), e.pictures = std::move(means.pictures);
  e.embeddings = std::move(means.embeddings);
}

}  // namespace

Enrolment enroll(const Recogniser& recogniser, const fs::path& folder, GalleryRows rows,
                 const std::function<void(int64_t, int64_t)>& done) {
  if (!fs::is_directory(folder))
    throw Error(ErrorKind::io, cat(folder.string(), ": expected a folder of pictures"));
  const std::vector<fs::path> paths = picture_files(folder);
  Enrolment out;
  Enroller enroller(recogniser, folder, out);
  std::set<std::string> seen;
  for (size_t i = 0; i < paths.size(); ++i) {
    const fs::path relative = paths[i].lexically_relative(folder);
    seen.insert(person_of(relative));
    enroller.add(relative);
    if (done) done(int64_t(i + 1), int64_t(paths.size()));
  }
  enroller.finish();
  if (out.people.empty())
    throw Error(ErrorKind::data,
                cat(folder.string(), ": nobody to enrol: ", paths.size(), " pictures, none usable",
                    out.skipped.empty() ? "" : "; the first: " + out.skipped.front()));
  for (const auto& person : out.people) seen.erase(person);
  out.left_out.assign(seen.begin(), seen.end());
  if (rows == GalleryRows::means) take_means(out);
  return out;
}

}  // namespace fr
