// The stream of batches is a pure function of seed, options and pictures.
#include "data/loader.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <thread>

#include "test/data/fake_source.h"
#include "test/data/temporary.h"

namespace fr {
namespace {

struct Stream {
  std::vector<Batch> batches;
  std::vector<int64_t> damaged;
};
Stream read(const Source& source, const LoaderOptions& options, int count) {
  Loader loader(source, options);
  Stream stream;
  for (int i = 0; i < count; ++i) stream.batches.push_back(loader.next());
  for (const Damage& d : loader.damaged()) stream.damaged.push_back(d.index);
  return stream;
}
void expect_same(const Batch& a, const Batch& b) {
  EXPECT_EQ(a.indices, b.indices);
  EXPECT_EQ(a.labels, b.labels);
  EXPECT_TRUE(a.images == b.images) << "batch " << a.epoch << "." << a.number;
  EXPECT_EQ(a.epoch, b.epoch);
  EXPECT_EQ(a.number, b.number);
}
void expect_same(const Stream& a, const Stream& b) {
  ASSERT_EQ(a.batches.size(), b.batches.size());
  for (size_t i = 0; i < a.batches.size(); ++i) expect_same(a.batches[i], b.batches[i]);
  EXPECT_EQ(a.damaged, b.damaged);
}

TEST(Loader, BatchesAreTheEpochInOrder) {
  const FakeSource source;
  LoaderOptions options = small();
  options.augment = {}, options.augment.flip = 0;
  const Stream stream = read(source, options, 4);
  const std::vector<int64_t> order = epoch_order(source, Order::uniform, 5, 0);
  std::vector<int64_t> sorted = order;
  std::sort(sorted.begin(), sorted.end());
  for (int64_t i = 0; i < 50; ++i) ASSERT_EQ(sorted[size_t(i)], i);
  EXPECT_NE(sorted, order);
  EXPECT_NE(order, epoch_order(source, Order::uniform, 5, 1));
  EXPECT_NE(order, epoch_order(source, Order::uniform, 6, 0));
  const Batch& b = stream.batches[1];
  EXPECT_EQ(b.indices, std::vector<int64_t>(order.begin() + 20, order.begin() + 40));
  EXPECT_EQ(b.height * 100 + b.width, 1208);
  ASSERT_EQ(b.images.size(), 20u * 12 * 8 * 3);
  std::vector<float> expected(12 * 8 * 3);
  for (size_t n = 0; n < 20; ++n) {
    EXPECT_EQ(b.labels[n], source.label(b.indices[n]));
    to_float(expected.data(), source.load(b.indices[n]), 12, 8);
    EXPECT_TRUE(std::equal(expected.begin(), expected.end(),
                           b.images.begin() + static_cast<std::ptrdiff_t>(n * expected.size())));
  }
  EXPECT_EQ(stream.batches[2].epoch, 1);  // 50 = 2 x 20 + 10 dropped
  EXPECT_EQ(stream.batches[2].number, 0);
}

TEST(Loader, TheTailCanBeKept) {
  const FakeSource source;
  LoaderOptions options = small();
  options.tail = Tail::keep;
  const Stream stream = read(source, options, 4);
  EXPECT_EQ(stream.batches[2].size(), 10);
  EXPECT_EQ(stream.batches[2].images.size(), 10u * 12 * 8 * 3);
  EXPECT_EQ(stream.batches[3].epoch, 1);
  EXPECT_EQ(stream.batches[3].size(), 20);
  options.batch = 1000;
  EXPECT_EQ(read(source, options, 2).batches[1].size(), 50);
}

TEST(Loader, ThreadsAndPrefetchChangeNothing) {
  FakeSource source;
  source.bad = {3, 17, 18, 40};
  source.jitter = true;
  for (const Order order : {Order::uniform, Order::balanced}) {
    LoaderOptions options = small();
    options.order = order, options.max_damaged = 0.1, options.batch = 37, options.tail = Tail::keep;
    options.threads = 1, options.prefetch = 1;
    const Stream expected = read(source, options, 9);
    if (order == Order::uniform) {
      EXPECT_EQ(expected.damaged.size(), 4u);
    }
    for (const int threads : {1, 2, 3, 8})
      for (const int prefetch : {1, 4, 8})
        for (const int64_t cache : {0, 1024}) {
          options.threads = threads, options.prefetch = prefetch, options.cache_mb = cache;
          expect_same(read(source, options, 9), expected);
        }
    options.seed = 6;
    EXPECT_FALSE(read(source, options, 1).batches[0].images == expected.batches[0].images);
  }
}

TEST(Loader, ResumesWhereItStopped) {
  FakeSource source;
  source.bad = {3, 17};
  LoaderOptions options = small();
  options.max_damaged = 0.1;
  const Stream whole = read(source, options, 8);
  for (int64_t t = 0; t < 8; ++t) {
    options.start_epoch = t / 2, options.start_batch = t % 2;
    expect_same(read(source, options, 1).batches[0], whole.batches[size_t(t)]);
    options.start_epoch = 0, options.start_batch = t;  // counted on over the epochs
    expect_same(read(source, options, 1).batches[0], whole.batches[size_t(t)]);
  }
}

TEST(Loader, BalancedDrawsEveryClassEquallyOften) {
  const FakeSource source;
  const std::vector<int64_t> order = epoch_order(source, Order::balanced, 1, 0);
  ASSERT_EQ(order.size(), 50u);
  std::map<int64_t, int> count;
  std::set<int64_t> distinct;
  for (const int64_t index : order) ++count[source.label(index)], distinct.insert(index);
  ASSERT_EQ(count.size(), 5u);
  for (const auto& [label, n] : count) EXPECT_EQ(n, 10) << label;
  EXPECT_GT(distinct.size(), 20u);
}

LoaderOptions people_by(int64_t people, int64_t images) {
  LoaderOptions options = small();
  options.order = Order::pk, options.batch = people * images, options.per_identity = images;
  return options;
}

TEST(LoaderPk, BatchesHoldPeopleWithDifferentImages) {
  const PeopleSource source;
  for (const auto& [P, K] : {std::pair{3, 4}, {7, 4}, {5, 2}, {2, 21}, {1, 1}}) {
    const LoaderOptions options = people_by(P, K);
    for (int64_t epoch = 0; epoch < 3; ++epoch) {
      const std::vector<int64_t> order = epoch_order(source, options, epoch);
      ASSERT_EQ(int64_t(order.size()), 84 / options.batch * options.batch);
      std::map<int64_t, int> turns;
      for (size_t b = 0; b < order.size(); b += size_t(options.batch)) {
        std::set<int64_t> people;
        for (int p = 0; p < P; ++p) {
          const auto first = order.begin() + std::ptrdiff_t(b) + p * K;
          const int64_t label = source.label(*first);
          EXPECT_TRUE(people.insert(label).second) << "twice in a batch";
          ++turns[label];
          std::map<int64_t, int64_t> times;
          for (auto i = first; i < first + K; ++i) ++times[*i], people.insert(source.label(*i));
          EXPECT_EQ(people.size(), size_t(p + 1)) << "two people side by side";
          const int64_t n = 3 * (label + 1);
          EXPECT_EQ(int64_t(times.size()), std::min<int64_t>(K, n));
          for (const auto& [index, count] : times) EXPECT_TRUE(count == K / n || count == (K + n - 1) / n);
        }
      }
      int least = 1 << 20, most = 0;
      for (int64_t c = 0; c < 7; ++c) least = std::min(least, turns[c]), most = std::max(most, turns[c]);
      const bool whole = order.size() / size_t(K) % 7 == 0;
      EXPECT_LE(most - least, whole ? 0 : 1) << P << " x " << K;
    }
    EXPECT_NE(epoch_order(source, options, 0), epoch_order(source, options, 1));
  }
}

// 21 images, 4 in a hand: 5 hands show 20 different ones.
TEST(LoaderPk, ImagesComeAgainOnlyWhenAllWereDealt) {
  PeopleSource source;
  source.count = 21, source.classes = 1, source.label_of.assign(21, 0);
  const std::vector<int64_t> order = epoch_order(source, people_by(1, 4), 0);
  EXPECT_EQ(std::set<int64_t>(order.begin(), order.end()).size(), 20u);
}

TEST(LoaderPk, AFunctionOfSeedEpochAndBatchAlone) {
  PeopleSource source;
  source.bad = {3, 40, 41};
  source.jitter = true;
  LoaderOptions options = people_by(5, 4);
  options.max_damaged = 0.1, options.threads = 1, options.prefetch = 1;
  const Stream expected = read(source, options, 10);
  EXPECT_EQ(expected.batches[4].epoch, 1);
  for (const int threads : {2, 3, 8}) {
    options.threads = threads, options.prefetch = threads;
    expect_same(read(source, options, 10), expected);
  }
  for (int64_t t = 0; t < 10; ++t) {  // resumed in the middle of an epoch
    options.start_epoch = t / 4, options.start_batch = t % 4;
    expect_same(read(source, options, 1).batches[0], expected.batches[size_t(t)]);
  }
  options.start_epoch = options.start_batch = 0, options.seed = 6;
  EXPECT_NE(read(source, options, 1).batches[0].indices, expected.batches[0].indices);
}

TEST(LoaderPk, ThePersonStandsInForHisDamagedPictures) {
  PeopleSource source;
  const LoaderOptions plain = people_by(5, 4);
  const std::vector<int64_t> order = epoch_order(source, plain, 0);
  source.bad = {order[1], order[6], order[30]};
  LoaderOptions options = plain;
  options.max_damaged = 0.1;
  const Stream stream = read(source, options, 4);
  for (size_t b = 0; b < 4; ++b)
    for (size_t n = 0; n < 20; ++n) {
      const int64_t index = order[20 * b + n], got = stream.batches[b].indices[n];
      EXPECT_EQ(source.label(got), source.label(index));
      EXPECT_TRUE(got == index || source.bad.count(index));
      EXPECT_FALSE(source.bad.count(got));
    }
  for (int64_t i = 0; i < 84; ++i)  // a person of whom nothing can be read
    if (source.label(i) == source.label(order[0])) source.bad.insert(i);
  options.max_damaged = 0.5;
  const Stream without = read(source, options, 1);
  for (const int64_t got : without.batches[0].indices) EXPECT_FALSE(source.bad.count(got));
}

TEST(LoaderPk, WrongOptionsAreRefused) {
  const PeopleSource source;
  const auto message = [&](const LoaderOptions& o) {
    try {
      Loader(source, o);
    } catch (const std::invalid_argument& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  LoaderOptions o = people_by(5, 4);
  o.batch = 18;
  EXPECT_NE(message(o).find("a batch of 18 is no multiple of 4 pictures of a class"), std::string::npos)
      << message(o);
  EXPECT_NE(message(people_by(8, 4)).find("a batch of 8 classes from 7"), std::string::npos);
  o = people_by(5, 4), o.tail = Tail::keep;
  EXPECT_NE(message(o).find("no smaller last batch"), std::string::npos);
  EXPECT_THROW(epoch_order(source, Order::pk, 1, 0), std::invalid_argument);
}

TEST(Loader, APictureDrawnTwiceIsChangedInTwoWays) {
  FakeSource source;
  source.count = 4, source.classes = 2;
  source.bad = {1};
  LoaderOptions options = small();
  options.batch = 4, options.max_damaged = 0.5;
  const Stream stream = read(source, options, 1);
  const Batch& b = stream.batches[0];
  for (size_t i = 0; i < 4; ++i)
    for (size_t j = i + 1; j < 4; ++j)
      if (b.indices[i] == b.indices[j]) {
        EXPECT_FALSE(std::equal(b.images.begin() + static_cast<std::ptrdiff_t>(i * 288),
                                b.images.begin() + static_cast<std::ptrdiff_t>((i + 1) * 288),
                                b.images.begin() + static_cast<std::ptrdiff_t>(j * 288)));
        return;
      }
  FAIL() << "the replacement should be there twice";
}

TEST(Loader, TheNextReadableOneStandsIn) {
  FakeSource source;
  const std::vector<int64_t> order = epoch_order(source, Order::uniform, 5, 0);
  source.bad = {order[4], order[5], order[49]};
  LoaderOptions options = small();
  options.batch = 50, options.max_damaged = 0.06;
  const Stream stream = read(source, options, 2);
  std::vector<int64_t> expected = order;
  expected[4] = expected[5] = order[6];
  expected[49] = order[0];
  EXPECT_EQ(stream.batches[0].indices, expected);
  EXPECT_EQ(stream.damaged, (std::vector<int64_t>{order[4], order[5], order[49]}))
      << "counted once, over two epochs";
}

TEST(Loader, TooMuchDamageStopsWithAList) {
  for (const int threads : {1, 3}) {
    FakeSource source;
    const std::vector<int64_t> order = epoch_order(source, Order::uniform, 5, 0);
    source.bad = {order[25], order[26], order[30]};
    LoaderOptions options = small();
    options.threads = threads, options.max_damaged = 0.05;  // two are allowed
    Loader loader(source, options);
    loader.next();
    EXPECT_ERROR(data,
                 "more than 2 of 50 pictures cannot be read:\n  " + source.name(order[25]) + ": damaged",
                 loader.next());
    EXPECT_ERROR(data, "more than 2 of 50", loader.next());
    EXPECT_EQ(loader.damaged().size(), 3u);
  }
  FakeSource nothing;
  for (int64_t i = 0; i < 50; ++i) nothing.bad.insert(i);
  LoaderOptions options = small();
  options.batch = 5, options.prefetch = 1;
  EXPECT_ERROR(data, "more than 0 of 50", Loader(nothing, options).next());
  EXPECT_LE(nothing.loads, 10)
      << "one batch delivered, one ahead of it, and each picture is given up at once";
  options = small();
  options.max_damaged = 1;
  EXPECT_ERROR(data, "none of the 50", Loader(nothing, options).next());
}

TEST(Loader, OtherErrorsArriveAtTheCaller) {
  struct Broken : FakeSource {
    Image load(int64_t index) const override {
      return index == 7 ? throw std::bad_alloc() : FakeSource::load(index);
    }
  } broken;
  LoaderOptions options = small();
  options.batch = 50;
  EXPECT_THROW(Loader(broken, options).next(), std::bad_alloc);
  struct Mislabelled : FakeSource {
    int64_t label(int64_t) const override { return 99; }
  } mislabelled;
  options.order = Order::balanced;
  EXPECT_THROW(Loader(mislabelled, options).next(), std::out_of_range);
}

TEST(Loader, TheCacheSavesDecoding) {
  FakeSource source;
  LoaderOptions options = small();
  options.batch = 50, options.threads = 1;
  read(source, options, 5);
  EXPECT_EQ(source.loads, 50);
  source.loads = 0, options.cache_mb = 0;
  read(source, options, 5);
  EXPECT_GE(source.loads, 250);
}

TEST(Loader, StopsAtAnyMoment) {
  FakeSource source;
  source.jitter = true;
  LoaderOptions options = small();
  for (int i = 0; i < 60; ++i) {
    options.threads = 1 + i % 3, options.prefetch = 1 + i % 4;
    Loader loader(source, options);
    for (int k = 0; k < i % 5; ++k) loader.next();
    if (i % 2) std::this_thread::sleep_for(std::chrono::microseconds(37 * i));
  }
}

TEST(Loader, WrongOptionsAreRefused) {
  const FakeSource source;
  const auto refused = [&](const auto& change) {
    LoaderOptions options = small();
    change(options);
    EXPECT_THROW(Loader(source, options), std::invalid_argument);
  };
  refused([](LoaderOptions& o) { o.batch = 0; });
  refused([](LoaderOptions& o) { o.batch = 51; });
  refused([](LoaderOptions& o) { o.threads = 0; });
  refused([](LoaderOptions& o) { o.prefetch = 0; });
  refused([](LoaderOptions& o) { o.max_damaged = 1.5; });
  refused([](LoaderOptions& o) { o.start_batch = -1; });
  refused([](LoaderOptions& o) { o.height = 0; });
  refused([](LoaderOptions& o) { o.augment.flip = 2; });
}

TEST(Loader, FilesThatAreDamagedOrVanish) {
  const TemporaryFolder folder;
  for (int i = 0; i < 30; ++i)
    folder.put(cat("class", i % 3, "/", i, ".jpg"), encode_jpeg(Image(16, 16), 90));
  std::vector<uint8_t> cut = encode_jpeg(Image(16, 16), 90);
  cut.resize(cut.size() / 2);
  folder.put("class0/3.jpg", cut);
  folder.put("class0/6.jpg", "");
  folder.put("class0/9.jpg", "<html>");
  const FileSource source(read_image_folder(folder.path));
  LoaderOptions options = small();
  options.batch = 30, options.max_damaged = 0.2, options.cache_mb = 0, options.prefetch = 1,
  options.threads = 1;
  Loader loader(source, options);
  loader.next();
  std::set<std::string> reasons;
  for (const Damage& d : loader.damaged()) reasons.insert(fs::path(d.reason).filename());
  EXPECT_EQ(loader.damaged().size(), 3u);
  EXPECT_EQ(reasons.size(), 3u);
  EXPECT_EQ(reasons.count("6.jpg: an empty file"), 1u);
  fs::remove(folder.path / "class1/4.jpg");  // between two epochs
  for (int i = 0; i < 4; ++i) EXPECT_EQ(loader.next().size(), 30);
  ASSERT_EQ(loader.damaged().size(), 4u);
  EXPECT_NE(loader.damaged()[3].reason.find("4.jpg: No such file"), std::string::npos)
      << loader.damaged()[3].reason;
}

}  // namespace
}  // namespace fr
