#include "data/bin_set.h"

#include <algorithm>
#include <numeric>

#include "base/philox.h"
#include "data/pickle.h"
#include "test/data/pickle_bytes.h"
#include "test/data/temporary.h"

namespace fr {
namespace {

using namespace std::string_literals;

std::string text_of(std::span<const uint8_t> bytes) { return {bytes.begin(), bytes.end()}; }
std::string show(const BinSet& set) {
  std::string all;
  for (const auto& picture : set.pictures) all += text_of(picture) + " ";
  for (const Pair& p : set.pairs) all += cat(p.fold, ":", p.a, p.same ? "=" : "!", p.b, " ");
  return all;
}
const char* const kExpected = "a bc d e 0:set.bin#0=set.bin#1 1:set.bin#2!set.bin#3 ";

struct BinSetTest : testing::Test {
  TemporaryFolder folder;
  BinSet read(const std::string& bytes) { return parse_bin_set({bytes.begin(), bytes.end()}, "set.bin"); }
  void refused(const std::string& bytes, const char* part) { EXPECT_ERROR(data, part, read(bytes)); }
};

TEST_F(BinSetTest, EveryProtocol) {
  for (int version : {2, 3, 4, 5})
    EXPECT_EQ(show(read(set_of(
                  version, {short_bytes("a"), sized('B', 4, "bc"), sized('\x8e', 8, "d"), sized('U', 1, "e")},
                  {kTrue, kFalse}))),
              kExpected);
}

TEST_F(BinSetTest, ListForTupleAndTextInProtocolTwo) {
  const std::string pictures =
      list_of({latin1_bytes("a"), latin1_bytes("bc"), latin1_bytes("d"), latin1_bytes("e")});
  EXPECT_EQ(show(read(proto(2) + "(" + pictures + list_of({"K\x01", "K"s + '\0'}) + "l.")), kExpected);
}

TEST_F(BinSetTest, NumpyPicturesAndFlags) {
  const auto column = [](const std::string& data) {
    return numpy_array("K" + little_endian(data.size(), 1) + "K\x01\x86", "u1", short_bytes(data));
  };
  const std::string vector = numpy_array("K\x02\x85", "u1", short_bytes("bc"), "numpy._core.multiarray");
  const std::vector<std::string> pictures = {column("a"), vector, column("d"), column("e")};
  EXPECT_EQ(show(read(set_of(3, pictures, {numpy_scalar("b1", 1), numpy_scalar("b1", 0)}))), kExpected);
  const std::string flags = numpy_array("K\x02\x85", "b1", short_bytes("\x01\0"s));
  EXPECT_EQ(show(read(proto(3) + list_of(pictures) + flags + "\x86.")), kExpected);
}

TEST_F(BinSetTest, WhatIsNoVerificationSet) {
  const std::string one = short_bytes("a");
  refused(proto(3) + "N.", "set.bin: not (pictures, flags)");
  refused(proto(3) + "NN\x86.", "not (pictures, flags)");
  refused(proto(3) + "]]]\x87.", "not (pictures, flags)");
  refused(proto(3) + "]N\x86.", "the second part is no list of flags");
  refused(proto(3) + "]]\x86.", "no pairs");
  refused(set_of(3, {one}, {kTrue}), "1 pictures for 1 flags, twice as many expected");
  refused(set_of(3, {one, one, one, one}, {kTrue}), "4 pictures for 1 flags");
  refused(set_of(3, {one, "N"}, {kTrue}), "picture 1 is neither a byte string nor an array");
  refused(set_of(3, {one, short_bytes("")}, {kTrue}), "picture 1 is neither");
  refused(set_of(3, {one, one}, {"N"}), "flag 0: true or false expected");
  refused(set_of(3, {one, one}, {"K\x02"}), "flag 0: true or false expected");
  refused(set_of(3, {one, numpy_array("K\x02K\x02\x86", "u1", short_bytes("abcd"))}, {kTrue}),
          "picture 1: an array of u1");
  refused(set_of(3, {one, numpy_array("K\x02\x85", "b1", short_bytes("ab"))}, {kTrue}),
          "picture 1: an array of u1");
  EXPECT_ERROR(io, "nowhere", read_bin_set(folder.path / "nowhere"));
}

TEST_F(BinSetTest, PicturesAreDecodedOnDemand) {
  Image image(5, 4);
  std::iota(image.pixels.begin(), image.pixels.end(), uint8_t{9});
  const std::string png = text_of(encode_png(image));
  BinSet set;
  {
    const BinSet first = read(set_of(3, {sized('B', 4, png), short_bytes("junk")}, {kTrue}));
    set = first;  // the copy keeps the file
  }
  EXPECT_EQ(set.picture(0), image);
  EXPECT_ERROR(data, "set.bin#1: ", set.picture(1));
  EXPECT_THROW(set.picture(2), std::invalid_argument);
}

TEST_F(BinSetTest, FoldsAreContiguous) {
  const auto sizes = [](int64_t n, int folds) {
    std::vector<int> count(static_cast<size_t>(folds));
    for (int64_t i = 0, last = 0; i < n; ++i) {
      const int fold = bin_fold(i, n, folds);
      EXPECT_TRUE(fold == last || fold == last + 1);
      ++count[size_t(last = fold)];
    }
    return count;
  };
  EXPECT_EQ(sizes(6000, 10), std::vector<int>(10, 600));
  EXPECT_EQ(sizes(23, 10), (std::vector<int>{3, 3, 3, 2, 2, 2, 2, 2, 2, 2}));  // as scikit-learn's KFold
  EXPECT_EQ(sizes(10, 10), std::vector<int>(10, 1));
  EXPECT_THROW(bin_fold(3, 3, 2), std::invalid_argument);
}

TEST_F(BinSetTest, WhatIsWrittenIsRead) {
  std::vector<std::vector<uint8_t>> pictures;
  std::vector<bool> same;
  for (size_t i = 0; i < 2004; ++i) {  // lists of more than one batch of a thousand
    pictures.emplace_back(1 + i % 300, static_cast<uint8_t>(i));
    if (i % 2 == 0) same.push_back(i % 6 == 0);
  }
  write_bin_set(folder.path / "out.bin", pictures, same);
  const BinSet set = read_bin_set(folder.path / "out.bin");
  ASSERT_EQ(set.pictures.size(), 2004u);
  for (size_t i = 0; i < 2004; ++i) EXPECT_TRUE(std::ranges::equal(set.pictures[i], pictures[i]));
  for (size_t i = 0; i < 1002; ++i) EXPECT_EQ(set.pairs[i].same, same[i]);
  EXPECT_EQ(set.names[2003], "out.bin#2003");
  write_bin_set(folder.path / "small.bin", {{'a'}, {'b', 'c'}}, {true});
  EXPECT_EQ(read_text(folder.path / "small.bin"),
            "\x80\x03](B\x01\0\0\0aB\x02\0\0\0bce](\x88"
            "e\x86."s);
  EXPECT_THROW(write_bin_set(folder.path / "x.bin", {{'a'}}, {true}), std::invalid_argument);
  EXPECT_THROW(write_bin_set(folder.path / "x.bin", {}, {}), std::invalid_argument);
  EXPECT_THROW(write_bin_set(folder.path / "x.bin", {{'a'}, {}}, {true}), std::invalid_argument);
  EXPECT_FALSE(fs::exists(folder.path / "x.bin"));
}

std::vector<std::string> valid_files() {
  const std::string column = numpy_array("K\x03K\x01\x86", "u1", short_bytes("abc"));
  const std::string buffer = global("numpy._core.numeric", "_frombuffer") + "(" + short_bytes("xyz") +
                             numpy_dtype("u1") + "K\x03\x85" + sized('\x8c', 1, "C") + "tR";
  return {set_of(2, {latin1_bytes("\xc3\xbf"), latin1_bytes("bc")}, {kTrue}),
          set_of(3, {short_bytes("abc") + "q\x01", "h\x01", sized('B', 4, "bc"), column},
                 {kTrue, numpy_scalar("b1", 0)}),
          set_of(4, {sized('\x8e', 8, "abc") + "\x94", "h"s + '\0'}, {kFalse}),
          set_of(5, {sized('\x96', 8, "abc"), buffer}, {kTrue})};
}

// One to four changes: a byte, a bit, an opcode set in, a piece doubled, taken out or cut off.
std::string damaged(std::string bytes, Random& random) {
  const auto below = [&](size_t n) { return size_t{random.below(static_cast<uint32_t>(n))}; };
  for (size_t changes = 1 + below(4); changes > 0 && !bytes.empty(); --changes) {
    const size_t at = below(bytes.size()), length = below(std::min<size_t>(bytes.size() - at, 40)) + 1;
    switch (below(6)) {
      case 0:
        bytes[at] = static_cast<char>(below(256));
        break;
      case 1:
        bytes[at] = static_cast<char>(bytes[at] ^ 1 << below(8));
        break;
      case 2:
        bytes.insert(at, 1,
                     "(.]ael)tNJKMUTCBXqrhjcRb\x85\x86\x87\x88\x89\x8a\x8c\x8e\x93\x94\x95\x96"[below(36)]);
        break;
      case 3:
        bytes.insert(below(bytes.size()), bytes.substr(at, length));
        break;
      case 4:
        bytes.erase(at, length);
        break;
      default:
        bytes.resize(at);
        break;
    }
  }
  return bytes;
}

// Damage of every kind ends in a set or in Error{data}: no crash, no endless loop, no more objects than the file has bytes.
TEST_F(BinSetTest, RandomDamage) {
  Random random({11, Purpose::test});
  const std::vector<std::string> files = valid_files();
  int64_t accepted = 0, refused_count = 0;
  for (int i = 0; i < 40'000; ++i) {
    const std::string bytes = damaged(files[size_t(i) % files.size()], random);
    const std::vector<uint8_t> raw(bytes.begin(), bytes.end());
    const std::string message = error_of([&] {
      const pickle::Document d = pickle::read(raw, "set.bin");
      size_t items = d.sequences.size() + d.arrays.size();
      for (const pickle::Sequence& s : d.sequences) items += s.items.size();
      EXPECT_LE(items, bytes.size());
      EXPECT_LE(d.decoded_bytes, bytes.size());
      const BinSet set = parse_bin_set(raw, "set.bin");
      EXPECT_EQ(set.pictures.size(), 2 * set.pairs.size());
    });
    ++(message.empty() ? accepted : refused_count);
    EXPECT_TRUE(message.empty() || message.starts_with("4: set.bin: ")) << message;
  }
  EXPECT_GT(accepted, 100);
  EXPECT_GT(refused_count, 1000);
}

TEST_F(BinSetTest, EveryTruncationIsRefused) {
  for (const std::string& file : valid_files()) {
    EXPECT_NO_THROW(read(file));
    for (size_t size = 0; size < file.size(); ++size)
      EXPECT_ERROR(data, "set.bin: ", read(file.substr(0, size)));
  }
}

TEST_F(BinSetTest, RealFile) {
  const fs::path path = "../shared/data/small_lfw.bin";
  if (!fs::exists(path)) GTEST_SKIP() << "no ../shared/data: run from the project's root, with the set there";
  const BinSet set = read_bin_set(path);
  ASSERT_EQ(set.pictures.size(), 20u);
  EXPECT_EQ(set.pairs.size(), 10u);
  EXPECT_EQ(set.folds, 10);
  for (const Pair& p : set.pairs) EXPECT_TRUE(p.same);
  uint64_t hash = fingerprint("");
  for (const auto& p : set.pictures)
    hash = fingerprint({reinterpret_cast<const char*>(p.data()), p.size()}, hash);
  EXPECT_EQ(hash, 0xb9f0a1a4aaab344au);  // of the pictures as Python unpickles them
  for (int64_t i = 0; i < 20; ++i) EXPECT_EQ(set.picture(i).width, 112);
}

}  // namespace
}  // namespace fr
