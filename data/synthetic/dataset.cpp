#include "data/synthetic/dataset.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <exception>
#include <fstream>
#include <mutex>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "base/parallel.h"
#include "base/philox.h"

namespace fr {
namespace {

// Sub-streams of a person's key: 0 traits, 1 texture, 2 the number of pictures.
constexpr uint32_t kCountStream = 2;

void check(const SyntheticOptions& o) {
  FR_CHECK(o.identities >= 1 && o.identities <= 100'000'000, "synthetic: identities 1..1e8, got ",
           o.identities);
  FR_CHECK(o.impostors >= 1 && o.impostors <= 1'000'000, "synthetic: impostors 1..1e6, got ", o.impostors);
  FR_CHECK(o.first_identity >= 0, "synthetic: first_identity must be >= 0, got ", o.first_identity);
  FR_CHECK(o.min_samples >= 1 && o.max_samples >= o.min_samples && o.max_samples <= 1'000'000,
           "synthetic: 1 <= min_samples <= max_samples <= 1e6, got ", o.min_samples, " and ", o.max_samples);
  style_name(o.style);  // throws
  for (double times : o.group_pictures)
    FR_CHECK(times >= 0 && times <= 1000, "synthetic: group_pictures are 0..1000, got ", times);
}

// The first error of any thread; the others stop early.
class FirstError {
 public:
  template <class F>
  void run(const F& f) {
    if (failed_) return;
    try {
      f();
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!failed_.exchange(true)) error_ = std::current_exception();
    }
  }
  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  std::atomic<bool> failed_ = false;
  std::mutex mutex_;
  std::exception_ptr error_;
};

void write_picture(const fs::path& path, const Image& image, int quality) {
  const std::vector<uint8_t> bytes = encode_jpeg(image, quality);
  std::ofstream out(path, std::ios::binary);
  out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  if (!out.flush()) throw Error(ErrorKind::io, cat(path.string(), ": cannot write"));
}

void make_folders(const fs::path& root, const std::vector<SyntheticSample>& samples) {
  for (const SyntheticSample& s : samples) {
    if (s.sample != 0) continue;
    std::error_code error;
    fs::create_directories(root / class_name(s), error);
    if (error) throw Error(ErrorKind::io, cat((root / class_name(s)).string(), ": ", error.message()));
  }
}

void write_lists(const fs::path& root, const SyntheticOptions& options,
                 const std::vector<SyntheticSample>& samples, int64_t pairs) {
  std::string groups, table = "fold,a,b,same\n", labels;
  for (const SyntheticSample& s : samples) {
    if (s.sample == 0) groups += cat(class_name(s), "\tg", s.group, "\n");
    labels += cat(picture_path(s), " ", s.identity - options.first_identity, "\n");
  }
  for (const SyntheticPair& p : draw_pairs(options, pairs)) {
    table += cat(p.fold, ",", picture_path(p.a), ",", picture_path(p.b), ",", p.same() ? 1 : 0, "\n");
  }
  write_file_atomic(root / "groups.txt", groups);
  write_file_atomic(root / "pairs.csv", table);
  write_file_atomic(root / "labels.txt", labels);
}

// At most genuine * (1 + impostors) pairs among these persons of one fold; first: the index of each person's first picture.
void draw_fold(const std::vector<SyntheticSample>& samples, const std::vector<size_t>& first,
               const std::vector<size_t>& people, int fold, int64_t genuine, int64_t impostors,
               Random& random, std::vector<SyntheticPair>& out) {
  if (people.empty()) return;
  std::set<std::pair<size_t, size_t>> seen;
  const auto any = [&](size_t person) {
    return first[person] + random.below(static_cast<uint32_t>(first[person + 1] - first[person]));
  };
  const auto person = [&] { return people[random.below(static_cast<uint32_t>(people.size()))]; };
  std::vector<SyntheticPair> found[2];
  for (int same = 0; same < 2; ++same) {
    const int64_t wanted = same ? genuine : genuine * impostors;
    // Small sets run out of pairs; a bounded number of trials then ends the search.
    for (int64_t trial = 0; trial < 50 * wanted && static_cast<int64_t>(found[same].size()) < wanted;
         ++trial) {
      const size_t p = person(), q = same ? p : person();
      if (!same && p == q) continue;
      size_t a = any(p), b = any(q);
      if (a == b) continue;
      if (a > b) std::swap(a, b);
      if (seen.insert({a, b}).second) found[same].push_back({fold, samples[a], samples[b]});
    }
  }
  const auto n =
      std::min(static_cast<int64_t>(found[1].size()), static_cast<int64_t>(found[0].size()) / impostors);
  out.insert(out.end(), found[1].begin(), found[1].begin() + n);
  out.insert(out.end(), found[0].begin(), found[0].begin() + n * impostors);
}

// How many groups pairs are drawn from one by one.
size_t parts_of(const SyntheticOptions& o) {
  if (o.pairs_of == PairsOf::all) return 1;
  return static_cast<size_t>(
      std::count_if(o.group_share.begin(), o.group_share.end(), [](double s) { return s > 0; }));
}

}  // namespace

Identity draw_person(const SyntheticOptions& o, int64_t identity) {
  if (o.group_draw == GroupDraw::by_share) return draw_identity(o.seed, identity, o.group_share);
  std::vector<int> groups;
  for (int g = 0; g < kGroups; ++g) {
    if (o.group_share[g] > 0) groups.push_back(g);
  }
  FR_CHECK(!groups.empty(), "synthetic: at least one group share must be positive");
  GroupShares only{};
  only[groups[static_cast<size_t>(identity) % groups.size()]] = 1;
  return draw_identity(o.seed, identity, only);
}

int64_t samples_of(const SyntheticOptions& o, int64_t identity, int group) {
  int64_t n = o.min_samples;
  if (o.min_samples != o.max_samples) {
    Random random({o.seed, Purpose::identity, static_cast<uint64_t>(identity), kCountStream});
    const double u = random.uniform(),
                 ratio = static_cast<double>(o.max_samples + 1) / static_cast<double>(o.min_samples);
    n = static_cast<int64_t>(static_cast<double>(o.min_samples) * std::pow(ratio, u * u));
    n = std::clamp(n, o.min_samples, o.max_samples);
  }
  return std::max<int64_t>(1, std::llround(static_cast<double>(n) * o.group_pictures[group]));
}

std::vector<SyntheticSample> list_samples(const SyntheticOptions& o) {
  check(o);
  std::vector<SyntheticSample> list;
  for (int64_t identity = o.first_identity; identity < o.first_identity + o.identities; ++identity) {
    const int group = draw_person(o, identity).group;
    const int64_t n = samples_of(o, identity, group);
    for (int64_t s = 0; s < n; ++s) list.push_back({identity, s, group, o.style});
  }
  return list;
}

Image render_face(const SyntheticOptions& o, const SyntheticSample& s) {
  return render_face(o.seed, draw_person(o, s.identity), s.identity, s.sample, o.size, o.difficulty, s.style);
}

std::string class_name(const SyntheticSample& s) {
  char text[32];
  std::snprintf(text, sizeof text, "g%d_i%06lld", s.group, static_cast<long long>(s.identity));
  return s.style == 0 ? text : cat("s", s.style, "_", text);
}

std::string picture_path(const SyntheticSample& s) {
  char number[32];
  std::snprintf(number, sizeof number, "_%04lld.jpg", static_cast<long long>(s.sample));
  return class_name(s) + "/" + class_name(s) + number;
}

std::vector<SyntheticPair> draw_pairs(const SyntheticOptions& options, int64_t pairs) {
  const std::vector<SyntheticSample> samples = list_samples(options);
  std::vector<size_t> first;
  for (size_t i = 0; i < samples.size(); ++i) {
    if (samples[i].sample == 0) first.push_back(i);
  }
  const size_t people = first.size(), parts = parts_of(options);
  const size_t folds = std::clamp<size_t>(people / (2 * parts), 1, 10);
  first.push_back(samples.size());
  Random random({options.seed, Purpose::sampler, static_cast<uint64_t>(options.first_identity), 0});
  std::vector<SyntheticPair> out;
  const int64_t genuine = pairs / ((1 + options.impostors) * static_cast<int64_t>(folds * parts));
  for (size_t f = 0; f < folds; ++f) {
    std::array<std::vector<size_t>, kGroups> who;
    for (size_t p = people * f / folds; p < people * (f + 1) / folds; ++p)
      who[parts == 1 ? 0 : samples[first[p]].group].push_back(p);
    for (const auto& part : who)
      draw_fold(samples, first, part, static_cast<int>(f), genuine, options.impostors, random, out);
  }
  return out;
}

void write_pictures(const std::filesystem::path& root, const SyntheticOptions& options,
                    const std::vector<SyntheticSample>& samples, int quality,
                    const SyntheticProgress& progress) {
  FR_CHECK(quality >= 1 && quality <= 100, "synthetic: quality 1..100, got ", quality);
  make_folders(root, samples);
  const auto total = static_cast<int64_t>(samples.size());
  std::atomic<int64_t> done = 0;
  std::mutex reporting;
  FirstError errors;
  parallel_ranges(total, 64, [&](int64_t begin, int64_t end) {
    errors.run([&] {
      for (int64_t i = begin; i < end; ++i) {
        write_picture(root / picture_path(samples[i]), render_face(options, samples[i]), quality);
      }
      const int64_t now = done += end - begin;
      const std::lock_guard lock(reporting);
      if (progress) progress(now, total);
    });
  });
  errors.rethrow();
}

void write_dataset(const std::filesystem::path& root, const SyntheticOptions& options, int quality,
                   int64_t pairs, const SyntheticProgress& progress) {
  const std::vector<SyntheticSample> samples = list_samples(options);
  std::error_code ignored;
  fs::remove(root / "labels.txt", ignored);  // until the new pictures are complete, the folder is not
  write_pictures(root, options, samples, quality, progress);
  write_lists(root, options, samples, pairs);
}

Image contact_sheet(const SyntheticOptions& options, int rows, int columns) {
  FR_CHECK(rows >= 1 && columns >= 1 && rows <= 200 && columns <= 200,
           "contact_sheet: 1..200 rows and columns, got ", rows, " and ", columns);
  const int n = options.size;
  Image sheet(columns * n, rows * n);
  FirstError errors;
  parallel_for(int64_t{rows} * columns, [&](int64_t i) {
    errors.run([&] {
      const int row = static_cast<int>(i / columns), column = static_cast<int>(i % columns);
      const Image face = render_face(options, {options.first_identity + row, column, 0, options.style});
      for (int y = 0; y < n; ++y) std::copy_n(face.at(0, y), 3 * n, sheet.at(column * n, row * n + y));
    });
  });
  errors.rethrow();
  return sheet;
}

}  // namespace fr
