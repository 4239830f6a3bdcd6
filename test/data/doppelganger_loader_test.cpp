// The order doppelganger in the loader: batches that are decided by what earlier steps found.
#include <algorithm>

#include "test/data/fake_source.h"
#include "test/data/temporary.h"
#include "test/fr/thrown.h"

namespace fr {
namespace {

LoaderOptions mined(int64_t lag) {
  LoaderOptions o = small();
  o.order = Order::doppelganger, o.batch = 12;
  o.doppelganger = {.smallest = 2, .largest = 4, .random_classes = 2, .lag = lag};
  return o;
}

// What a step with this batch finds: some doppelganger for each of its classes, a function of the batch's pictures alone.
std::vector<Doppelganger> found_by(const Batch& b) {
  std::vector<Doppelganger> found;
  for (size_t n = 0; n < b.labels.size(); ++n)
    if (n == 0 || b.labels[n] != b.labels[n - 1])
      found.push_back({b.labels[n], (b.labels[n] + 1 + (b.indices[n] + b.indices[0]) % 6) % 7});
  return found;
}

struct Mined {
  std::vector<Batch> batches;
  DoppelgangerList list;
};
// Batches [begin, end) in order, each learned from before the next is asked for; `ahead` batches are taken before that.
Mined run(const Source& source, LoaderOptions o, int64_t begin, int64_t end, const DoppelgangerList& start,
          int64_t ahead = 0) {
  Mined m{{}, start};
  o.doppelgangers = &m.list, o.start_epoch = 0, o.start_batch = begin;
  Loader loader(source, o);
  size_t learned = 0;
  for (int64_t t = begin; t < end; ++t) {
    m.batches.push_back(loader.next());
    if (int64_t(m.batches.size() - learned) > ahead) loader.learn(found_by(m.batches[learned++]));
  }
  while (learned < m.batches.size()) loader.learn(found_by(m.batches[learned++]));
  return m;
}
void expect_same(const Batch& a, const Batch& b) {
  EXPECT_EQ(a.indices, b.indices) << a.epoch << "." << a.number;
  EXPECT_TRUE(a.images == b.images);
}

TEST(DoppelgangerLoader, BatchesAreThoseOfTheOrder) {
  const PeopleSource source;
  for (const int64_t lag : {0, 1, 3}) {
    const LoaderOptions o = mined(lag);
    const Mined m = run(source, o, 0, 30, DoppelgangerList(7, lag));
    const DoppelgangerOrder order(source, o.doppelganger, o.batch, o.seed);
    DoppelgangerList list(7, lag);
    int64_t mined_classes = 0;
    for (int64_t t = 0; t < 30; ++t) {
      std::vector<int64_t> expected = order.batch(t, list);
      const std::vector<int64_t> blind = order.batch(t, [&] {
        DoppelgangerList none(7, t);
        return none;
      }());
      expected.resize(12);
      EXPECT_EQ(m.batches[size_t(t)].indices, expected) << t << " lag " << lag;
      mined_classes += !std::equal(expected.begin(), expected.end(), blind.begin());
      list.learn(found_by(m.batches[size_t(t)]));
    }
    EXPECT_GT(mined_classes, 20) << "the list decides";
    EXPECT_EQ(m.batches[7].epoch, 1);  // 84 pictures are 7 batches
    EXPECT_EQ(m.batches[7].number, 0);
  }
}

TEST(DoppelgangerLoader, ThreadsPrefetchAndTakingAheadChangeNothing) {
  PeopleSource source;
  source.jitter = true, source.bad = {3, 40};
  for (const int64_t lag : {0, 2}) {
    LoaderOptions o = mined(lag);
    o.max_damaged = 0.1, o.threads = 1, o.prefetch = 1;
    const Mined expected = run(source, o, 0, 15, DoppelgangerList(7, lag));
    for (const int threads : {1, 2, 5})
      for (const int prefetch : {1, 8})
        for (int64_t ahead = 0; ahead <= lag; ++ahead) {
          o.threads = threads, o.prefetch = prefetch;
          const Mined m = run(source, o, 0, 15, DoppelgangerList(7, lag), ahead);
          for (size_t t = 0; t < 15; ++t) expect_same(m.batches[t], expected.batches[t]);
          EXPECT_EQ(m.list.state().settled, expected.list.state().settled);
        }
  }
}

TEST(DoppelgangerLoader, ResumesWhereItStopped) {
  const PeopleSource source;
  for (const int64_t lag : {0, 3}) {
    const LoaderOptions o = mined(lag);
    const Mined whole = run(source, o, 0, 20, DoppelgangerList(7, lag));
    for (const int64_t stop : {1, 2, 7, 13}) {
      const Mined first = run(source, o, 0, stop, DoppelgangerList(7, lag));
      DoppelgangerList list(7, lag);
      list.restore(first.list.state());
      const Mined second = run(source, o, stop, 20, list);
      for (int64_t t = stop; t < 20; ++t)
        expect_same(second.batches[size_t(t - stop)], whole.batches[size_t(t)]);
      EXPECT_EQ(second.list.state().settled, whole.list.state().settled);
      EXPECT_EQ(second.list.state().recent, whole.list.state().recent);
    }
  }
}

TEST(DoppelgangerLoader, WaitingForWhatNobodyLearnsIsAnError) {
  const PeopleSource source;
  for (const int64_t lag : {0, 2}) {
    LoaderOptions o = mined(lag);
    DoppelgangerList list(7, lag);
    o.doppelgangers = &list;
    Loader loader(source, o);
    EXPECT_NE(
        thrown<std::invalid_argument>([&] { loader.learn({}); }).find("batch 0, which was not delivered"),
        std::string::npos);
    for (int64_t t = 0; t <= lag; ++t) loader.next();
    EXPECT_NE(
        thrown<std::invalid_argument>([&] {
          loader.next();
        }).find(cat("batch ", lag + 1, " is decided by the results of a step that learn() was not told")),
        std::string::npos);
    loader.learn({});
    loader.next();
  }
}

TEST(DoppelgangerLoader, ThePersonStandsInForHisDamagedPictures) {
  PeopleSource source;
  LoaderOptions o = mined(0);
  o.max_damaged = 0.2;
  const Mined plain = run(source, o, 0, 1, DoppelgangerList(7, 0));
  source.bad = {plain.batches[0].indices[1], plain.batches[0].indices[6]};
  const Mined m = run(source, o, 0, 1, DoppelgangerList(7, 0));
  EXPECT_EQ(m.batches[0].labels, plain.batches[0].labels);
  for (size_t n = 0; n < 12; ++n) {
    const int64_t wanted = plain.batches[0].indices[n], got = m.batches[0].indices[n];
    EXPECT_EQ(got == wanted, source.bad.count(wanted) == 0);
    EXPECT_EQ(source.bad.count(got), 0u);
  }
  const int64_t person = plain.batches[0].labels[0];
  for (int64_t i = 0; i < 84; ++i)
    if (source.label(i) == person) source.bad.insert(i);
  o.max_damaged = 0.5;
  const Mined without = run(source, o, 0, 1, DoppelgangerList(7, 0));
  for (const int64_t got : without.batches[0].indices) EXPECT_EQ(source.bad.count(got), 0u);
}

TEST(DoppelgangerLoader, WrongOptionsAreRefused) {
  const PeopleSource source;
  DoppelgangerList list(7, 0), other(6, 0), later(7, 1);
  const auto message = [&](LoaderOptions o, DoppelgangerList* l) {
    o.doppelgangers = l;
    return thrown<std::invalid_argument>([&] { Loader(source, o); });
  };
  LoaderOptions o = mined(0);
  EXPECT_EQ(message(o, &list), "nothing");
  for (DoppelgangerList* l : {static_cast<DoppelgangerList*>(nullptr), &other, &later})
    EXPECT_NE(message(o, l).find("needs a list of 7 classes with lag 0"), std::string::npos);
  o.start_batch = 3;
  EXPECT_NE(message(o, &list).find("starts at batch 3 with the results of 0 steps"), std::string::npos);
  o = mined(0), o.tail = Tail::keep;
  EXPECT_NE(message(o, &list).find("no smaller last batch"), std::string::npos);
  o = mined(0), o.doppelganger.smallest = 1;
  EXPECT_NE(message(o, &list).find("may need 12 people; the training data have 7"), std::string::npos);
  EXPECT_THROW(epoch_order(source, Order::doppelganger, 1, 0), std::invalid_argument);
  Loader uniform(source, small());
  EXPECT_NE(
      thrown<std::invalid_argument>([&] { uniform.learn({}); }).find("only the order doppelganger learns"),
      std::string::npos);
}

// One class, or one picture of each: a batch of as many as there are.
TEST(DoppelgangerLoader, OneClassAndOnePictureEach) {
  PeopleSource source;
  source.count = 4, source.classes = 1, source.label_of.assign(4, 0);
  LoaderOptions o = mined(0);
  o.batch = 3, o.doppelganger = {.smallest = 3, .largest = 3};
  DoppelgangerList one(1, 0);
  o.doppelgangers = &one;
  Loader alone(source, o);
  for (int t = 0; t < 5; ++t) {
    EXPECT_EQ(alone.next().labels, (std::vector<int64_t>{0, 0, 0}));
    alone.learn({});
  }
  PeopleSource each;
  each.count = 7, each.label_of = {0, 1, 2, 3, 4, 5, 6};
  o.batch = 5, o.doppelganger = {.smallest = 1, .largest = 1, .random_classes = 1};
  DoppelgangerList seven(7, 0);
  o.doppelgangers = &seven;
  Loader chain(each, o);
  for (int t = 0; t < 5; ++t) {
    const Batch& b = chain.next();
    std::vector<int64_t> sorted = b.labels;
    std::sort(sorted.begin(), sorted.end());
    EXPECT_EQ(std::unique(sorted.begin(), sorted.end()), sorted.end());
    for (size_t n = 1; n < 5 && t > 0; ++n)
      EXPECT_EQ(b.labels[n], (b.labels[n - 1] + 1) % 7) << "everybody's is the next one";
    std::vector<Doppelganger> all;
    for (int64_t c = 0; c < 7; ++c) all.push_back({c, (c + 1) % 7});
    chain.learn(all);
  }
}

}  // namespace
}  // namespace fr
