// JPEG by libjpeg-turbo's TurboJPEG interface. Damage that libjpeg only warns about (a premature end, a
// corrupt Huffman code) is an error here. CMYK and YCCK are refused. Progressive files may have 500 scans.
#include <turbojpeg.h>

#include <memory>

#include "data/codec.h"

namespace fr {
namespace {

struct Destroy {
  void operator()(void* handle) const { tjDestroy(handle); }
};
using Handle = std::unique_ptr<void, Destroy>;

// One decoder and one encoder a thread: creating them costs as much as a small picture.
tjhandle own(Handle& handle, tjhandle (*make)()) {
  if (!handle) handle.reset(make());
  if (!handle) throw Error(ErrorKind::memory, "cannot create a JPEG codec");
  return handle.get();
}
Handle& decoder() {
  thread_local Handle handle;
  return handle;
}
tjhandle encoder() {
  thread_local Handle handle;
  return own(handle, tjInitCompress);
}

}  // namespace

Image codec::decode_jpeg(Bytes bytes, const std::string& name) {
  const tjhandle turbo = own(decoder(), tjInitDecompress);
  // TurboJPEG 2.1 leaves a decoder that failed in the header in the middle of it: the next picture would suffer.
  const auto damaged = [&] {
    const std::string reason = tjGetErrorStr2(turbo);
    decoder().reset();
    refuse(name, "damaged JPEG: " + reason);
  };
  int width = 0, height = 0, subsampling = 0, colors = 0;
  if (tjDecompressHeader3(turbo, bytes.data(), bytes.size(), &width, &height, &subsampling, &colors) != 0)
    damaged();
  if (width < 1 || height < 1) {  // tables without a picture: an answer of 0, and no message of its own
    decoder().reset();
    refuse(name, "damaged JPEG: no picture in it");
  }
  if (colors == TJCS_CMYK || colors == TJCS_YCCK) refuse(name, "CMYK JPEG: convert it to RGB");
  check_size(width, height, name);
  Image image(width, height);
  const int flags = TJFLAG_ACCURATEDCT | TJFLAG_STOPONWARNING | TJFLAG_LIMITSCANS;
  if (tjDecompress2(turbo, bytes.data(), bytes.size(), image.pixels.data(), width, 0, height, TJPF_RGB,
                    flags) != 0)
    damaged();
  return image;
}

std::vector<uint8_t> encode_jpeg(const Image& image, int quality) {
  FR_CHECK(image.channels == 1 || image.channels == 3, "encode_jpeg: 1 or 3 channels, got ", image.channels);
  FR_CHECK(quality >= 1 && quality <= 100, "encode_jpeg: quality 1..100, got ", quality);
  FR_CHECK(image.width > 0 && image.height > 0, "encode_jpeg: an empty picture");
  const bool gray = image.channels == 1;
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  const int failed =
      tjCompress2(encoder(), image.pixels.data(), image.width, 0, image.height, gray ? TJPF_GRAY : TJPF_RGB,
                  &bytes, &size, gray ? TJSAMP_GRAY : TJSAMP_420, quality, TJFLAG_ACCURATEDCT);
  const std::unique_ptr<unsigned char, decltype(&tjFree)> owner(bytes, tjFree);
  if (failed) throw Error(ErrorKind::internal, cat("encode_jpeg: ", tjGetErrorStr2(encoder())));
  return {bytes, bytes + size};
}

}  // namespace fr
