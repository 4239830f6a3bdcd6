// Mapped safetensors: the same contents as a copy, the same refusals, and what only a mapping can get wrong.
#include "nn/mapped_safetensors.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "test/data/temporary.h"

namespace fr {
namespace {

Tensor counted(const Shape& shape) {
  const Tensor t(shape);
  for (int64_t i = 0; i < t.size(); ++i) t.as<float>()[i] = float(i) / 3;
  return t;
}

TEST(MappedSafetensors, HasTheSameValuesAsACopy) {
  const TemporaryFolder folder;
  const fs::path path = folder.path / "a.safetensors";
  const Tensor labels({3}, DType::int64);
  for (int64_t i = 0; i < 3; ++i) labels.as<int64_t>()[i] = 7 * i;
  write_safetensors(path, {{"rows", counted({3, 5})}, {"labels", labels}, {"none", Tensor({0, 5})}},
                    {{"a", "b"}});
  MappedSafetensors opened(path);
  const MappedSafetensors mapped = std::move(opened);
  mapped.verify();
  EXPECT_EQ(mapped.metadata(), (Metadata{{"a", "b"}}));
  const auto rows = mapped.values<float>("rows", {-1, 5});
  ASSERT_EQ(rows.size(), 15u);
  for (size_t i = 0; i < rows.size(); ++i) EXPECT_EQ(rows[i], float(i) / 3);
  EXPECT_EQ(mapped.values<int64_t>("labels", {3})[2], 14);
  EXPECT_TRUE(mapped.values<float>("none", {0, 5}).empty());
  EXPECT_TRUE(mapped.contains("rows"));
  EXPECT_FALSE(mapped.contains("row"));
}

TEST(MappedSafetensors, SaysWhatDoesNotFit) {
  const TemporaryFolder folder;
  const fs::path path = folder.path / "a.safetensors";
  write_safetensors(path, {{"rows", counted({3, 5})}});
  const MappedSafetensors mapped(path);
  EXPECT_ERROR(data, "tensor \"row\" is missing", mapped.values<float>("row", {-1}));
  EXPECT_ERROR(data, "expected dtype I64, got F32", mapped.values<int64_t>("rows", {3, 5}));
  EXPECT_ERROR(data, "got (3,5)", mapped.values<float>("rows", {-1, 4}));
  EXPECT_ERROR(data, "got (3,5)", mapped.values<float>("rows", {-1}));
  EXPECT_ERROR(io, "cannot be opened", MappedSafetensors(folder.path / "none"));
  EXPECT_ERROR(io, "cannot be mapped", MappedSafetensors(folder.path));
  write_file_atomic(folder.path / "empty", std::string_view());
  EXPECT_ERROR(data, "at least 8 bytes", MappedSafetensors(folder.path / "empty"));
}

TEST(MappedSafetensors, VerifyFindsADamagedByte) {
  const TemporaryFolder folder;
  const fs::path path = folder.path / "a.safetensors";
  write_safetensors(path, {{"rows", counted({3, 5})}});
  std::string bytes = read_text(path);
  bytes.back() ^= 1;
  write_file_atomic(path, bytes);
  const MappedSafetensors mapped(path);
  EXPECT_ERROR(data, "tensor \"rows\" is damaged", mapped.verify());
}

}  // namespace
}  // namespace fr
