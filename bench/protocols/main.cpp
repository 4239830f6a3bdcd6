// bench_protocols: what it costs to score all pairs of large sets (fr/protocol/score_stream.h), in time and memory, beside the
// matrix products alone. A row of a Markdown table for each argument: N (all pairs of one set) or NxM (probes x gallery, of
// which N are mates and the rest distractors). "gallery:N": searches in a mapped gallery file of N rows, which is written to
// the folder for temporary files and removed. Other work on the machine shows in the seconds, hardly in the processor's.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>
#include <fstream>
#include <functional>
#include <iomanip>
#include <iostream>
#include <mutex>
#include <optional>
#include <sstream>

#include "base/error.h"
#include "base/parallel.h"
#include "base/philox.h"
#include "fr/protocol/score_passes.h"
#include "fr/protocol/stream_bootstrap.h"
#include "fr/recogniser/identify.h"

namespace fr {
namespace {

constexpr int64_t kD = 512, kPictures = 20;  // of a person

struct Set {
  CalibratedRows rows;
  std::vector<int64_t> people;
};

// Unit length; from row `known` on distractors.
Set make_set(int64_t N, int64_t known, uint64_t seed) {
  Set set;
  set.rows.N = N, set.rows.D = kD, set.rows.rows.resize(size_t(N * kD)), set.people.resize(size_t(N));
  parallel_ranges(N, 64, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      const int64_t person = n < known ? n / kPictures : -1;
      Random of_person({1, Purpose::test, uint64_t(n < known ? person : N + n), 0}),
          own({seed, Purpose::test, uint64_t(n), 1});
      float* row = &set.rows.rows[size_t(n * kD)];
      double squares = 0;
      for (int64_t d = 0; d < kD; ++d) {
        row[d] = float(of_person.uniform(-1, 1) + 2.2 * own.uniform(-1, 1));
        squares += double(row[d]) * row[d];
      }
      for (int64_t d = 0; d < kD; ++d) row[d] = float(row[d] / std::sqrt(squares));
      set.people[size_t(n)] = person;
    }
  });
  return set;
}

struct Cost {
  double seconds = 0, processor = 0;
};
Cost cost_of(const std::function<void()>& f) {
  const auto start = std::chrono::steady_clock::now();
  const std::clock_t clock = std::clock();
  f();
  return {std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(),
          double(std::clock() - clock) / CLOCKS_PER_SEC};
}

// Resident memory of the process: now (VmRSS), and the most since the last restart_peak() (VmHWM).
double mib(const std::string& field) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(field + ":")) return std::stod(line.substr(field.size() + 1)) / 1024;
  throw Error(ErrorKind::io, cat("bench_protocols: no ", field, " in /proc/self/status"));
}
void restart_peak() { std::ofstream("/proc/self/clear_refs") << 5; }

// Every operating point against the metrics of all scores in one list.
void verify(const ScorePairs& pairs) {
  std::vector<double> scores;
  std::vector<uint8_t> same;
  std::mutex mutex;
  for_each_block(pairs, [&](const ScoreBlock& block, int) {
    const std::lock_guard lock(mutex);
    for (int64_t r = block.i; r < block.i + block.n; ++r)
      for (int64_t c = std::max(block.j, r + 1); c < block.j + block.m; ++c) {
        scores.push_back(block.scores[(r - block.i) * block.stride + (c - block.j)]);
        const int64_t person = pairs.people_a[size_t(r)];
        same.push_back(person >= 0 && person == pairs.people_a[size_t(c)]);
      }
  });
  StreamOptions o;
  o.bootstrap.replicates = 0;
  const StreamResult result = stream_metrics(pairs, o);
  for (size_t i = 0; i < o.far.size(); ++i) {
    const OperatingPoint expected = tar_at_far({scores, same}, o.far[i]);
    if (expected.threshold != result.points[i].threshold || expected.tar != result.points[i].tar)
      throw Error(ErrorKind::internal, cat("bench_protocols: another point at FAR ", o.far[i]));
  }
}

std::string text(const Cost& cost) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(1) << cost.seconds << " (" << cost.processor << ')';
  return out.str();
}

// The stages of stream_metrics, one by one.
void measure(const std::string& name, const ScorePairs& pairs) {
  restart_peak();
  const double before = mib("VmRSS");
  const StreamOptions o;
  const PairIndex index(pairs);
  const Kept kept{o.kept, o.hardest, o.bootstrap.seed};
  const Cost products = cost_of([&] { for_each_block(pairs, [](const ScoreBlock&, int) {}); });
  FirstPass first;
  const Cost pass_1 = cost_of([&] { first = first_pass(pairs, index, kept); });
  std::vector<int64_t> bins;
  for (double f : o.far)
    for (int64_t bin : KeyCounts::bins_of(first.counts, f, index.impostor())) bins.push_back(bin);
  std::optional<SecondPass> second;
  const Cost pass_2 = cost_of([&] { second.emplace(second_pass(pairs, index, first.counts, bins, kept)); });
  const Cost replicates = cost_of([&] {
    bootstrap_stream(index, {first.genuine, second->tail, first.impostor}, o.far, o.bootstrap);
  });
  std::cout << "| " << name << " | " << index.genuine() << " | " << index.impostor() << " | "
            << text(products) << " | " << text(pass_1) << " | " << text(pass_2) << " | " << std::fixed
            << std::setprecision(2) << (pass_1.processor + pass_2.processor) / (2 * products.processor)
            << " | " << text(replicates) << std::setprecision(0) << " | " << mib("VmHWM") << " MiB | "
            << mib("VmHWM") - before << " MiB |" << std::endl;
}

// Verified: a row of the gallery finds itself.
void check_found(const std::vector<std::vector<Candidate>>& found, const std::string& picture) {
  if (found[0][0].picture != picture)
    throw Error(ErrorKind::internal,
                cat("bench_protocols: ", picture, " was taken for ", found[0][0].picture));
}

void measure_gallery(int64_t N, const Calibrator& calibrator) {
  const fs::path path = fs::temp_directory_path() / cat("bench-gallery-", ::getpid());
  std::vector<std::string> people, pictures;
  for (int64_t n = 0; n < N; ++n)
    people.push_back(cat("p", n / kPictures)), pictures.push_back(cat(n, ".jpg"));
  {
    const Set set = make_set(N, N, 2);
    write_gallery(path, {set.rows.rows, N, kD}, people, pictures, {});
  }
  std::optional<GalleryFile> file;
  std::optional<Identifier> identifier;
  const Cost open = cost_of([&] { file.emplace(path), identifier.emplace(*file, calibrator); });
  const auto search = [&](int64_t probes) {
    const EmbeddingView rows = {
        file->embeddings().values.subspan(size_t((N - probes) * kD), size_t(probes * kD)), probes, kD};
    Cost least{1e9, 1e9};
    for (int i = 0; i < 5; ++i) {
      const Cost cost =
          cost_of([&] { check_found(identifier->search(rows, 1), pictures[size_t(N - probes)]); });
      if (cost.seconds < least.seconds) least = cost;
    }
    return least;
  };
  const Cost one = search(1), many = search(64);
  fs::remove(path);
  std::cout << "gallery of " << N << " rows: opened in " << std::fixed << std::setprecision(3) << open.seconds
            << " s; a search takes " << one.seconds << " s (" << one.processor << "), of 64 together "
            << many.seconds / 64 << " s (" << many.processor / 64 << ") each; the least of 5" << std::endl;
}

void run(const std::string& size, const Calibrator& calibrator) {
  if (size.starts_with("gallery:")) return measure_gallery(std::stoll(size.substr(8)), calibrator);
  const size_t times = size.find('x');
  const int64_t N = std::stoll(size);
  if (times == std::string::npos) {
    const Set set = make_set(N, N, 2);
    measure(size, {&calibrator, &set.rows, set.people, nullptr, {}});
  } else {
    const int64_t M = std::stoll(size.substr(times + 1));
    const Set probes = make_set(N, N, 2), gallery = make_set(M, N, 3);
    measure(size, {&calibrator, &probes.rows, probes.people, &gallery.rows, gallery.people});
  }
}

void run_all(int count, char** sizes) {
  const auto calibrator = make_calibrator({});
  const Set small = make_set(1300, 1200, 1);
  verify({calibrator.get(), &small.rows, small.people, nullptr, {}});
  std::cout << threads() << " threads, D = " << kD << ", " << kPictures
            << " pictures a person; seconds (of the processors)\n\n"
               "| embeddings | genuine | impostor | products alone | pass 1 | pass 2 | a pass / products | "
               "1,000 replicates | peak memory | of it beside the embeddings |\n"
               "|---|---|---|---|---|---|---|---|---|---|\n";
  for (int i = 0; i < count; ++i) run(sizes[i], *calibrator);
}

}  // namespace
}  // namespace fr

int main(int argc, char** argv) try {
  fr::run_all(argc - 1, argv + 1);
  return 0;
} catch (const std::exception& e) {
  std::cerr << "bench_protocols: " << e.what() << '\n';
  return 1;
}
