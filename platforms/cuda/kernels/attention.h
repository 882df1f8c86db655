// Attention in one kernel: scores, softmax and the weighted sum, a chunk of keys after another, so
// that no matrix of scores is ever written. Not: projections, which are products.
#ifndef LIGERO_PLATFORMS_CUDA_KERNELS_ATTENTION_H_
#define LIGERO_PLATFORMS_CUDA_KERNELS_ATTENTION_H_

#include "platforms/cuda/kernels/views.h"

namespace ligero::cuda {

/// Queries that share one walk over the keys, and keys of a chunk.
inline constexpr int32_t kTileQueries = 8;
inline constexpr int32_t kChunkKeys = 32;

/// Grid (query tiles [* rows, along bins], sessions, heads); shared: kTileQueries * (2 head +
/// kChunkKeys + 3).
struct Attention {
  static constexpr int kLanes = 256;
  static constexpr int kLeastBlocks = 2;  ///< left alone the compiler spills registers for a fifth
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
    float* q = block.shared;                 // [tile][head]
    float* sum = q + tile * head;            // [tile][head]
    float* score = sum + tile * head;        // [tile][kChunkKeys]
    float* top = score + tile * kChunkKeys;  // [tile]
    float* total = top + tile;
    float* shrink = total + tile;  // what a new largest score makes of the old sums
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
      block.each(queries * keys, [&](int32_t i) {
        const int32_t at = i / keys;
        const int32_t j = i % keys;
        score[at * kChunkKeys + j] = sees(s.begin + at, k0 + j)
                                         ? dot(q + at * head, place(key, s, k0 + j, channel))
                                         : -INFINITY;
      });
      block.sync();
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

  LIGERO_KERNEL float dot(const float* a, const float* b) const {
    float sum = 0.0f;
    for (int32_t c = 0; c < head; ++c) {
      sum += a[c] * b[c];
    }
    return sum;
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
