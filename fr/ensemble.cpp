#include "fr/ensemble.h"
#include "nn/state.h"

#include <algorithm>
#include <sstream>

namespace fr {
namespace {

Patch patch_named(const std::string& word) {
  for (const auto& [name, patch] : kPatchWords)
    if (name == word) return patch;
  throw Error(ErrorKind::usage, cat("patch: '", word, "' is none of full, upper, centre"));
}

std::vector<std::string> split(const std::string& words) {
  std::vector<std::string> parts;
  std::istringstream in(words);
  for (std::string part; std::getline(in, part, ',');) parts.push_back(part);
  return parts;
}

}  // namespace

std::vector<LoadedModel> load_models(const std::vector<std::string>& paths, const Placement& placement) {
  std::vector<LoadedModel> models;
  for (const auto& path : paths) models.push_back(load_model(path, placement));
  return models;
}

std::string weights_of(const std::vector<LoadedModel>& models) {
  std::string text;
  for (const LoadedModel& m : models)
    text += (text.empty() ? "" : "+") + weights_fingerprint(m.model->network());
  return text;
}

std::string paths_text(const std::vector<LoadedModel>& models) {
  std::string text;
  for (const LoadedModel& m : models) text += (text.empty() ? "" : ", ") + m.path.string();
  return text;
}

std::vector<Patch> patches_of(const std::vector<LoadedModel>& models, const std::string& words) {
  std::vector<Patch> patches;
  for (const auto& word : split(words)) patches.push_back(patch_named(word));
  if (patches.empty())
    for (const LoadedModel& m : models) patches.push_back(m.config.data.patch);
  if (patches.size() == 1) patches.resize(models.size(), patches[0]);
  if (patches.size() != models.size())
    throw Error(ErrorKind::usage, cat("patch: ", patches.size(), " patches for ", models.size(),
                                      " models; expected one, or one for each model"));
  return patches;
}

std::vector<EnsembleMember> members_of(const std::vector<LoadedModel>& models,
                                       const std::vector<Patch>& patches) {
  std::vector<EnsembleMember> members;
  for (size_t i = 0; i < models.size(); ++i) {
    const NetworkOptions& network = models[i].config.network;
    members.push_back({models[i].model.get(), network.height, network.width, patches.at(i)});
  }
  return members;
}

Embeddings concatenate(std::span<const Embeddings> embeddings) {
  Embeddings out;
  out.N = embeddings.empty() ? 0 : embeddings[0].N;
  for (const Embeddings& e : embeddings) {
    FR_CHECK(e.N == out.N, "concatenate: expected ", out.N, " embeddings of every model, got ", e.N);
    out.D += e.D;
  }
  out.values.reserve(static_cast<size_t>(out.N * out.D));
  for (int64_t n = 0; n < out.N; ++n)
    for (const Embeddings& e : embeddings)
      out.values.insert(out.values.end(), e.values.begin() + n * e.D, e.values.begin() + (n + 1) * e.D);
  return out;
}

std::vector<Embeddings> embed(const std::vector<EnsembleMember>& members, const PictureList& pictures,
                              FlipMode flip, int64_t batch, Average average, Progress* progress,
                              EmbeddingKind kind) {
  if (kind == EmbeddingKind::distributions && members.size() > 1)
    throw Error(ErrorKind::usage,
                cat("distributions are compared of one model, got ", members.size(), " models"));
  const auto n = static_cast<int64_t>(pictures.names.size());
  std::vector<Embeddings> all;
  for (const EnsembleMember& m : members)
    all.push_back(embed(*m.network, n, pictures.picture, {m.height, m.width, flip, batch, m.patch, kind},
                        [&, before = n * static_cast<int64_t>(all.size())](int64_t done) {
                          if (progress) progress->show(before + done, "embedding", false);
                        }));
  if (average == Average::none && all.size() > 1) return {concatenate(all)};
  return all;
}

}  // namespace fr
