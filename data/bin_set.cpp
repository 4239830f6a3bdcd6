#include "data/bin_set.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "data/pickle.h"
#include "data/pickle_opcodes.h"

namespace fr {
namespace {

using pickle::Document;
using pickle::Kind;
using pickle::Value;

struct Storage {
  std::vector<uint8_t> file;
  Document document;
};

// Where a value stands in one of the two lists, for errors.
struct Reader {
  const fs::path& path;
  const Document& document;

  [[noreturn]] void fail(const std::string& what) const {
    throw Error(ErrorKind::data, cat(path.string(), ": ", what));
  }

  std::string_view picture(const Value& v, size_t i) const {
    if (v.kind == Kind::bytes && !v.bytes.empty()) return v.bytes;
    if (v.kind != Kind::array)
      fail(cat("picture ", i, " is neither a byte string nor an array, or is empty"));
    const pickle::Array& a = document.array(v);
    const bool vector = a.shape.size() == 1 || (a.shape.size() == 2 && a.shape[1] == 1);
    if (!a.complete || a.type != 'u' || !vector || a.data.empty())
      fail(cat("picture ", i, ": an array of u1 of the shape (n) or (n, 1) expected"));
    return a.data;
  }

  bool flag(const Value& v, size_t i) const {
    const bool number = v.kind == Kind::boolean || v.kind == Kind::integer;
    if (!number || v.number < 0 || v.number > 1) fail(cat("flag ", i, ": true or false expected"));
    return v.number == 1;
  }

  std::vector<bool> flags(const Value& v) const {
    std::vector<bool> same;
    if (v.kind == Kind::array && document.array(v).complete && document.array(v).type == 'b' &&
        document.array(v).shape.size() == 1) {
      for (const char byte : document.array(v).data) same.push_back(byte != 0);
      return same;
    }
    if (!document.is_sequence(v)) fail("the second part is no list of flags");
    for (const Value& item : document.items(v)) same.push_back(flag(item, same.size()));
    return same;
  }
};

void take(BinSet& set, const Reader& reader, const Value& pictures, const Value& same) {
  const auto& items = reader.document.items(pictures);
  const std::vector<bool> flags = reader.flags(same);
  if (flags.empty()) reader.fail("no pairs");
  if (items.size() != 2 * flags.size())
    reader.fail(cat(items.size(), " pictures for ", flags.size(), " flags, twice as many expected"));
  for (const Value& item : items) {
    const std::string_view bytes = reader.picture(item, set.pictures.size());
    set.names.push_back(cat(reader.path.filename().string(), "#", set.pictures.size()));
    set.pictures.emplace_back(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  }
  const auto n = static_cast<int64_t>(flags.size());
  set.folds = static_cast<int>(std::min<int64_t>(10, n));
  for (int64_t i = 0; i < n; ++i)
    set.pairs.push_back({set.names[size_t(2 * i)], set.names[size_t(2 * i + 1)], flags[size_t(i)],
                         bin_fold(i, n, set.folds)});
}

}  // namespace

Image BinSet::picture(int64_t i) const {
  FR_CHECK(i >= 0 && i < int64_t(pictures.size()), "BinSet: picture ", i, " of ", pictures.size());
  return decode_image(pictures[size_t(i)], names[size_t(i)]);
}

int bin_fold(int64_t i, int64_t n, int folds) {
  FR_CHECK(folds >= 1 && 0 <= i && i < n, "bin_fold: pair ", i, " of ", n, " in ", folds, " folds");
  const int64_t size = n / folds, larger = n % folds, border = larger * (size + 1);
  return static_cast<int>(i < border ? i / (size + 1) : larger + (i - border) / size);
}

BinSet read_bin_set(const fs::path& path) { return parse_bin_set(read_file(path), path); }

BinSet parse_bin_set(std::vector<uint8_t> bytes, const fs::path& path) {
  const auto storage = std::make_shared<Storage>();
  storage->file = std::move(bytes);
  storage->document = pickle::read(storage->file, path.string());
  const Document& document = storage->document;
  const Reader reader{path, document};
  const Value& value = document.value;
  if (!document.is_sequence(value) || document.items(value).size() != 2 ||
      !document.is_sequence(document.items(value)[0]))
    reader.fail("not (pictures, flags): no verification set");
  BinSet set;
  take(set, reader, document.items(value)[0], document.items(value)[1]);
  set.storage = storage;
  if (set.folds < 10) set.notes.push_back(cat("only ", set.pairs.size(), " pairs: ", set.folds, " folds"));
  return set;
}

// ([picture, ...], [flag, ...]); lists are filled by a thousand items, as Python does.
void write_bin_set(const fs::path& path, const std::vector<std::vector<uint8_t>>& pictures,
                   const std::vector<bool>& same) {
  FR_CHECK(!same.empty() && pictures.size() == 2 * same.size(), "write_bin_set: ", pictures.size(),
           " pictures for ", same.size(), " pairs");
  write_file_atomic(path, [&](const Sink& sink) {
    const auto op = [&](uint8_t code) { sink(&code, 1); };
    const auto list = [&](size_t size, const auto& item) {
      op(pickle::kEmptyList);
      for (size_t i = 0; i < size; ++i) {
        if (i % 1000 == 0) op(pickle::kMark);
        item(i);
        if (i % 1000 == 999 || i + 1 == size) op(pickle::kAppends);
      }
    };
    op(pickle::kProto), op(3);
    list(pictures.size(), [&](size_t i) {
      const size_t size = pictures[i].size();
      FR_CHECK(size > 0 && size <= pickle::kMaxString, "write_bin_set: picture ", i, " has ", size, " bytes");
      op(pickle::kBinbytes);
      for (int shift = 0; shift < 32; shift += 8) op(static_cast<uint8_t>(size >> shift));
      sink(pictures[i].data(), size);
    });
    list(same.size(), [&](size_t i) { op(same[i] ? pickle::kNewtrue : pickle::kNewfalse); });
    op(pickle::kTuple2), op(pickle::kStop);
  });
}

}  // namespace fr
