// SPDX-License-Identifier: Apache-2.0
// Rows kept from call to call: how many, where the next call finds them, and which rows of a call
// lie inside the signal. Windows are the processor's, rings a GPU's (platforms/cuda/kernels/views.h).
// Not: how many rows an op needs (plan/timing.h).
#ifndef LIGERO_RUNTIME_HISTORY_H_
#define LIGERO_RUNTIME_HISTORY_H_

#include <cstddef>
#include <cstdint>

#include "runtime/base/array.h"
#include "runtime/base/status.h"

#if defined(__CUDACC__)
#define LIGERO_HOST_DEVICE __host__ __device__
#else
#define LIGERO_HOST_DEVICE
#endif

namespace ligero {

struct Plan;

/// How the kept rows of a tensor lie in memory.
enum class HistoryForm : uint8_t {
  kWindow,  ///< contiguous; the window slides through spare rows and is moved back now and then
  kRing,    ///< a ring buffer: no spare rows, row t wraps around
};

/// Rows of memory for a tensor that keeps `history` rows and gets `frames` in each call. A ring has
/// room for all rows of a call, so that a row's place goes round once at most.
constexpr int32_t history_capacity(HistoryForm form, int32_t history, int32_t frames) {
  const int32_t spare = form == HistoryForm::kRing ? 0 : history / 4 > 1 ? history / 4 : 1;
  return history + frames + spare;
}

/// The row of a ring where its history begins after `frames_in` frames.
LIGERO_HOST_DEVICE constexpr int32_t ring_head(int64_t frames_in, int32_t capacity) {
  return static_cast<int32_t>(frames_in % capacity);
}

/// Longer than any signal, and far from overflow.
inline constexpr int64_t kEndless = INT64_MAX / 4;

/// Rows [begin, end) of a call lie inside the signal; the node's other rows are zero. An op that
/// needs the whole sequence also sees `before` rows before and `after` rows behind them.
struct RowsInside {
  int32_t begin = 0;
  int32_t end = 0;
  int32_t before = 0;
  int32_t after = 0;
};

/// Of the rows [-revised, frames) of a call, of which row 0 is frame `first` of a signal of
/// `total_frames` (at most kEndless). `context` and `ahead`: the most rows before and after.
LIGERO_HOST_DEVICE constexpr RowsInside rows_inside(int64_t first,
                                                    int32_t revised,
                                                    int32_t frames,
                                                    int64_t total_frames,
                                                    int32_t context,
                                                    int32_t ahead) {
  const auto clip = [](int64_t x, int64_t low, int64_t high) {
    return x < low ? low : x > high ? high : x;
  };
  const int64_t begin = clip(-first, -revised, frames);
  const int64_t end = clip(total_frames - first, begin, frames);
  return {static_cast<int32_t>(begin),
          static_cast<int32_t>(end),
          static_cast<int32_t>(clip(first + begin, 0, context)),
          static_cast<int32_t>(clip(total_frames - (first + end), 0, ahead))};
}

/// The tensors of a plan that keep rows, in the order of the graph.
struct KeptTensors {
  Array<int32_t> tensor;  ///< their indices
  Array<int32_t> of;      ///< for each tensor of the graph: its place in `tensor`, or -1

  Status find(const Plan& plan);
};

/// The sliding windows of every seat of a plan with HistoryForm::kWindow.
class Windows {
 public:
  /// kTooLittleMemory. Load time; `plan` must outlive it at the same address.
  Status start(const Plan& plan, int32_t seats);

  /// The row of tensor `t` where its history begins now; 0 for tensors that keep no rows.
  int32_t head(int32_t seat, int32_t t) const noexcept {
    const int32_t k = kept_.of[static_cast<size_t>(t)];
    return k < 0 ? 0 : heads_[index(seat, k)];
  }
  /// After a call of `frames`. `region`: the seat's memory. Moves windows back that reach their end.
  void advance(int32_t seat, std::byte* region, int32_t frames) noexcept;
  /// Zero rows everywhere.
  void reset(int32_t seat, std::byte* region) noexcept;

 private:
  size_t index(int32_t seat, int32_t k) const noexcept {
    return static_cast<size_t>(seat) * kept_.tensor.size() + static_cast<size_t>(k);
  }

  const Plan* plan_ = nullptr;
  KeptTensors kept_;
  Array<int32_t> heads_;  ///< [seats][kept tensors]
};

}  // namespace ligero

#endif  // LIGERO_RUNTIME_HISTORY_H_
