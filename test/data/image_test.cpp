// Decoders: what is right comes back right, what is damaged is an error with name and reason.
#include "data/image.h"

#include <turbojpeg.h>
#include <zlib.h>

#include <chrono>
#include <cmath>

#include "base/philox.h"
#include "test/data/temporary.h"

namespace fr {
namespace {

using Bytes = std::vector<uint8_t>;

// Smooth, so that JPEG keeps it.
Image picture(int width, int height, int channels = 3) {
  Image image(width, height, channels);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (int c = 0; c < channels; ++c)
        image.at(x, y)[c] = static_cast<uint8_t>(128 + 90 * std::sin(0.05 * x + c) * std::cos(0.07 * y - c));
  return image;
}

double mean_difference(const Image& a, const Image& b) {
  double sum = 0;
  for (size_t i = 0; i < a.pixels.size(); ++i) sum += std::abs(a.pixels[i] - b.pixels[i]);
  return sum / static_cast<double>(a.pixels.size());
}

void put32(Bytes& to, uint32_t v) {
  for (int shift = 24; shift >= 0; shift -= 8) to.push_back(static_cast<uint8_t>(v >> shift));
}
void chunk(Bytes& png, const std::string& type, const Bytes& body) {
  put32(png, static_cast<uint32_t>(body.size()));
  Bytes data(type.begin(), type.end());
  data.insert(data.end(), body.begin(), body.end());
  png.insert(png.end(), data.begin(), data.end());
  put32(png, static_cast<uint32_t>(crc32(0, data.data(), static_cast<uInt>(data.size()))));
}
// Unfiltered rows, packed with zlib: nothing of our writer is used.
Bytes png_by_hand(uint32_t w, uint32_t h, uint8_t bits, uint8_t type, const Bytes& rows,
                  const Bytes& palette = {}) {
  Bytes png = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'}, header;
  put32(header, w), put32(header, h);
  header.insert(header.end(), {bits, type, 0, 0, 0});
  chunk(png, "IHDR", header);
  if (!palette.empty()) chunk(png, "PLTE", palette);
  uLongf size = compressBound(rows.size());
  Bytes packed(size);
  compress(packed.data(), &size, rows.data(), rows.size());
  packed.resize(size);
  chunk(png, "IDAT", packed);
  chunk(png, "IEND", {});
  return png;
}
Bytes bmp_by_hand() {  // 2 x 2, 24 bits, bottom row first, BGR, rows padded to 8 bytes
  Bytes bmp = {'B', 'M', 70, 0, 0, 0, 0, 0, 0, 0, 54, 0, 0, 0,  40,
               0,   0,   0,  2, 0, 0, 0, 2, 0, 0, 0,  1, 0, 24, 0};
  bmp.resize(54);
  for (const int v : {3, 2, 1, 6, 5, 4, 0, 0, 9, 8, 7, 12, 11, 10, 0, 0})
    bmp.push_back(static_cast<uint8_t>(v));
  return bmp;
}

TEST(Image, JpegRoundTrip) {
  const Image image = picture(113, 97);
  const Image back = decode_image(encode_jpeg(image, 95), "x");
  ASSERT_EQ(back.width, 113);
  ASSERT_EQ(back.height, 97);
  EXPECT_TRUE(mean_difference(image, back) <= 1.5) << mean_difference(image, back);
  EXPECT_FALSE(mean_difference(image, decode_image(encode_jpeg(image, 1), "x")) <= 1.5)
      << "the comparison sees nothing";
}

TEST(Image, GrayJpegIsReplicated) {
  const Image gray = picture(40, 30, 1), back = decode_image(encode_jpeg(gray, 100), "x");
  ASSERT_EQ(back.channels, 3);
  for (int y = 0; y < 30; ++y)
    for (int x = 0; x < 40; ++x) {
      const uint8_t* p = back.at(x, y);
      ASSERT_TRUE(p[0] == p[1] && p[1] == p[2]);
      ASSERT_TRUE(std::abs(p[0] - *gray.at(x, y)) <= 3);
    }
}

TEST(Image, CmykJpegIsRefused) {
  const Bytes cmyk(16 * 16 * 4, 77);
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  const tjhandle turbo = tjInitCompress();
  ASSERT_EQ(tjCompress2(turbo, cmyk.data(), 16, 0, 16, TJPF_CMYK, &bytes, &size, TJSAMP_444, 90, 0), 0);
  const Bytes file(bytes, bytes + size);
  tjFree(bytes), tjDestroy(turbo);
  EXPECT_ERROR(data, "x.jpg: CMYK", decode_image(file, "x.jpg"));
}

TEST(Image, PngRoundTripIsExact) {
  for (const int channels : {1, 3})
    for (const auto& [w, h] : {std::pair{1, 1}, {7, 1}, {1, 9}, {112, 96}, {255, 3}}) {
      Image image = picture(w, h, channels);
      Random random({7, Purpose::test});
      for (uint8_t& p : image.pixels)
        if (random.chance(0.1)) p = static_cast<uint8_t>(random.bits());
      const Image back = decode_image(encode_png(image), "x");
      ASSERT_EQ(back.width, w);
      ASSERT_EQ(back.height, h);
      for (size_t i = 0; i < back.pixels.size(); ++i)
        ASSERT_EQ(back.pixels[i], image.pixels[channels == 1 ? i / 3 : i]);
    }
}

TEST(Image, PngKinds) {
  const auto pixels = [](const Bytes& file) { return decode_image(file, "x").pixels; };
  EXPECT_EQ(pixels(png_by_hand(2, 1, 8, 0, {0, 10, 200})), (Bytes{10, 10, 10, 200, 200, 200}));
  EXPECT_EQ(pixels(png_by_hand(2, 1, 8, 4, {0, 10, 0, 200, 255})), (Bytes{10, 10, 10, 200, 200, 200}));
  EXPECT_EQ(pixels(png_by_hand(1, 2, 8, 2, {0, 1, 2, 3, 0, 4, 5, 6})), (Bytes{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(pixels(png_by_hand(1, 1, 8, 6, {0, 1, 2, 3, 0})), (Bytes{1, 2, 3}));
  EXPECT_EQ(pixels(png_by_hand(2, 1, 8, 3, {0, 1, 0}, {9, 8, 7, 6, 5, 4})), (Bytes{6, 5, 4, 9, 8, 7}));
  EXPECT_EQ(pixels(png_by_hand(1, 1, 16, 2, {0, 0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc})),
            (Bytes{0x12, 0x56, 0x9a}));
  EXPECT_EQ(pixels(png_by_hand(8, 1, 1, 0, {0, 0x80})).front(), 255);
}

TEST(Image, BmpAndPnm) {
  const Bytes expected = {7, 8, 9, 10, 11, 12, 1, 2, 3, 4, 5, 6};
  EXPECT_EQ(decode_image(bmp_by_hand(), "x").pixels, expected);
  const std::string ppm = "P6 # a comment\n2\t2\n255\n\7\10\11\12\13\14\1\2\3\4\5\6";
  EXPECT_EQ(decode_image(Bytes(ppm.begin(), ppm.end()), "x").pixels, expected);
  const std::string pgm = "P5\n2 1\n15\n\17\1";
  EXPECT_EQ(decode_image(Bytes(pgm.begin(), pgm.end()), "x").pixels, (Bytes{255, 255, 255, 17, 17, 17}));
  const std::string wide("P5 2 1 65535 \xff\xff\x80\x80", 17);
  EXPECT_EQ(decode_image(Bytes(wide.begin(), wide.end()), "x").pixels, (Bytes{255, 255, 255, 128, 128, 128}));
}

TEST(Image, EveryTruncationIsAnError) {
  const Image image = picture(112, 112);
  const std::string header = "P6 112 112 255\n";
  Bytes ppm(header.begin(), header.end());
  ppm.insert(ppm.end(), image.pixels.begin(), image.pixels.end());
  for (const Bytes& whole : {encode_jpeg(image, 90), encode_png(image), bmp_by_hand(), ppm}) {
    EXPECT_EQ(error_of([&] { decode_image(whole, "x"); }), "");
    for (size_t percent = 0; percent <= 99; ++percent) {
      const Bytes part(whole.begin(),
                       whole.begin() + static_cast<std::ptrdiff_t>(whole.size() * percent / 100));
      EXPECT_ERROR(data, "x: ", decode_image(part, "x"));
    }
  }
}

TEST(Image, RandomDamageNeverCrashes) {
  const Image image = picture(64, 48);
  Random random({1, Purpose::test});
  const std::string header = "P6 64 48 255\n";
  Bytes ppm(header.begin(), header.end());
  ppm.insert(ppm.end(), image.pixels.begin(), image.pixels.end());
  int png_errors = 0, rounds = 0;
  for (const Bytes& whole : {encode_jpeg(image, 90), encode_png(image), bmp_by_hand(), ppm}) {
    for (int i = 0; i < 200; ++i) {
      Bytes bytes = whole;
      for (int k = 0; k < 3; ++k)
        bytes[random.below(static_cast<uint32_t>(bytes.size()))] ^= uint8_t(1 + random.below(255));
      const bool failed = !error_of([&] { decode_image(bytes, "x"); }).empty();
      png_errors += rounds == 1 && failed;
    }
    ++rounds;
  }
  EXPECT_EQ(png_errors, 200) << "every byte of a PNG is under a checksum";
}

// A decoder lives as long as its thread: damage must not leave a trace in it.
TEST(Image, DamageDoesNotReachTheNextPicture) {
  const Image image = picture(32, 32);
  Random random({2, Purpose::test});
  for (const Bytes& whole : {encode_jpeg(image, 90), encode_png(image)}) {
    const Image expected = decode_image(whole, "x");
    for (size_t i = 0; i < 400; ++i) {
      Bytes bytes = whole;
      bytes[i < 200 ? i : random.below(static_cast<uint32_t>(bytes.size()))] ^= 0xff;
      error_of([&] { decode_image(bytes, "x"); });
      ASSERT_EQ(decode_image(whole, "x"), expected) << "after " << i;
    }
  }
}

TEST(Image, WhatIsNoPicture) {
  const auto refused = [](std::string_view text, const char* part) {
    EXPECT_ERROR(data, part, decode_image(Bytes(text.begin(), text.end()), "face.jpg"));
  };
  using namespace std::string_view_literals;
  refused("", "face.jpg: an empty file");
  refused("\xff", "not a picture");
  refused("\n <!DOCTYPE html>", "HTML");
  refused("GIF89a...", "GIF is not supported");
  refused("RIFF\1\2\3\4WEBPVP8 ", "WebP is not supported");
  refused("II*\0abc"sv, "TIFF is not supported");
  refused("P3 1 1 255 1 2 3", "text PPM");
  refused("P6 0 1 255 ", "size of 0 x 1");
  refused("P6 1 1 70000 abc", "largest value");
  refused("P6 1", "number is missing");
  refused("\xff\xd8\xff\xe0", "damaged JPEG");
}

TEST(Image, HeaderBombs) {
  const auto start = std::chrono::steady_clock::now();
  EXPECT_ERROR(data, "30000 x 30000", decode_image(png_by_hand(30000, 30000, 8, 2, {0}), "x"));
  EXPECT_ERROR(data, "8193", decode_image(png_by_hand(8193, 1, 8, 2, {0}), "x"));
  EXPECT_ERROR(data, "20000", decode_image(encode_png(Image(1, 20000)), "x"));
  EXPECT_ERROR(data, "64 megapixels", decode_image(png_by_hand(8100, 8100, 8, 2, {0}), "x"));
  EXPECT_ERROR(data, "damaged PNG", decode_image(png_by_hand(7000, 7000, 8, 2, {0}), "x"));
  Bytes bmp = bmp_by_hand();
  bmp[19] = bmp[20] = bmp[23] = 0x7f;
  EXPECT_ERROR(data, "8192", decode_image(bmp, "x"));
  Bytes jpeg = encode_jpeg(picture(16, 16), 90);
  for (size_t i = 0; i + 8 < jpeg.size(); ++i)
    if (jpeg[i] == 0xff && jpeg[i + 1] == 0xc0)
      jpeg[i + 5] = jpeg[i + 7] = 0xf0;  // height and width, high bytes
  EXPECT_ERROR(data, "8192", decode_image(jpeg, "x"));
  const auto spent = std::chrono::steady_clock::now() - start;
  EXPECT_TRUE(spent < std::chrono::seconds(5));
}

TEST(Image, LargestIsRead) {
  const Image image(8192, 1);
  EXPECT_EQ(decode_image(encode_png(image), "x"), image);
}

TEST(Image, FilesAreRecognisedByContent) {
  const TemporaryFolder folder;
  const Image image = picture(20, 10);
  save_image(folder.path / "a.PNG", image);
  save_image(folder.path / "a.ppm", image);
  save_image(folder.path / "a.jpg", image);
  EXPECT_EQ(load_image(folder.path / "a.PNG"), image);
  EXPECT_EQ(load_image(folder.path / "a.ppm"), image);
  fs::rename(folder.path / "a.PNG", folder.path / "b.jpg");
  EXPECT_EQ(load_image(folder.path / "b.jpg"), image);
  EXPECT_ERROR(io, "none.jpg", load_image(folder.path / "none.jpg"));
  EXPECT_THROW(save_image(folder.path / "a.gif", image), std::invalid_argument);
  EXPECT_THROW(encode_jpeg(image, 0), std::invalid_argument);
  EXPECT_THROW(encode_png(Image(3, 3, 2)), std::invalid_argument);
}

}  // namespace
}  // namespace fr
