#include "fr/text_tensors.h"

#include <cstring>

#include "base/error.h"

namespace fr {
namespace {

constexpr int64_t kWord = sizeof(int64_t);

}  // namespace

void add_texts(NamedTensors& tensors, const std::string& name, const std::vector<std::string>& texts) {
  const Tensor ends({int64_t(texts.size())}, DType::int64);
  int64_t total = 0;
  for (size_t n = 0; n < texts.size(); ++n) ends.as<int64_t>()[n] = total += int64_t(texts[n].size());
  const Tensor bytes = Tensor::zeros({(total + kWord - 1) / kWord}, DType::int64);
  auto* at = reinterpret_cast<char*>(bytes.as<int64_t>());
  for (const std::string& text : texts) {
    std::memcpy(at, text.data(), text.size());
    at += text.size();
  }
  tensors[name + ".ends"] = ends, tensors[name] = bytes;
}

std::string_view TextsView::at(int64_t n) const {
  const int64_t begin = n == 0 ? 0 : ends[size_t(n) - 1];
  return bytes.substr(size_t(begin), size_t(ends[size_t(n)] - begin));
}

TextsView texts_view(std::span<const int64_t> words, std::span<const int64_t> ends, const std::string& name,
                     const fs::path& path) {
  int64_t last = 0;
  for (const int64_t end : ends) {
    if (end < last || end > int64_t(words.size_bytes()))
      throw Error(ErrorKind::data,
                  cat(path.string(), ": tensor \"", name, ".ends\": expected numbers that grow up to ",
                      words.size_bytes(), ", got ", end, " behind ", last));
    last = end;
  }
  return {{reinterpret_cast<const char*>(words.data()), words.size_bytes()}, ends};
}

}  // namespace fr
