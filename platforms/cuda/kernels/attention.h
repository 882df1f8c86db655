// SPDX-License-Identifier: Apache-2.0
// Attention in one kernel: scores, softmax and the weighted sum, a chunk of keys after another, so
// that no matrix of scores is ever written. Not: projections, which are products.
#ifndef LIGERO_PLATFORMS_CUDA_KERNELS_ATTENTION_H_
#define LIGERO_PLATFORMS_CUDA_KERNELS_ATTENTION_H_

#include "platforms/cuda/kernels/views.h"

namespace ligero::cuda {

/// Queries that share one walk over the keys, and keys of a chunk.
inline constexpr int32_t kTileQueries = 8;
inline constexpr int32_t kChunkKeys = 32;

/// Threads that share the products of a key, neighbours with neighbouring channels, so that what
/// they load lies together.
inline constexpr int32_t kKeyShares = 8;

/// Grid (query tiles [* rows, along bins], sessions, heads); shared: shared_floats().
struct Attention {
  static constexpr int kLanes = 256;
  static constexpr int kLeastBlocks = 3;  ///< left alone the compiler spills registers for a fifth
  Sessions sessions;
  Rows rows;
  View query;
  View key;
  View value;
  View y;
  int32_t bins;
  int32_t head;    ///< channels of a head
  int32_t stride;  ///< channels of all heads
  int32_t window;  ///< 0: all keys
  int32_t tile;    ///< queries of a block, at most kTileQueries
  int32_t tiles;   ///< along bins: of a row
  bool along_bins;
  float scale;

  int64_t shared_floats() const {
    return tile * (int64_t{2} * head + 3) + kKeyShares * score_stride();
  }
  /// Floats from one share of the scores to the next: a few more than there are, so that threads
  /// that write side by side meet different banks.
  LIGERO_KERNEL int32_t score_stride() const {
    return tile * kChunkKeys + kChunkKeys / kKeyShares;
  }

  /// Queries and keys of a block: positions in time, or bins of one row.
  struct Span {
    int32_t b;
    int32_t row;                  ///< along bins: the row
    int32_t begin, end;           ///< queries
    int32_t first_key, last_key;  ///< keys that any of them sees, last not included
  };

  LIGERO_KERNEL float* place(const View& view, const Span& s, int32_t i, int32_t channel) const {
    return along_bins ? view.at(sessions, s.b, s.row) + static_cast<int64_t>(i) * stride + channel
                      : view.at(sessions, s.b, i) + channel;
  }

  template <int kLanes_>
  LIGERO_KERNEL void operator()(const Block<kLanes_>& block) const {
    const int32_t b = block.y;
    const Part part = rows.part(sessions, b);
    if (!part.runs) {
      return;
    }
    Span s = {};
    s.b = b;
    bool inside = true;
    if (along_bins) {
      s.row = block.x / tiles - rows.revised;
      s.begin = block.x % tiles * tile;
      s.end = s.begin + tile < bins ? s.begin + tile : bins;
      s.last_key = bins;
      inside = part.has(s.row);
    } else {
      s.begin = block.x * tile - rows.revised;
      s.end = s.begin + tile < rows.frames ? s.begin + tile : rows.frames;
      s.first_key = part.begin - part.before;
      s.last_key = part.end + part.after;
      if (window > 0) {
        const int64_t start = -part.first;  // the signal's first row
        const int64_t oldest = s.begin - (window - 1);
        s.first_key = static_cast<int32_t>(oldest > start ? oldest : start);
        s.last_key = s.end < part.end ? s.end : part.end;
      }
    }
    attend(block, part, s, inside);
  }

  /// Whether query i sees key j.
  LIGERO_KERNEL bool sees(int32_t i, int32_t j) const {
    return window == 0 || (j <= i && j > i - window);
  }

  template <int kLanes_>
  LIGERO_KERNEL void attend(const Block<kLanes_>& block,
                            const Part& part,
                            const Span& s,
                            bool inside) const {
    float* q = block.shared;         // [tile][head]
    float* sum = q + tile * head;    // [tile][head]
    float* top = sum + tile * head;  // [tile]
    float* total = top + tile;
    float* shrink = total + tile;  // what a new largest score makes of the old sums
    float* score = shrink + tile;  // [kKeyShares][tile][kChunkKeys]; joined, the first
    const int32_t queries = s.end - s.begin;
    const int32_t channel = block.z * head;
    block.each(queries * head, [&](int32_t i) {
      q[i] = scale * place(query, s, s.begin + i / head, channel)[i % head];
      sum[i] = 0.0f;
    });
    block.each(queries, [&](int32_t i) {
      top[i] = -INFINITY;
      total[i] = 0.0f;
    });
    block.sync();
    for (int32_t k0 = s.first_key; inside && k0 < s.last_key; k0 += kChunkKeys) {
      const int32_t keys = s.last_key - k0 < kChunkKeys ? s.last_key - k0 : kChunkKeys;
      compare(block, s, q, k0, keys, score);
      block.each(queries, [&](int32_t i) {
        weigh(score + i * kChunkKeys, keys, top + i, total + i, shrink + i);
      });
      block.sync();
      block.each(queries * head, [&](int32_t i) {
        const int32_t at = i / head;
        float mixed = sum[i] * shrink[at];
        for (int32_t j = 0; j < keys; ++j) {
          mixed += score[at * kChunkKeys + j] * place(value, s, k0 + j, channel)[i % head];
        }
        sum[i] = mixed;
      });
      block.sync();
    }
    block.each(queries * head, [&](int32_t i) {
      const int32_t at = s.begin + i / head;
      const bool here = along_bins ? inside : part.has(at);
      place(y, s, at, channel)[i % head] = here ? sum[i] / total[i / head] : 0.0f;
    });
  }

  /// The scores of all queries with `keys` keys from k0 on.
  template <int kLanes_>
  LIGERO_KERNEL void compare(const Block<kLanes_>& block,
                             const Span& s,
                             const float* q,
                             int32_t k0,
                             int32_t keys,
                             float* score) const {
    const int32_t queries = s.end - s.begin;
    block.each(keys * kKeyShares, [&](int32_t i) {
      const int32_t share = i % kKeyShares;
      const int32_t j = i / kKeyShares;
      const float* k = place(key, s, k0 + j, block.z * head);
      float* partial = score + share * score_stride() + j;
      if (tile == 1) {
        multiply<1>(q, k, queries, share, partial);
      } else if (tile <= kTileQueries / 2) {
        multiply<kTileQueries / 2>(q, k, queries, share, partial);
      } else {
        multiply<kTileQueries>(q, k, queries, share, partial);
      }
    });
    block.sync();
    block.each(queries * keys, [&](int32_t i) {
      const int32_t at = i / keys;
      const int32_t j = i % keys;
      join(score + at * kChunkKeys + j, sees(s.begin + at, k0 + j));
    });
    block.sync();
  }

  /// A share of the products of all queries with one key: every kKeyShares-th channel. `kRows`: at
  /// least as many as there are queries; the first fills up, so that no branch parts the loads.
  template <int32_t kRows>
  LIGERO_KERNEL void multiply(
      const float* q, const float* k, int32_t queries, int32_t share, float* partial) const {
    constexpr int32_t kLoads = 4;  // under way at once
    constexpr int32_t kStep = kLoads * kKeyShares;
    int32_t row[kRows];
    float dot[kRows] = {};
    LIGERO_UNROLL
    for (int32_t at = 0; at < kRows; ++at) {
      row[at] = at < queries ? at * head : 0;
    }
    const int32_t whole = head / kStep * kStep;
    for (int32_t c = share; c < whole; c += kStep) {
      float loaded[kLoads];
      LIGERO_UNROLL
      for (int32_t i = 0; i < kLoads; ++i) {
        loaded[i] = k[c + i * kKeyShares];
      }
      LIGERO_UNROLL
      for (int32_t i = 0; i < kLoads * kRows; ++i) {
        dot[i % kRows] += q[row[i % kRows] + c + i / kRows * kKeyShares] * loaded[i / kRows];
      }
    }
    for (int32_t c = whole + share; c < head; c += kKeyShares) {
      const float loaded = k[c];
      LIGERO_UNROLL
      for (int32_t at = 0; at < kRows; ++at) {
        dot[at] += q[row[at] + c] * loaded;
      }
    }
    LIGERO_UNROLL
    for (int32_t at = 0; at < kRows; ++at) {
      if (at < queries) {
        partial[at * kChunkKeys] = dot[at];
      }
    }
  }

  /// One score from its shares, in the first one's place.
  LIGERO_KERNEL void join(float* score, bool seen) const {
    float sum = 0.0f;
    LIGERO_UNROLL
    for (int32_t share = 0; share < kKeyShares; ++share) {
      sum += score[share * score_stride()];
    }
    *score = seen ? sum : -INFINITY;
  }

  /// Scores of one query to weights, in place, against the largest score so far.
  LIGERO_KERNEL static void weigh(
      float* score, int32_t keys, float* top, float* total, float* shrink) {
    float largest = *top;
    for (int32_t j = 0; j < keys; ++j) {
      largest = score[j] > largest ? score[j] : largest;
    }
    if (largest == -INFINITY) {  // it sees none of these keys, nor of those before
      for (int32_t j = 0; j < keys; ++j) {
        score[j] = 0.0f;
      }
      *shrink = 1.0f;
      return;
    }
    *shrink = expf(*top - largest);
    float sum = *total * *shrink;
    for (int32_t j = 0; j < keys; ++j) {
      score[j] = expf(score[j] - largest);
      sum += score[j];
    }
    *top = largest;
    *total = sum;
  }
};

}  // namespace ligero::cuda

#endif  // LIGERO_PLATFORMS_CUDA_KERNELS_ATTENTION_H_
