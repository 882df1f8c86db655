// SPDX-License-Identifier: Apache-2.0
// One half of a dual-path block, forward and backward: y = z + P LSTM(scale LN(z) + shift).
//
// A unit of work is 32 sequences, the 32 rows of its products. Along time they are the bands of one
// item and the steps are frames; along the bands they are 32 successive frames and the steps are
// bands. A unit along the bands is contiguous memory and is read and written in that order.

#include <vector>

#include "bands.h"
#include "cell.h"
#include "gemm.h"
#include "norm.h"

namespace bsrnn {
namespace {

struct Half {
  long batch, frames, used, channels, hidden, directions;
  bool along_time;
  float limit;  // of |c|

  long units() const {
    return along_time ? batch : batch * frames / kRows;
  }
  long steps() const {
    return along_time ? used : kBands;
  }
  long row() const {
    return along_time ? channels : kBands * channels;
  }  // strides in z
  long step() const {
    return along_time ? kBands * channels : channels;
  }
  long first(long unit) const {
    return unit * (along_time ? frames : kRows) * kBands * channels;
  }
  // Of the maps [batch, 32, channels]: where a unit's begin, and where row r of step s reads.
  long maps(long unit) const {
    return (along_time ? unit : unit * kRows / frames) * kBands * channels;
  }
  long map(long s, long r) const {
    return (along_time ? r : s) * channels;
  }
  // Whether all steps of a sequence stay in memory: for the second direction, or to be written in
  // another order.
  bool keeps_sequence() const {
    return directions > 1 || !along_time;
  }
  long slot(long s) const {
    return (keeps_sequence() ? s : 0) * kRows * channels;
  }
};

struct Maps {
  const float *scale, *shift;
  Maps from(long at) const {
    return {scale + at, shift + at};
  }
};

void copy_rows(const bf16* from, long ld_from, bf16* to, long ld_to, long count) {
  for (int r = 0; r < kRows; r++) {
    for (long v = 0; v < count; v += 16) {
      copy16(from + r * ld_from + v, to + r * ld_to + v);
    }
  }
}

// Always inline: GCC drops the call of a function that only prefetches.
[[gnu::always_inline]] inline void prefetch_rows(const float* p, long stride, long count) {
  for (int r = 0; r < kRows; r++) {
    for (long v = 0; v < count; v += 16) {
      _mm_prefetch((const char*)(p + r * stride + v), _MM_HINT_T0);
    }
  }
}

// Frames without signal pass a half along time as they are.
void copy_unused(const Half& g, const float* from, float* to) {
  if (!g.along_time) return;
  const long frame = kBands * g.channels;
  for (long b = 0; b < g.batch; b++) {
    const long at = (b * g.frames + g.used) * frame;
    std::memcpy(to + at, from + at, (g.frames - g.used) * frame * sizeof(float));
  }
}

class Forward {
 public:
  Forward(const Half& half,
          const float* w,
          const float* bias,
          const float* out_w,
          const float* out_bias,
          bool own_states)
      : g(half),
        bias(bias),
        out_bias(out_bias),
        projection(out_w, C, 1, HD, C),
        sequence((g.keeps_sequence() ? S : 1) * kRows * C),
        gates(kRows * 4 * H),
        cells(kRows * H),
        states(own_states ? S * kRows * HD : 0),
        padded_states(kRows * projection.k_tiles * 32),
        projected((g.along_time ? 1 : S) * kRows * C) {
    for (long d = 0; d < g.directions; d++) {
      weights.emplace_back(w + d * (C + H) * 4 * H, 4 * H, 1, C + H, 4 * H);
    }
    ld_input = weights[0].k_tiles * 32;
    input = Buffer<bf16>(kRows * ld_input);
  }

  // All of one unit. kept [directions, steps, 32, 5 H], hidden [steps, 32, directions H], or null.
  void run(Maps maps, const float* z, float* y, bf16* kept, bf16* hidden) {
    if (!hidden) hidden = states;
    if (!g.along_time) read_bands(maps, z);
    for (long d = 0; d < g.directions; d++) {
      std::memset(cells, 0, kRows * H * sizeof(float));
      std::memset(input, 0, kRows * ld_input * sizeof(bf16));
      for (long q = 0; q < S; q++) {
        const long s = d ? S - 1 - q : q;
        read_step(maps, d, s, z + s * g.step());
        multiply32(input, ld_input, weights[d], gates, 4 * H, bias + d * 4 * H, 0);
        bf16* keep = kept ? kept + (d * S + s) * kRows * 5 * H : nullptr;
        cell_forward(gates,
                     H,
                     g.limit,
                     cells,
                     keep,
                     input + C,
                     ld_input,
                     hidden + s * kRows * HD + d * H,
                     HD);
        if (d == g.directions - 1) project(s, hidden + s * kRows * HD, z, y);
      }
    }
    if (!g.along_time) write_bands(z, y);
  }

 private:
  void read_bands(Maps maps, const float* z) {
    for (int r = 0; r < kRows; r++) {
      for (long s = 0; s < S; s++) {
        bf16* x = sequence + (s * kRows + r) * C;
        normalise(z + r * g.row() + s * g.step(), C, x);
        const long map = g.map(s, r);
        modulate(x, maps.scale + map, maps.shift + map, C, x);
      }
    }
  }

  // Brings step s of the normalised, modulated sequence to the first columns of `input`.
  void read_step(Maps maps, long d, long s, const float* z) {
    bf16* x = sequence + g.slot(s);
    if (!g.along_time || d > 0) return copy_rows(x, C, input, ld_input, C);
    if (s + 1 < S) prefetch_rows(z + g.step(), g.row(), C);
    for (int r = 0; r < kRows; r++) {
      const long map = g.map(s, r);
      normalise(z + r * g.row(), C, x + r * C);
      modulate(x + r * C, maps.scale + map, maps.shift + map, C, input + r * ld_input);
    }
    if (g.directions > 1) copy_rows(input, ld_input, x, C, C);
  }

  void project(long s, const bf16* h, const float* z, float* y) {
    const long ld = projection.k_tiles * 32;
    if (HD != ld) {
      copy_rows(h, HD, padded_states, ld, HD);
      h = padded_states;
    }
    float* out = projected + (g.along_time ? 0 : s) * kRows * C;
    multiply32(h, ld, projection, out, C, out_bias, 0);
    if (!g.along_time) return;
    z += s * g.step();
    y += s * g.step();
    for (long i = 0; i < kRows * C; i += 16) {
      storeu(y + i, add(loadu(z + i), load(out + i)));
    }
  }

  void write_bands(const float* z, float* y) {
    for (int r = 0; r < kRows; r++) {
      for (long s = 0; s < S; s++) {
        const long at = r * g.row() + s * g.step();
        const float* p = projected + (s * kRows + r) * C;
        for (long v = 0; v < C; v += 16) {
          const f32x16 residual = loadu(z + at + v);
          storeu(y + at + v, add(residual, load(p + v)));
        }
      }
    }
  }

  const Half g;
  const long C = g.channels, H = g.hidden, HD = H * g.directions, S = g.steps();
  const float *bias, *out_bias;
  std::vector<Packed> weights;
  Packed projection;
  long ld_input;
  Buffer<bf16> sequence;  // [steps, 32, C], modulated
  Buffer<bf16> input;     // [32, C + H]: x and h, padded to whole tiles
  Buffer<float> gates, cells;
  Buffer<bf16> states, padded_states;
  Buffer<float> projected;
};

// Of the weights; they are added to.
struct Gradients {
  float *w, *bias, *out_w, *out_bias;
};

class Backward {
 public:
  Backward(const Half& half, const float* w, const float* out_w, Gradients gradients)
      : g(half),
        grad(gradients),
        sequence((g.keeps_sequence() ? S : 1) * kRows * C),
        rates(S * kRows),
        d_sequence((g.keeps_sequence() ? S : 1) * kRows * C),
        dh(kRows * H),
        dc(kRows * H),
        d_gates(kRows * N),
        input(kRows * K),
        input_tiles(K / 16 * kColumn),
        d_gate_tiles(N / 16 * kColumn),
        state_tiles(H / 16 * kColumn),
        dy_tiles(C / 16 * kColumn) {
    for (long d = 0; d < g.directions; d++) {
      to_input.emplace_back(w + d * K * N, 1, N, N, C);
      to_state.emplace_back(w + d * K * N + C * N, 1, N, N, H);
      from_output.emplace_back(out_w + d * H * C, 1, C, C, H);
    }
    ld_dy = from_output[0].k_tiles * 32;
    dy_rounded = Buffer<bf16>((g.along_time ? 1 : S) * kRows * ld_dy);
  }

  // All of one unit; adds to d_scale and d_shift.
  void run(Maps maps,
           const float* z,
           const float* dy,
           const bf16* kept,
           const bf16* hidden,
           float* dz,
           float* d_scale,
           float* d_shift) {
    auto write_row = [&](long s, int r) {
      const long map = g.map(s, r), at = s * g.step() + r * g.row(), i = g.slot(s) + r * C;
      norm_backward(d_sequence + i,
                    sequence + i,
                    maps.scale + map,
                    rates[s * kRows + r],
                    C,
                    dy + at,
                    d_scale + map,
                    d_shift + map,
                    dz + at);
    };
    if (!g.along_time) read_bands(z, dy);
    for (long d = 0; d < g.directions; d++) {
      const bf16* kept_d = kept + d * S * kRows * 5 * H;
      std::memset(dc, 0, kRows * H * sizeof(float));
      for (long q = 0; q < S; q++) {
        const long s = d ? q : S - 1 - q;       // against the order of the forward pass
        const long before = d ? s + 1 : s - 1;  // the step that came before it there
        const bool first = q == S - 1;
        if (!first) prefetch(d, before, z, dy, kept_d);
        read_step(maps, d, s, z + s * g.step(), dy + s * g.step());
        if (first) {
          for (int r = 0; r < kRows; r++) std::memset(input + r * K + C, 0, H * sizeof(bf16));
        } else {
          copy_rows(hidden + before * kRows * HD + d * H, HD, input + C, K, H);
        }
        const bf16* kept_s = kept_d + s * kRows * 5 * H;
        const bf16* kept_before = first ? nullptr : kept_d + before * kRows * 5 * H;
        cell_step(d, s, q > 0, kept_s, kept_before);
        collect(d, s, hidden + s * kRows * HD + d * H, first);
        if (g.along_time && d == g.directions - 1) {
          for (int r = 0; r < kRows; r++) write_row(s, r);
        }
      }
    }
    if (g.along_time) return;
    for (int r = 0; r < kRows; r++) {
      for (long s = 0; s < S; s++) write_row(s, r);
    }
  }

 private:
  void read_bands(const float* z, const float* dy) {
    for (int r = 0; r < kRows; r++) {
      for (long s = 0; s < S; s++) {
        const long at = r * g.row() + s * g.step(), i = s * kRows + r;
        rates[i] = normalise(z + at, C, sequence + i * C);
        for (long v = 0; v < C; v += 16) {
          const f32x16 d = loadu(dy + at + v);
          store_bf16(dy_rounded + i * ld_dy + v, d);
          add_to(grad.out_bias + v, d);
        }
      }
    }
  }

  [[gnu::always_inline]] void prefetch(
      long d, long before, const float* z, const float* dy, const bf16* kept) {
    if (g.along_time && d == 0) prefetch_rows(z + before * g.step(), g.row(), C);
    if (g.along_time) prefetch_rows(dy + before * g.step(), g.row(), C);
    const char* p = (const char*)(kept + before * kRows * 5 * H);
    for (long k = 0; k < kRows * 5 * H * 2; k += 64) _mm_prefetch(p + k, _MM_HINT_T1);
  }

  // The first columns of `input`, and dy in bf16; z and dy are of this step.
  void read_step(Maps maps, long d, long s, const float* z, const float* dy) {
    bf16* x = sequence + g.slot(s);
    for (int r = 0; r < kRows; r++) {
      if (g.along_time && d == 0) {
        rates[s * kRows + r] = normalise(z + r * g.row(), C, x + r * C);
      }
      const long map = g.map(s, r);
      modulate(x + r * C, maps.scale + map, maps.shift + map, C, input + r * K);
    }
    if (!g.along_time) return;
    for (long v = 0; v < C; v += 16) {
      f32x16 sum = zero();
      for (int r = 0; r < kRows; r++) {
        const f32x16 a = loadu(dy + r * g.row() + v);
        sum = add(sum, a);
        store_bf16(dy_rounded + r * ld_dy + v, a);
      }
      if (d == 0) add_to(grad.out_bias + v, sum);
    }
  }

  const bf16* dy_of(long s) const {
    return dy_rounded + (g.along_time ? 0 : s) * kRows * ld_dy;
  }

  // From dy to the gates of this step, and from them to its input. d_gates is of the step after
  // before, and of this step behind.
  void cell_step(long d, long s, bool has_after, const bf16* kept, const bf16* before) {
    multiply32(dy_of(s), ld_dy, from_output[d], dh, H, nullptr, 0);
    if (has_after) multiply32(d_gates, N, to_state[d], dh, H, dh, H);
    cell_backward(H, g.limit, kept, before, dh, dc, d_gates, grad.bias + d * N);
    float* dx = d_sequence + g.slot(s);
    multiply32(d_gates, N, to_input[d], dx, C, d ? dx : nullptr, C);
  }

  // Gradients of the weights are products over the rows of several steps.
  void collect(long d, long s, const bf16* h, bool last) {
    left_tiles(input, K, K / 16, input_tiles + chunk * kTile, kColumn);
    right_tiles(d_gates, N, N / 16, d_gate_tiles + chunk * kTile, kColumn);
    left_tiles(h, HD, H / 16, state_tiles + chunk * kTile, kColumn);
    right_tiles(dy_of(s), ld_dy, C / 16, dy_tiles + chunk * kTile, kColumn);
    if (++chunk < kChunks && !last) return;
    add_products(input_tiles, K / 16, d_gate_tiles, N / 16, chunk, kChunks, grad.w + d * K * N, N);
    add_products(state_tiles, H / 16, dy_tiles, C / 16, chunk, kChunks, grad.out_w + d * H * C, C);
    chunk = 0;
  }

  static constexpr int kChunks = 8;
  static constexpr long kColumn = kChunks * kTile;

  const Half g;
  const long C = g.channels, H = g.hidden, K = C + H, N = 4 * H, HD = H * g.directions;
  const long S = g.steps();
  const Gradients grad;
  // Transposed weights of each direction: gates to inputs, gates to states, outputs to states.
  std::vector<Packed> to_input, to_state, from_output;
  long ld_dy;
  Buffer<bf16> sequence;  // [steps, 32, C], normalised
  Buffer<float> rates, d_sequence;
  Buffer<bf16> dy_rounded;
  Buffer<float> dh, dc;
  Buffer<bf16> d_gates, input, input_tiles, d_gate_tiles, state_tiles, dy_tiles;
  int chunk = 0;
};

}  // namespace

// z, y [batch, frames, 32, C]; scale, shift [batch, 32, C]; w [directions, C + H, 4 H];
// bias [directions, 4 H]; out_w [directions H, C]; out_bias [C].
// used: frames with signal, for a half along time. C, H: multiples of 16; H at most 64; frames: a
// multiple of 32; limit: of |c|, infinite for none. kept [units, directions, steps, 32, 5 H],
// hidden_states [units, steps, 32, directions H]: for the way back, both null where there is none.
extern "C" void half_forward(long batch,
                             long frames,
                             long used,
                             long channels,
                             long hidden,
                             long directions,
                             long along_time,
                             float limit,
                             const float* z,
                             const float* scale,
                             const float* shift,
                             const float* w,
                             const float* bias,
                             const float* out_w,
                             const float* out_bias,
                             float* y,
                             bf16* kept,
                             bf16* hidden_states) {
  const FlushDenormals flush;
  const Tiles tiles;
  const Half g{batch, frames, used, channels, hidden, directions, along_time != 0, limit};
  Forward forward(g, w, bias, out_w, out_bias, !hidden_states);
  const Maps maps{scale, shift};
  const long of_unit = g.steps() * kRows * directions * hidden;
  for (long u = 0; u < g.units(); u++) {
    forward.run(maps.from(g.maps(u)),
                z + g.first(u),
                y + g.first(u),
                kept ? kept + u * of_unit * 5 : nullptr,
                hidden_states ? hidden_states + u * of_unit : nullptr);
  }
  copy_unused(g, z, y);
}

// dz like z; d_scale, d_shift, dw, d_bias, d_out_w, d_out_bias like what they are gradients of, and
// zero at the start.
extern "C" void half_backward(long batch,
                              long frames,
                              long used,
                              long channels,
                              long hidden,
                              long directions,
                              long along_time,
                              float limit,
                              const float* dy,
                              const float* z,
                              const float* scale,
                              const float* shift,
                              const float* w,
                              const float* out_w,
                              const bf16* kept,
                              const bf16* hidden_states,
                              float* dz,
                              float* d_scale,
                              float* d_shift,
                              float* dw,
                              float* d_bias,
                              float* d_out_w,
                              float* d_out_bias) {
  const FlushDenormals flush;
  const Tiles tiles;
  const Half g{batch, frames, used, channels, hidden, directions, along_time != 0, limit};
  Backward backward(g, w, out_w, {dw, d_bias, d_out_w, d_out_bias});
  const Maps maps{scale, shift};
  const long of_unit = g.steps() * kRows * directions * hidden;
  for (long u = 0; u < g.units(); u++) {
    const long at = g.first(u), map = g.maps(u);
    backward.run(maps.from(map),
                 z + at,
                 dy + at,
                 kept + u * of_unit * 5,
                 hidden_states + u * of_unit,
                 dz + at,
                 d_scale + map,
                 d_shift + map);
  }
  copy_unused(g, dy, dz);
}

}  // namespace bsrnn
