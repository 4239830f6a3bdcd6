#include "data/npy.h"

#include <cmath>
#include <limits>

#include "test/data/temporary.h"

namespace fr {
namespace {

TEST(Npy, BytesAreThoseOfNumpy) {
  const TemporaryFolder folder;
  const float values[] = {0, 1, 2, 3, 4, 5};
  write_npy(folder.path / "x.npy", values, 2, 3);
  const std::string bytes = read_text(folder.path / "x.npy");
  ASSERT_EQ(bytes.size(), 128u + 24);
  // np.save of np.arange(6, dtype='<f4').reshape(2, 3)
  const std::string header = std::string("\x93NUMPY\x01\x00\x76\x00", 10) +
                             "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }  ";
  EXPECT_EQ(bytes.substr(0, header.size()), header);
  EXPECT_EQ(bytes.substr(124, 8), std::string("   \n\0\0\0\0", 8));
}

TEST(Npy, RoundTrip) {
  const TemporaryFolder folder;
  for (const auto& [rows, columns] : {std::pair<int64_t, int64_t>{0, 512}, {1, 1}, {7, 128}, {1000, 3}}) {
    std::vector<float> values(size_t(rows * columns));
    for (size_t i = 0; i < values.size(); ++i) values[i] = std::sin(static_cast<float>(i)) * 1e-30f;
    if (!values.empty()) values[0] = std::numeric_limits<float>::infinity();
    write_npy(folder.path / "x.npy", values.data(), rows, columns);
    const Matrix back = read_npy(folder.path / "x.npy");
    EXPECT_EQ(back.rows, rows);
    EXPECT_EQ(back.columns, columns);
    EXPECT_EQ(back.values, values);
  }
}

TEST(Npy, WhatDoesNotFitIsRefused) {
  const TemporaryFolder folder;
  const float values[] = {0, 1, 2, 3, 4, 5};
  write_npy(folder.path / "x.npy", values, 2, 3);
  const std::string whole = read_text(folder.path / "x.npy");
  for (size_t size = 0; size < whole.size(); ++size)
    EXPECT_ERROR(data, "x.npy", read_npy(folder.put("x.npy", whole.substr(0, size))));
  const auto refused = [&](const std::string& from, const std::string& to, const char* part) {
    std::string bytes = whole;
    bytes.replace(bytes.find(from), from.size(), to);
    EXPECT_ERROR(data, part, read_npy(folder.put("x.npy", bytes)));
  };
  refused("<f4", ">f4", "expected '<f4'");
  refused("<f4", "|O8", "expected '<f4'");
  refused("False", "True ", "expected '<f4'");
  refused("(2, 3)", "(3, 2,", "expected");
  refused("(2, 3)", "(2, 4)", "shape (2, 4) but 24 bytes");
  refused("(2, 3), }", "(999999999999, 999999999999), }", "");
  refused("\x01", "\x02", "version 1.0");
  EXPECT_ERROR(data, "but 28 bytes", read_npy(folder.put("x.npy", whole + "more")));
}

}  // namespace
}  // namespace fr
