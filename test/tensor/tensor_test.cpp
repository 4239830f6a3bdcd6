// Tensor: shapes, shared storage, conversion, type checks.
#include "tensor/tensor.h"

#include <gtest/gtest.h>

#include <limits>

namespace fr {
namespace {

TEST(Tensor, EmptyHasNoStorage) {
  const Tensor none;
  EXPECT_FALSE(none);
  EXPECT_EQ(static_cast<float*>(none.data()), nullptr);
  EXPECT_FALSE(none.clone());
  EXPECT_TRUE(none.host<float>().empty());
}

TEST(Tensor, ZeroElementsAreATensor) {
  const Tensor t({0, 5});
  EXPECT_TRUE(t);
  EXPECT_EQ(t.size(), 0);
  EXPECT_EQ(t.bytes(), 0u);
  EXPECT_TRUE(t.host<double>().empty());
  EXPECT_EQ(t.reshape({5, 0}).shape(), Shape({5, 0}));
}

TEST(Tensor, RankZeroIsAScalar) {
  const Tensor t = Tensor::full({}, 2.5);
  EXPECT_EQ(t.size(), 1);
  EXPECT_EQ(t.item(), 2.5);
}

TEST(Tensor, ShapeAndSizes) {
  const Tensor t({2, 3, 4}, DType::float64);
  EXPECT_EQ(t.rank(), 3);
  EXPECT_EQ(t.size(), 24);
  EXPECT_EQ(t.bytes(), 192u);
  EXPECT_EQ(t.dim(0), 2);
  EXPECT_EQ(t.dim(-1), 4);
  EXPECT_EQ(to_string(t.shape()), "(2,3,4)");
  EXPECT_EQ(to_string(Shape{}), "()");
  EXPECT_STREQ(to_string(t.dtype()), "float64");
}

TEST(Tensor, RejectsImpossibleShapes) {
  EXPECT_THROW(Tensor({2, -1}), std::invalid_argument);
  EXPECT_THROW(Tensor({int64_t{1} << 40, int64_t{1} << 40}), std::invalid_argument);
  EXPECT_THROW(Tensor::from(std::vector<float>{1, 2, 3}, {2, 2}), std::invalid_argument);
}

TEST(Tensor, OutOfMemoryIsAnError) {
  try {
    const Tensor t({int64_t{1} << 60});
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::memory);
    EXPECT_NE(std::string(error.what()).find("4611686018427387904 bytes"), std::string::npos) << error.what();
  }
}

TEST(Tensor, CopiesShareAndClonesDoNot) {
  const Tensor a = Tensor::full({3}, 1);
  const Tensor shared = a, copy = a.clone();
  a.as<float>()[1] = 7;
  EXPECT_EQ(shared.host<float>()[1], 7);
  EXPECT_EQ(copy.host<float>()[1], 1);
  EXPECT_EQ(copy.shape(), a.shape());
}

TEST(Tensor, ReshapeSharesAndInfersOneSize) {
  const Tensor a = Tensor::zeros({2, 6});
  const Tensor b = a.reshape({3, -1});
  EXPECT_EQ(b.shape(), Shape({3, 4}));
  b.as<float>()[11] = 5;
  EXPECT_EQ(a.host<float>()[11], 5);
  EXPECT_EQ(a.reshape({-1}).shape(), Shape({12}));
  EXPECT_THROW(a.reshape({5, -1}), std::invalid_argument);
  EXPECT_THROW(a.reshape({-1, -1}), std::invalid_argument);
  EXPECT_THROW(a.reshape({13}), std::invalid_argument);
  EXPECT_THROW(a.reshape({0, -1}), std::invalid_argument);
}

TEST(Tensor, ConvertsBetweenTypes) {
  const Tensor a = Tensor::from(std::vector<double>{1.5, -2.75, 3}, {3}, DType::float32);
  EXPECT_EQ(a.dtype(), DType::float32);
  EXPECT_EQ(a.host<double>(), (std::vector<double>{1.5, -2.75, 3}));
  EXPECT_EQ(a.host<int64_t>(), (std::vector<int64_t>{1, -2, 3}));
  EXPECT_EQ(a.to(DType::float64).as<double>()[1], -2.75);
  EXPECT_EQ(a.to(DType::float32).as<float>(), a.as<float>());  // itself
  EXPECT_EQ(Tensor::from(std::vector<int64_t>{4, 5}, {2}).dtype(), DType::int64);
}

TEST(Tensor, FillsEveryType) {
  for (const DType type : {DType::float32, DType::float64, DType::int64})
    EXPECT_EQ(Tensor::full({2, 2}, 3, type).host<double>(), std::vector<double>(4, 3)) << to_string(type);
}

TEST(Tensor, CopyFromChecksShapeAndType) {
  const Tensor a = Tensor::zeros({2, 2});
  a.copy_from(Tensor::full({2, 2}, 4));
  EXPECT_EQ(a.host<float>(), std::vector<float>(4, 4));
  a.copy_from(a);
  EXPECT_EQ(a.host<float>(), std::vector<float>(4, 4));
  EXPECT_THROW(a.copy_from(Tensor::zeros({4})), std::invalid_argument);
  EXPECT_THROW(a.copy_from(Tensor::zeros({2, 2}, DType::float64)), std::invalid_argument);
}

TEST(Tensor, PointerChecksTheElementType) {
  const Tensor a = Tensor::zeros({2});
  EXPECT_NO_THROW(a.as<float>());
  EXPECT_THROW(a.as<double>(), std::invalid_argument);
  EXPECT_THROW(a.as<int64_t>(), std::invalid_argument);
  const void* untyped = a.data();
  EXPECT_EQ(untyped, a.as<float>());
}

TEST(Tensor, ItemNeedsOneElement) {
  EXPECT_EQ(Tensor::from(std::vector<int64_t>{9}, {1, 1}).item(), 9);
  EXPECT_THROW(Tensor::zeros({2}).item(), std::invalid_argument);
  EXPECT_THROW(Tensor().item(), std::invalid_argument);
}

TEST(Tensor, WithKernelsPicksTheTable) {
  std::string single, twice;
  with_kernels(Tensor({1}), [&](const auto& k) { single = k.name; });
  with_kernels(Tensor({1}, DType::float64), [&](const auto& k) { twice = k.name; });
  EXPECT_EQ(single, kernels<float>().name);
  EXPECT_EQ(twice, "ref");
  EXPECT_THROW(with_kernels(Tensor({1}, DType::int64), [](const auto&) {}), std::invalid_argument);
}

TEST(Backends, RefComesFirstAndNamesSelect) {
  const std::string before = kernels<float>().name;
  EXPECT_STREQ(all_backends().front()->name, "ref");
  for (const Kernels<float>* k : all_backends()) {
    select_backend(k->name);
    EXPECT_EQ(&kernels<float>(), k);
  }
  try {
    select_backend("abacus");
    ADD_FAILURE() << "no error";
  } catch (const std::invalid_argument& error) {
    EXPECT_NE(std::string(error.what()).find("available: ref"), std::string::npos) << error.what();
  }
  select_backend(before);
}

}  // namespace
}  // namespace fr
