// Pictures in idx files, and the digits that stand in for them.
#include "data/idx.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <map>

#include "base/error.h"
#include "data/synthetic/digits.h"
#include "test/data/temporary.h"

namespace fr {
namespace {

std::string big_endian(uint32_t v) { return {char(v >> 24), char(v >> 16), char(v >> 8), char(v)}; }
std::string header(int dimensions) { return {0, 0, 8, char(dimensions)}; }

// n pictures of 2 x 3: pixel i of picture k is 10 k + i.
std::string pictures(uint32_t n) {
  std::string bytes = header(3) + big_endian(n) + big_endian(2) + big_endian(3);
  for (uint32_t k = 0; k < n; ++k)
    for (uint32_t i = 0; i < 6; ++i) bytes += char(10 * k + i);
  return bytes;
}
std::string labels(const std::string& values) {
  return header(1) + big_endian(uint32_t(values.size())) + values;
}

TEST(Idx, ReadsPicturesAndLabels) {
  const TemporaryFolder folder;
  folder.put("t10k-images-idx3-ubyte", pictures(2));
  folder.put("t10k-labels-idx1-ubyte", labels(std::string("\7\3", 2)));
  const IdxSource source(folder.path);
  EXPECT_EQ(source.size(), 2);
  EXPECT_EQ(source.num_classes(), 8);
  EXPECT_EQ(source.label(0), 7);
  EXPECT_EQ(source.label(1), 3);
  const Image image = source.load(1);
  EXPECT_EQ(image.width, 3);
  EXPECT_EQ(image.height, 2);
  for (int c = 0; c < 3; ++c) EXPECT_EQ(image.at(2, 1)[c], 15);
}

TEST(Idx, ReadsGzipAndPrefersTrainingFiles) {
  const TemporaryFolder folder;
  folder.put("a-images-idx3-ubyte", pictures(1));
  folder.put("a-labels-idx1-ubyte", labels("\1"));
  folder.put("train-images-idx3-ubyte", pictures(3));
  gzFile file = gzopen((folder.path / "train-labels-idx1-ubyte.gz").c_str(), "wb");
  const std::string text = labels(std::string("\0\1\2", 3));
  gzwrite(file, text.data(), unsigned(text.size()));
  gzclose(file);
  EXPECT_EQ(IdxSource(folder.path).size(), 3);
}

TEST(Idx, NamesWhatIsWrong) {
  const TemporaryFolder folder;
  const auto read = [&] { IdxSource source(folder.path); };
  EXPECT_ERROR(data, "0 file(s) of pictures without labels", read());
  EXPECT_ERROR(io, "nowhere", IdxSource source(folder.path / "nowhere"));
  folder.put("x-images-idx3-ubyte", pictures(2));
  EXPECT_ERROR(data, "1 file(s) of pictures without labels", read());
  folder.put("x-labels-idx1-ubyte", labels("\1"));
  EXPECT_ERROR(data, "2 pictures, but", read());
  folder.put("x-labels-idx1-ubyte", labels("\1\1") + "?");
  EXPECT_ERROR(data, "the header announces 2 bytes, the file has 3", read());
  folder.put("x-labels-idx1-ubyte", "no idx file");
  EXPECT_ERROR(data, "expected an idx file of bytes in 1 dimensions", read());
  folder.put("x-labels-idx1-ubyte", labels("\1\1"));
  folder.put("x-images-idx3-ubyte", header(3) + big_endian(~0u) + big_endian(~0u) + big_endian(9));
  EXPECT_ERROR(data, "the header announces", read());
}

TEST(Digits, AreAFunctionOfSeedAndIndex) {
  EXPECT_EQ(render_digit(1, 7), render_digit(1, 7));
  EXPECT_NE(render_digit(1, 7), render_digit(1, 17));
  EXPECT_NE(render_digit(1, 7), render_digit(2, 7));
  EXPECT_NE(DigitSource(1, 100).fingerprint(), DigitSource(2, 100).fingerprint());
}

// The nearest mean picture tells most digits: they look like what they are said to be.
TEST(Digits, OfOneClassLookAlike) {
  std::map<int64_t, std::vector<double>> mean;
  for (int64_t i = 0; i < 600; ++i) {
    auto& m = mean[i % 10];
    m.resize(28 * 28);
    const Image image = render_digit(1, i);
    for (size_t p = 0; p < m.size(); ++p) m[p] += image.pixels[3 * p] / 60.0;
  }
  int hits = 0;
  for (int64_t i = 600; i < 800; ++i) {
    const Image image = render_digit(1, i);
    double least = 1e30;
    int64_t best = -1;
    for (const auto& [digit, m] : mean) {
      double d = 0;
      for (size_t p = 0; p < m.size(); ++p) d += (m[p] - image.pixels[3 * p]) * (m[p] - image.pixels[3 * p]);
      if (d < least) least = d, best = digit;
    }
    hits += best == i % 10;
  }
  EXPECT_GT(hits, 130);  // of 200; chance is 20
}

}  // namespace
}  // namespace fr
