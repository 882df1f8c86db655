// SPDX-License-Identifier: Apache-2.0
// Every kernel of the backend, once: its name and its arguments. Not: how it is launched.
#ifndef LIGERO_PLATFORMS_CUDA_KERNELS_LIST_H_
#define LIGERO_PLATFORMS_CUDA_KERNELS_LIST_H_

#include <type_traits>

#include "platforms/cuda/kernels/attention.h"
#include "platforms/cuda/kernels/elementwise.h"
#include "platforms/cuda/kernels/product.h"
#include "platforms/cuda/kernels/recurrent.h"
#include "platforms/cuda/kernels/reduce.h"
#include "platforms/cuda/kernels/signal.h"

// clang-format off
/// X(name, type), in the groups that are compiled together.
#define LIGERO_CUDA_PRODUCT_KERNELS(X)             \
  X(product_wide_f32, ProductWide<float>)          \
  X(product_wide_f16, ProductWide<Half>)           \
  X(product_wide_q8, ProductWide<int8_t>)          \
  X(product_square_f32, ProductSquare<float>)      \
  X(product_square_f16, ProductSquare<Half>)       \
  X(product_square_q8, ProductSquare<int8_t>)      \
  X(product_narrow_f32, ProductNarrow<float>)      \
  X(product_narrow_f16, ProductNarrow<Half>)       \
  X(product_narrow_q8, ProductNarrow<int8_t>)      \
  X(product_row_f32, ProductRow<float>)            \
  X(product_row_f16, ProductRow<Half>)             \
  X(product_row_q8, ProductRow<int8_t>)            \
  X(recurrent_step_f32, RecurrentStep<float>)      \
  X(recurrent_step_f16, RecurrentStep<Half>)       \
  X(recurrent_step_q8, RecurrentStep<int8_t>)      \
  X(keep_hidden, KeepHidden)                       \
  X(attention, Attention)
#define LIGERO_CUDA_OTHER_KERNELS(X)               \
  X(map, Map)                                      \
  X(binary, Binary)                                \
  X(move, Move)                                    \
  X(margins, Margins)                              \
  X(bins, Bins)                                    \
  X(deep_filter, DeepFilter)                       \
  X(stft, Stft)                                    \
  X(istft, Istft)                                  \
  X(fbank, Fbank)                                  \
  X(rms, Rms)                                      \
  X(window_level, WindowLevel)                     \
  X(file_level, FileLevel)                         \
  X(layer_norm, LayerNorm)                         \
  X(channel_softmax, ChannelSoftmax)               \
  X(cumulative_norm, CumulativeNorm)               \
  X(time_softmax, TimeSoftmax)                     \
  X(time_statistics, TimeStatistics)               \
  X(floor, Floor)                                  \
  X(heads, Heads)
// clang-format on

namespace ligero::cuda {

enum class Kernel : int32_t {
#define LIGERO_NAME(name, type) name,
  LIGERO_CUDA_PRODUCT_KERNELS(LIGERO_NAME) LIGERO_CUDA_OTHER_KERNELS(LIGERO_NAME)
#undef LIGERO_NAME
      count
};

inline constexpr size_t kNumKernels = static_cast<size_t>(Kernel::count);
/// Most bytes of a kernel's arguments.
inline constexpr size_t kMostArguments = 512;

template <typename Body>
constexpr Kernel kernel_of() {
#define LIGERO_MATCH(name, type)              \
  if constexpr (std::is_same_v<Body, type>) { \
    return Kernel::name;                      \
  }
  LIGERO_CUDA_PRODUCT_KERNELS(LIGERO_MATCH)
  LIGERO_CUDA_OTHER_KERNELS(LIGERO_MATCH)
#undef LIGERO_MATCH
  return Kernel::count;
}

/// What a kernel is called.
const char* kernel_name(Kernel kernel);

/// One launch of a kernel, or `repeat` of them one after another.
struct Launch {
  Kernel kernel = Kernel::count;
  int32_t blocks[3] = {1, 1, 1};
  int32_t repeat = 1;  ///< Block::step counts them
  int32_t shared_bytes = 0;
  alignas(16) unsigned char arguments[kMostArguments] = {};

  template <typename Body>
  void set(const Body& body) {
    static_assert(std::is_trivially_copyable_v<Body> && sizeof(Body) <= kMostArguments);
    static_assert(kernel_of<Body>() != Kernel::count, "a kernel that is not in the list");
    kernel = kernel_of<Body>();
    std::memcpy(arguments, &body, sizeof(Body));
  }
};

}  // namespace ligero::cuda

#endif  // LIGERO_PLATFORMS_CUDA_KERNELS_LIST_H_
