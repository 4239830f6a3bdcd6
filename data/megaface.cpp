#include "data/megaface.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <unordered_map>
#include <unordered_set>

#include "base/error.h"
#include "base/file.h"
#include "data/missing.h"
#include "data/text.h"

namespace fr {
namespace {

using nlohmann::json;
constexpr int64_t kLongestFeature = 65'536;
constexpr int32_t kFloat = 5, kMostNumbers = 1 << 24;  // CV_32F; of a row or column
static_assert(std::endian::native == std::endian::little);

struct List {
  std::vector<std::string> ids, paths;
};

std::vector<std::string> texts(const json& object, const char* key, const fs::path& path) {
  const auto found = object.find(key);
  const auto refuse = [&](const std::string& what) {
    throw Error(ErrorKind::data, cat(path.string(), ": key '", key, "': ", what));
  };
  if (found == object.end() || !found->is_array()) refuse("a list expected");
  std::vector<std::string> out;
  out.reserve(found->size());
  for (const json& entry : *found) {
    if (!entry.is_string() && !entry.is_number_integer())
      refuse(
          cat("entry ", out.size(), ": text or a whole number expected, got ", entry.dump().substr(0, 40)));
    out.push_back(entry.is_string() ? entry.get<std::string>() : entry.dump());
  }
  return out;
}

List read_list(const fs::path& path) {
  json object;
  try {
    object = json::parse(read_text(path, uint64_t{1} << 32));
  } catch (const json::exception& e) {
    throw Error(ErrorKind::data, cat(path.string(), ": not JSON: ", e.what()));
  }
  if (!object.is_object())
    throw Error(ErrorKind::data, cat(path.string(), ": an object {\"id\", \"path\"} expected"));
  List list{texts(object, "id", path), texts(object, "path", path)};
  if (list.ids.size() != list.paths.size())
    throw Error(ErrorKind::data,
                cat(path.string(), ": ", list.ids.size(), " ids, but ", list.paths.size(), " paths"));
  if (list.paths.empty()) throw Error(ErrorKind::data, cat(path.string(), ": no pictures"));
  return list;
}

// Marks the noise of one list.
std::vector<uint8_t> noisy(const fs::path& noise, const std::vector<std::string>& paths,
                           std::vector<std::string>& notes) {
  std::vector<uint8_t> marked(paths.size(), 0);
  if (noise.empty()) return marked;
  std::unordered_set<std::string_view> entries, used;
  const std::vector<text::Line> lines = text::read_lines(noise);
  for (const text::Line& line : lines)
    if (line.text[0] != '#') entries.insert(std::string_view(line.text).substr(line.text.rfind('\t') + 1));
  int64_t count = 0;
  for (size_t i = 0; i < paths.size(); ++i)
    for (std::string_view rest = paths[i]; !rest.empty();) {
      if (const auto found = entries.find(rest); found != entries.end()) {
        used.insert(*found), marked[i] = 1, ++count;
        break;
      }
      const size_t slash = rest.find('/');
      rest.remove_prefix(slash == std::string_view::npos ? rest.size() : slash + 1);
    }
  notes.push_back(cat("left out: ", count, " pictures of ", noise.string(), ", whose other ",
                      entries.size() - used.size(), " entries name none"));
  return marked;
}

// Marks files that are missing, too.
void mark_missing(std::vector<uint8_t>& marked, const List& list, const fs::path& source,
                  const fs::path& root, const MegafaceOptions& options, std::vector<std::string>& notes) {
  if (!options.check_files) return;
  std::vector<std::string> names;
  std::vector<size_t> at;
  for (size_t i = 0; i < marked.size(); ++i)
    if (!marked[i]) names.push_back(list.paths[i] + options.suffix), at.push_back(i);
  const MissingPictures missing = find_missing(source, root, names, options.missing);
  for (size_t k = 0; k < at.size(); ++k) marked[at[k]] = missing.lost[k];
  if (!missing.note.empty()) notes.push_back(missing.note);
}

void number_people(MegafaceSet& set, const std::vector<std::string>& ids) {
  std::unordered_map<std::string, int64_t> number;
  for (const std::string& id : ids)
    set.people.push_back(number.emplace(id, int64_t(number.size())).first->second);
}

}  // namespace

MegafaceSet read_megaface(const fs::path& probe_list, const fs::path& probe_root,
                          const fs::path& distractor_list, const fs::path& distractor_root,
                          const MegafaceOptions& options) {
  FR_CHECK(options.distractors >= 1, "read_megaface: at least 1 distractor, got ", options.distractors);
  MegafaceSet set;
  const List probes = read_list(probe_list);
  std::vector<uint8_t> out = noisy(options.probe_noise, probes.paths, set.notes);
  mark_missing(out, probes, probe_list, probe_root, options, set.notes);
  std::vector<std::string> ids;
  for (size_t i = 0; i < out.size(); ++i)
    if (!out[i]) set.probes.push_back(probes.paths[i]), ids.push_back(probes.ids[i]);
  number_people(set, ids);

  List all = read_list(distractor_list);
  if (int64_t(all.paths.size()) > options.distractors) all.paths.resize(size_t(options.distractors));
  set.listed = int64_t(all.paths.size());
  out = noisy(options.distractor_noise, all.paths, set.notes);
  mark_missing(out, all, distractor_list, distractor_root, options, set.notes);
  for (size_t i = 0; i < out.size(); ++i)
    if (!out[i]) set.distractors.push_back(std::move(all.paths[i])), set.places.push_back(int64_t(i));
  if (set.probes.empty()) throw Error(ErrorKind::data, cat(probe_list.string(), ": no probes are left"));
  if (set.distractors.empty())
    throw Error(ErrorKind::data, cat(distractor_list.string(), ": no distractors are left"));
  if (*std::max_element(set.people.begin(), set.people.end()) + 1 == int64_t(set.people.size()))
    throw Error(ErrorKind::data, cat(probe_list.string(), ": no person has two probes"));
  return set;
}

Matrix read_opencv_matrix(const fs::path& path) {
  const std::vector<uint8_t> bytes = read_file(path);
  const auto refuse = [&](const std::string& reason) {
    throw Error(ErrorKind::data, cat(path.string(), ": not an OpenCV matrix of floats: ", reason));
  };
  int32_t header[4];
  if (bytes.size() < sizeof header) refuse(cat(bytes.size(), " bytes, a header has 16"));
  std::memcpy(header, bytes.data(), sizeof header);
  const auto [rows, columns, stride, type] = header;
  if (type != kFloat) refuse(cat("type ", type, ", expected 5"));
  if (rows < 1 || columns < 1 || rows > kMostNumbers || columns > kMostNumbers)
    refuse(cat("a shape of ", rows, " x ", columns));
  if (stride < 0 || int64_t{stride} < int64_t{columns} * 4)
    refuse(cat(columns, " floats in rows of ", stride, " bytes"));
  if (int64_t{rows} * stride != int64_t(bytes.size() - sizeof header))
    refuse(cat(rows, " rows of ", stride, " bytes, but ", bytes.size() - sizeof header, " bytes"));
  Matrix m{rows, columns, std::vector<float>(size_t(rows) * size_t(columns))};
  for (int64_t r = 0; r < rows; ++r)
    std::memcpy(m.values.data() + r * columns, bytes.data() + sizeof header + r * stride,
                size_t(columns) * 4);
  return m;
}

void write_opencv_matrix(const fs::path& path, const Matrix& m) {
  FR_CHECK(m.rows >= 1 && m.columns >= 1 && m.rows <= kMostNumbers && m.columns <= kMostNumbers &&
               int64_t(m.values.size()) == m.rows * m.columns,
           "write_opencv_matrix: ", m.values.size(), " numbers as ", m.rows, " x ", m.columns);
  const int32_t header[4] = {int32_t(m.rows), int32_t(m.columns), int32_t(m.columns * 4), kFloat};
  write_file_atomic(path, [&](const Sink& sink) {
    sink(header, sizeof header);
    sink(m.values.data(), m.values.size() * sizeof(float));
  });
}

void append_features(std::vector<float>& features, int64_t& D, const fs::path& root,
                     std::span<const std::string> paths, const std::string& suffix) {
  for (const std::string& name : paths) {
    const fs::path path = root / (name + suffix);
    const Matrix m = read_opencv_matrix(path);
    const auto size = int64_t(m.values.size());
    if (size > kLongestFeature)
      throw Error(ErrorKind::data, cat(path.string(), ": a feature of at most ", kLongestFeature,
                                       " numbers expected, got ", m.rows, " x ", m.columns));
    if (D == 0) D = size;
    if (size != D || (m.rows != 1 && m.columns != 1))
      throw Error(ErrorKind::data, cat(path.string(), ": a feature of ", D, " numbers expected, got ", m.rows,
                                       " x ", m.columns));
    for (float v : m.values)
      if (!std::isfinite(v))
        throw Error(ErrorKind::data, cat(path.string(), ": a number that is not finite"));
    if (&name == paths.data()) features.reserve(features.size() + paths.size() * size_t(D));
    features.insert(features.end(), m.values.begin(), m.values.end());
  }
}

}  // namespace fr
