// NumPy's .npy files (NEP 1): float32 matrices. Written with version 1.0 and a header of a multiple of 64
// bytes.
#pragma once
#include <cstdint>
#include <filesystem>
#include <vector>

namespace fr {

struct Matrix {
  int64_t rows = 0, columns = 0;
  std::vector<float> values;  // (rows, columns)
};

// Appears complete or not at all. Error{io}.
void write_npy(const std::filesystem::path& path, const float* values, int64_t rows, int64_t columns);

// Only what write_npy writes: little-endian float32, C order, two dimensions, exactly as many bytes as the
// shape says. Anything else is Error{data} naming the file and the reason.
Matrix read_npy(const std::filesystem::path& path);

}  // namespace fr
