#include "fr/features.h"

#include <algorithm>
#include <charconv>

#include <nlohmann/json.hpp>

#include "fr/embed.h"

namespace fr {
namespace {

// The rows of the class scores, when they live in the space of the embeddings.
std::vector<float> class_weights(FaceModel& model) {
  for (const auto& [name, parameter] : model.parameters())
    if (name == "head.weight") return parameter->var.value().host<float>();
  return {};
}

std::string row_text(const char* kind, int64_t label, const float* values, int64_t D) {
  std::string row = cat(kind, ",", label);
  for (int64_t d = 0; d < D; ++d) {
    char text[32];
    const auto end = std::to_chars(text, text + sizeof text, values[d]).ptr;
    row += "," + std::string(text, end);
  }
  return row + "\n";
}

// One line of features.csv after its header.
class RowReader {
 public:
  RowReader(const fs::path& path, ReportFeatures& out) : path_(path), out_(out) {}
  void read(const std::string& line, int64_t number) {
    std::vector<std::string> fields;
    for (size_t begin = 0, end = 0; end != std::string::npos; begin = end + 1)
      end = line.find(',', begin), fields.push_back(line.substr(begin, end - begin));
    const bool is_class = fields[0] == "class";
    if (fields.size() != size_t(out_.D) + 2 || (!is_class && fields[0] != "picture"))
      fail(number, cat("expected picture or class, a label and ", out_.D, " numbers"));
    if (!is_class) out_.labels.push_back(value<int64_t>(fields[1], number));
    for (size_t i = 2; i < fields.size(); ++i)
      (is_class ? out_.class_weights : out_.values).push_back(value<float>(fields[i], number));
  }
  [[noreturn]] void fail(int64_t number, const std::string& what) const {
    throw Error(ErrorKind::data, cat(path_.string(), ":", number, ": ", what));
  }

 private:
  template <class N>
  N value(const std::string& text, int64_t number) const {
    N v{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), v);
    if (error != std::errc() || end != text.data() + text.size())
      fail(number, cat("not a number: '", text, "'"));
    return v;
  }
  const fs::path& path_;
  ReportFeatures& out_;
};

}  // namespace

ReportFeatures sample_features(FaceModel& model, const TrainingData& data, const Config& config) {
  ReportFeatures f;
  const int64_t n = std::min(config.report.features, data.pictures());
  if (n == 0) return f;
  const auto index = [&](int64_t i) { return i * data.pictures() / n; };
  const EmbedOptions options = {config.network.height, config.network.width, FlipMode::none,
                                config.test.batch};
  const Embeddings e = embed(
      model, n, [&](int64_t i) { return data.source->load(index(i)); }, options);
  f.title = to_text(config.loss), f.D = e.D, f.values = e.values, f.class_weights = class_weights(model);
  for (int64_t i = 0; i < n; ++i) f.labels.push_back(data.source->label(index(i)));
  return f;
}

void write_features(const fs::path& path, const ReportFeatures& f) {
  std::string text = "kind,label";
  for (int64_t d = 1; d <= f.D; ++d) text += cat(",x", d);
  text += "\n";
  for (size_t i = 0; i < f.labels.size(); ++i)
    text += row_text("picture", f.labels[i], &f.values[i * size_t(f.D)], f.D);
  for (size_t m = 0; m * size_t(f.D) < f.class_weights.size(); ++m)
    text += row_text("class", int64_t(m), &f.class_weights[m * size_t(f.D)], f.D);
  write_file_atomic(path, text);
}

ReportFeatures read_features(const fs::path& path) {
  const std::string text = read_text(path);
  ReportFeatures f;
  RowReader reader(path, f);
  int64_t number = 0;
  for (size_t begin = 0; begin < text.size(); ++number) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string line = text.substr(begin, end - begin);
    begin = end + 1;
    if (number == 0) {
      f.D = std::count(line.begin(), line.end(), ',') - 1;
      if (line.rfind("kind,label,x1", 0) != 0) reader.fail(1, "expected the header kind,label,x1,...");
    } else {
      reader.read(line, number + 1);
    }
  }
  if (f.labels.empty()) reader.fail(number, "no picture");
  return f;
}

std::string features_page(const std::vector<fs::path>& run_folders) {
  std::vector<ReportFeatures> all;
  for (const fs::path& folder : run_folders) {
    const auto run = nlohmann::json::parse(read_text(folder / "run.json"), nullptr, false);
    if (!run.is_object()) throw Error(ErrorKind::data, cat((folder / "run.json").string(), ": not a run"));
    all.push_back(read_features(folder / "features.csv"));
    all.back().title = cat(run.value("name", ""), ": ", run.value("loss", ""));
  }
  return render_features(all);
}

}  // namespace fr
