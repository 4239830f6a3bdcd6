#include "data/synthetic/dataset.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <exception>
#include <fstream>
#include <mutex>
#include <set>
#include <span>

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
  FR_CHECK(o.first_identity >= 0, "synthetic: first_identity must be >= 0, got ", o.first_identity);
  FR_CHECK(o.min_samples >= 1 && o.max_samples >= o.min_samples && o.max_samples <= 1'000'000,
           "synthetic: 1 <= min_samples <= max_samples <= 1e6, got ", o.min_samples, " and ", o.max_samples);
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

// The pictures of a person: places [first, last) of the list.
struct Person {
  size_t first, last;
};

// Pairs of one fold, among these people.
void draw_fold(const std::vector<SyntheticSample>& samples, std::span<const Person> people, int fold,
               int64_t wanted, Random& random, std::vector<SyntheticPair>& out) {
  std::set<std::pair<size_t, size_t>> seen;
  const auto any = [&](const Person& p) {
    return p.first + random.below(static_cast<uint32_t>(p.last - p.first));
  };
  const auto person = [&] { return size_t(random.below(static_cast<uint32_t>(people.size()))); };
  std::vector<SyntheticPair> found[2];
  for (int same = 0; same < 2; ++same) {
    // Small sets run out of pairs; a bounded number of trials then ends the search.
    for (int64_t trial = 0; trial < 50 * wanted && static_cast<int64_t>(found[same].size()) < wanted;
         ++trial) {
      const size_t p = person(), q = same ? p : person();
      if (!same && p == q) continue;
      size_t a = any(people[p]), b = any(people[q]);
      if (a == b) continue;
      if (a > b) std::swap(a, b);
      if (seen.insert({a, b}).second) found[same].push_back({fold, samples[a], samples[b]});
    }
  }
  const size_t n = std::min(found[0].size(), found[1].size());
  out.insert(out.end(), found[1].begin(), found[1].begin() + static_cast<std::ptrdiff_t>(n));
  out.insert(out.end(), found[0].begin(), found[0].begin() + static_cast<std::ptrdiff_t>(n));
}

void draw_folds(const std::vector<SyntheticSample>& samples, std::span<const Person> people, int64_t pairs,
                Random& random, std::vector<SyntheticPair>& out) {
  const size_t n = people.size(), folds = std::clamp<size_t>(n / 2, 1, 10);
  const int64_t wanted = pairs / static_cast<int64_t>(2 * folds);
  for (size_t f = 0; f < folds; ++f) {
    const size_t begin = n * f / folds, end = n * (f + 1) / folds;
    draw_fold(samples, people.subspan(begin, end - begin), static_cast<int>(f), wanted, random, out);
  }
}

// All people, or those of each group.
std::vector<std::vector<Person>> pools(const std::vector<SyntheticSample>& samples,
                                       SyntheticOptions::Pairs pairs) {
  std::vector<std::vector<Person>> of(pairs == SyntheticOptions::Pairs::of_all ? 1 : kGroups);
  for (size_t i = 0, last = 0; i < samples.size(); i = last) {
    while (last < samples.size() && samples[last].identity == samples[i].identity) ++last;
    of[of.size() == 1 ? 0 : size_t(samples[i].group)].push_back({i, last});
  }
  std::erase_if(of, [](const auto& people) { return people.empty(); });
  return of;
}

}  // namespace

int64_t samples_of(const SyntheticOptions& o, int64_t identity) {
  if (o.min_samples == o.max_samples) return o.min_samples;
  Random random({o.seed, Purpose::identity, static_cast<uint64_t>(identity), kCountStream});
  const double u = random.uniform(),
               ratio = static_cast<double>(o.max_samples + 1) / static_cast<double>(o.min_samples);
  const auto n = static_cast<int64_t>(static_cast<double>(o.min_samples) * std::pow(ratio, u * u));
  return std::clamp(n, o.min_samples, o.max_samples);
}

std::vector<SyntheticSample> list_samples(const SyntheticOptions& o) {
  check(o);
  std::vector<SyntheticSample> list;
  for (int64_t identity = o.first_identity; identity < o.first_identity + o.identities; ++identity) {
    const int group = draw_identity(o.seed, identity, o.group_share).group;
    const int64_t n = samples_of(o, identity);
    for (int64_t s = 0; s < n; ++s) list.push_back({identity, s, group});
  }
  return list;
}

Image render_face(const SyntheticOptions& o, const SyntheticSample& s) {
  return render_face(o.seed, draw_identity(o.seed, s.identity, o.group_share), s.identity, s.sample, o.size,
                     o.difficulty);
}

std::string class_name(const SyntheticSample& s) {
  char text[32];
  std::snprintf(text, sizeof text, "g%d_i%06lld", s.group, static_cast<long long>(s.identity));
  return text;
}

std::string picture_path(const SyntheticSample& s) {
  char number[32];
  std::snprintf(number, sizeof number, "_%04lld.jpg", static_cast<long long>(s.sample));
  return class_name(s) + "/" + class_name(s) + number;
}

std::vector<SyntheticPair> draw_pairs(const SyntheticOptions& options, int64_t pairs) {
  const std::vector<SyntheticSample> samples = list_samples(options);
  const auto people = pools(samples, options.pairs);
  Random random({options.seed, Purpose::sampler, static_cast<uint64_t>(options.first_identity), 0});
  std::vector<SyntheticPair> out;
  for (const auto& pool : people)
    draw_folds(samples, pool, pairs / static_cast<int64_t>(people.size()), random, out);
  return out;
}

void write_dataset(const std::filesystem::path& root, const SyntheticOptions& options, int quality,
                   int64_t pairs, const std::function<void(int64_t, int64_t)>& progress) {
  FR_CHECK(quality >= 1 && quality <= 100, "synthetic: quality 1..100, got ", quality);
  const std::vector<SyntheticSample> samples = list_samples(options);
  make_folders(root, samples);
  std::error_code ignored;
  fs::remove(root / "labels.txt", ignored);  // until the new pictures are complete, the folder is not
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
      const Image face = render_face(options, {options.first_identity + row, column, 0});
      for (int y = 0; y < n; ++y) std::copy_n(face.at(0, y), 3 * n, sheet.at(column * n, row * n + y));
    });
  });
  errors.rethrow();
  return sheet;
}

}  // namespace fr
