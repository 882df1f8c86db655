// SPDX-License-Identifier: Apache-2.0
// Bytes of an element of the model's and plan's tables on a 32-bit Arm, for a host that computes a board's
// arena (platforms/cli/arena_bytes.cc). tests/cortex_m/products.cc compares them with the compiler's.
#ifndef LIGERO_PLATFORMS_CORTEX_M_TABLE_BYTES_H_
#define LIGERO_PLATFORMS_CORTEX_M_TABLE_BYTES_H_

#include <cstddef>

namespace ligero {

inline constexpr size_t kBoardGraphBytes = 40;
inline constexpr size_t kBoardTensorBytes = 40;
inline constexpr size_t kBoardNodeBytes = 36;
inline constexpr size_t kBoardAttributeBytes = 24;
inline constexpr size_t kBoardPlacementBytes = 48;
inline constexpr size_t kBoardNodePlacementBytes = 28;

}  // namespace ligero

#endif  // LIGERO_PLATFORMS_CORTEX_M_TABLE_BYTES_H_
