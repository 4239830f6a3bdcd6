// Batches for training, decoded and augmented ahead of time by worker threads.
//
// Batch b of epoch e is a pure function of (seed, e, b), the options that shape it and the pictures: neither the number of
// threads, nor the depth of prefetching, nor timing, nor where the run was resumed can change it. In the order doppelganger
// it is one of the results of earlier steps too, which learn() is told.
//   order          position k of epoch e draws sample order(e)[k]; batch b holds positions b B .. b B + B - 1. With parts each
//                  data set has its share of the epoch: data/part_order.h
//   augmentation   Random{seed, augment, (e, k)}: a picture drawn twice in an epoch is changed in two ways
//   damage         if the sample of position k cannot be read, the next readable one of order(e) stands in, counted
//                  cyclically from k + 1: batches keep their size. It is drawn at its own position as well. In the order
//                  pk it is the next readable one of the same class behind the batch, as long as there is one; so it is in
//                  the order doppelganger, where behind a batch come the other pictures of its classes.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "data/augment.h"
#include "data/doppelganger_order.h"
#include "data/source.h"

namespace fr {

enum class Order {
  uniform,   // every picture once: a permutation
  balanced,  // every class equally often: rounds over the permuted classes, a random picture of each;
             // as many draws in an epoch as there are pictures
  pk,        // batches of P = batch / per_identity classes with per_identity pictures each: data/pk_order.h
  doppelganger,  // random classes, those they are mistaken for, and so on: data/doppelganger_order.h
};
// A data set among the pictures: [first, last), and its share of the draws of an epoch, in proportion to the other shares.
struct LoaderPart {
  int64_t first = 0, last = 0;
  double share = 1;
};
enum class Tail { drop, keep };  // of the last, smaller batch of an epoch

struct LoaderOptions {
  int64_t batch = 128;           // pictures in a batch
  int height = 112, width = 96;  // of the network's input
  Augment augment;               // see data/augment.h
  uint64_t seed = 1;             // of order and augmentation
  Order order = Order::uniform;  //
  int64_t per_identity = 4;      // pk: pictures of a class in a batch
  // uniform, balanced: that within each part, with as many draws as its share says; an epoch keeps its length. Empty: one part.
  std::vector<LoaderPart> parts;
  Tail tail = Tail::drop;     //
  int threads = 2;            // workers, at least 1
  int prefetch = 4;           // finished batches kept ready, at least 1
  double max_damaged = 0.01;  // share of the data set that may be damaged
  int64_t cache_mb = 1024;    // decoded pictures kept in memory, as long as they fit; 0 = none
  int64_t start_epoch = 0;    // where to begin (resume): the first batch delivered
  int64_t start_batch = 0;    //

  DoppelgangerOptions doppelganger = {};      // order doppelganger, and its list, which outlives the loader;
  DoppelgangerList* doppelgangers = nullptr;  // the loader alone changes it
};

struct Batch {
  std::vector<float> images;     // (N,H,W,3)
  std::vector<int64_t> labels;   // (N)
  std::vector<int64_t> indices;  // (N) sample of the source, after replacement of damaged ones
  int64_t epoch = 0, number = 0;
  int64_t height = 0, width = 0;
  int64_t size() const { return static_cast<int64_t>(labels.size()); }
};

struct Damage {
  int64_t index;
  std::string name, reason;
};

// The samples of an epoch in the order in which they are drawn.
std::vector<int64_t> epoch_order(const Source& source, const LoaderOptions& options, int64_t epoch);
std::vector<int64_t> epoch_order(const Source& source, Order order, uint64_t seed, int64_t epoch);  // not pk

// One thread may use a loader; the workers are its own. The source must outlive it.
class Loader {
 public:
  // std::invalid_argument for options that make no sense (a batch larger than the data set without
  // Tail::keep, ...).
  Loader(const Source& source, const LoaderOptions& options);
  ~Loader();  // at any moment; waits for the pictures in work
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  // The next batch, valid until the next call. Epochs follow each other without end.
  // Error{data} naming the first ten once more than max_damaged of the data set was found damaged. std::invalid_argument in
  // the order doppelganger, rather than wait forever, when the batch waits for results: DoppelgangerList::decides().
  const Batch& next();

  // Order::doppelganger: what the step with the oldest batch not yet told has found, step after step.
  void learn(std::vector<Doppelganger> found);

  int64_t batches_per_epoch() const;
  // Damaged samples met in the batches delivered so far, each once, in the order of their batches.
  const std::vector<Damage>& damaged() const;

 private:
  class Workers;
  std::unique_ptr<Workers> workers_;
};

}  // namespace fr
