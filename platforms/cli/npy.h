// SPDX-License-Identifier: Apache-2.0
// NumPy's .npy files: float32, C order. Not: other types.
#ifndef LIGERO_PLATFORMS_CLI_NPY_H_
#define LIGERO_PLATFORMS_CLI_NPY_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace ligero::cli {

struct NpyArray {
  std::vector<int64_t> shape;
  std::vector<float> values;
};

/// Reads versions 1.0 and 2.0. Refuses, with what was found, other types, Fortran order, and a file
/// whose length does not follow from its shape.
NpyArray read_npy(const std::string& path);

/// Writes version 1.0, whole or not at all.
void write_npy(const std::string& path,
               std::span<const int64_t> shape,
               std::span<const float> values);

/// "[3, 1, 160]"
std::string shape_text(std::span<const int64_t> shape);

}  // namespace ligero::cli

#endif  // LIGERO_PLATFORMS_CLI_NPY_H_
