// SPDX-License-Identifier: Apache-2.0
// The options of the ops that other folders read as well: the converter, GPU backends. Ranges and
// defaults are in the op's table (option_table.h), meanings in OPS.md. Not: options that the op's
// own file alone reads.
#ifndef LIGERO_OPS_OPTIONS_H_
#define LIGERO_OPS_OPTIONS_H_

#include <cstdint>
#include <limits>

#include "ops/kernels/vec/vec.h"
#include "runtime/graph.h"

namespace ligero {

/// linear, add, subtract, multiply, divide.
struct ActivationOptions {
  Activation activation;
};

struct BandLinearOptions {
  int32_t bands;
  int32_t outputs;  ///< of a band
  int32_t first;    ///< bin of the first band's first
  int32_t width;    ///< bins of a band
  int32_t stride;   ///< bins from a band's first to the next one's
  int32_t kernel_t;
  Activation activation;

  /// Of a band in the weights: whole panels.
  int32_t columns() const {
    return (outputs + kPanelWidth - 1) / kPanelWidth * kPanelWidth;
  }
};

/// conv2d, and conv2d_map, which has no reflect_t, groups, activation.
struct ConvOptions {
  int32_t kernel_t;
  int32_t kernel_f;
  int32_t stride_f;
  int32_t dilation_t;
  int32_t dilation_f;
  int32_t pad_f;
  int32_t past;
  int32_t future;
  int32_t reflect_t;
  int32_t groups;
  Activation activation;
};

struct TransposedConvOptions {
  int32_t kernel_t;
  int32_t kernel_f;
  int32_t stride_f;
  int32_t pad_f;
  int32_t out_pad_f;
  int32_t past;
  int32_t future;
  int32_t groups;
  Activation activation;
};

/// lstm, gru.
struct RecurrentOptions {
  int32_t axis;  ///< 0 time, 1 bins
  int32_t reverse;
  float cell_limit;  ///< lstm: bound of the cells' magnitudes; 0: none

  float cell_bound() const {
    return cell_limit > 0.0f ? cell_limit : std::numeric_limits<float>::infinity();
  }
  bool along_bins() const {
    return axis == 1;
  }
};

struct AttentionOptions {
  int32_t axis;  ///< 0 time, 1 bins
  int32_t window;
  int32_t heads;
  float scale;

  bool along_bins() const {
    return axis == 1;
  }
};

enum class WindowShape : int32_t {
  kHann,        ///< periodic
  kSqrtHann,    ///< its square root
  kAsymmetric,  ///< a long rise, then the end of a short square root of Hann; and what undoes it
};

/// stft, istft.
struct StftOptions {
  int32_t window;
  int32_t hop;
  int32_t synthesis_samples;  ///< 0: as many as `window`
  int32_t analysis;           ///< WindowShape
  int32_t synthesis;          ///< WindowShape

  /// Samples of a frame that are used again: the last ones.
  int32_t used() const {
    return synthesis_samples == 0 ? window : synthesis_samples;
  }
};

struct FbankOptions {
  int32_t window;
  int32_t n_fft;
  int32_t hop;
  int32_t past;
  int32_t future;
  int32_t recipe;
};

struct InputLevelOptions {
  int32_t mode;  ///< 0 file, 1 window
  int32_t window;
  float floor_db;

  bool of_file() const {
    return mode == 0;
  }
};

struct DeepFilterOptions {
  int32_t kernel_t;
  int32_t kernel_f;
  int32_t past;
  int32_t future;
};

struct MagnitudeOptions {
  float floor;
};

/// compress, power.
struct ExponentOptions {
  float exponent;
  int32_t magnitude;  ///< compress: 1: has the magnitude too
};

/// batch_norm, layer_norm, cumulative_norm.
struct NormOptions {
  float epsilon;
  int32_t joint;  ///< layer_norm: 1: all bins of a frame have one mean
};

struct SoftmaxOptions {
  int32_t axis;  ///< 0 time, 2 channels

  bool over_time() const {
    return axis == 0;
  }
};

struct ConcatOptions {
  int32_t axis;  ///< 1 bins, 2 channels

  bool along_bins() const {
    return axis == 1;
  }
};

struct SliceOptions {
  int32_t begin;
  int32_t count;
};

struct ChannelShuffleOptions {
  int32_t groups;
};

struct ReshapeOptions {
  int32_t bins;
  int32_t channels;
};

struct TimeStdOptions {
  float epsilon;
  int32_t unbiased;
};

struct FloorDbOptions {
  float range;
};

}  // namespace ligero

#endif  // LIGERO_OPS_OPTIONS_H_
