// SPDX-License-Identifier: Apache-2.0
// Convolutions by Winograd's minimal filtering against plain loops in double precision, and the
// transforms' variants against the specification. Not: which ops use it (tests/ops/conv2d_test.cc).
#include "ops/kernels/winograd/winograd.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "runtime/base/cpu.h"
#include "tests/support/guard.h"
#include "tests/support/panels.h"
#include "tests/support/random.h"
#include "tests/support/threads.h"
#include "tests/support/variants.h"

using namespace ligero;
using namespace ligero::testing;

namespace {

using Floats = std::vector<float>;

struct Case {
  int taps_f = 5;
  int taps_t = 1;
  int dilation = 1;
  int frames = 3;
  int bins = 21;
  int pad = 2;
  int channels = 32;
  int outputs = 48;
  bool half = false;
  bool map = false;

  int out_bins() const {
    return bins + 2 * pad - taps_f + 1;
  }
  int past() const {
    return (taps_t - 1) * dilation;
  }
  int inner() const {
    return taps_t * taps_f * channels;
  }
};

size_t at(int a) {
  return static_cast<size_t>(a);
}

/// All operands of a case, the input with `past` frames before frame 0, against guard pages.
struct Operands {
  Operands(const Case& c, Edge edge, Random& random)
      : w_values(random.floats(at(c.inner() * c.outputs))),
        zeros_values(at(c.channels), 0.0f),
        x(random.floats(at((c.past() + c.frames) * c.bins * c.channels)), edge),
        zeros(zeros_values, edge),
        bias(random.floats(at(c.outputs)), edge),
        slopes(random.floats(at(c.outputs)), edge),
        map(random.floats(at(c.taps_t * c.out_bins() * c.outputs)), edge),
        y(at(c.frames * c.out_bins() * c.outputs), edge),
        w(pack_panels(w_values, c.inner(), c.outputs), edge),
        w_half(to_halves(pack_panels(w_values, c.inner(), c.outputs)), edge) {
    if (c.half) {
      w_values = rounded_to_half(w_values);
    }
  }
  Floats w_values, zeros_values;
  Guarded<float> x, zeros, bias, slopes, map, y, w;
  Guarded<uint16_t> w_half;
};

ConvProblem problem(const GemmKernels& kernels, const Case& c, Operands& o) {
  ConvProblem p;
  p.shape = kernels.shape;
  p.tile = c.half ? kernels.f16 : kernels.f32;
  p.weight_bytes = c.half ? 2 : 4;
  p.weights.data = c.half ? static_cast<const void*>(o.w_half.data()) : o.w.data();
  p.weights.panel_stride = int64_t{c.inner()} * kGemmPanel;
  p.weights.outputs = c.outputs;
  p.epilogue.bias = o.bias.data();
  p.epilogue.slopes = o.slopes.data();
  p.epilogue.activation = Activation::kPrelu;
  p.rows.x = o.x.data() + c.past() * c.bins * c.channels;
  p.rows.frame_stride = int64_t{c.bins} * c.channels;
  p.rows.bins = c.bins;
  p.rows.channels = c.channels;
  p.rows.out_bins = c.out_bins();
  p.rows.taps_t = c.taps_t;
  p.rows.dilation_t = c.dilation;
  p.rows.past = c.past();
  p.rows.taps_f = c.taps_f;
  p.rows.pad_f = c.pad;
  p.rows.zeros = o.zeros.data();
  p.output.y = o.y.data();
  p.output.bin_stride = c.outputs;
  p.output.frame_stride = int64_t{c.out_bins()} * c.outputs;
  if (c.map) {
    p.add = {.data = o.map.data(),
             .taps = c.taps_t,
             .bin_stride = c.outputs,
             .tap_stride = p.output.frame_stride,
             .dilation = c.dilation,
             .past = c.past()};
    p.add.total_frames = c.frames;
  }
  return p;
}

/// Of one output the value, and what its error is measured by: the sum of the magnitudes that go
/// into it, if each weight met the largest value that its channel has among the group's bins.
struct Wanted {
  double value = 0;
  double size = 0;

  void add(double term) {
    value += term;
    size += std::fabs(term);
  }
};

/// Channel ch of a bin, zero outside.
double value_at(const Case& c, const Floats& x, int frame, int bin, int ch) {
  const bool inside = bin >= 0 && bin < c.bins;
  return inside ? static_cast<double>(x[at((frame * c.bins + bin) * c.channels + ch)]) : 0.0;
}

/// The largest magnitude of a channel among the bins that the group of output b takes.
double group_largest(const Case& c, const Floats& x, int frame, int b, int ch) {
  const int group = kWinogradPoints + 1 - c.taps_f;
  double largest = 0;
  for (int k = 0; k < kWinogradPoints; ++k) {
    const int bin = b / group * group - c.pad + k;
    largest = std::fmax(largest, std::fabs(value_at(c, x, frame, bin, ch)));
  }
  return largest;
}

Wanted wanted(
    const Case& c, const Floats& x, const Floats& map, const Floats& w, int t, int b, int o) {
  Wanted sum;
  for (int i = 0; i < c.taps_t; ++i) {
    const int frame = t + i * c.dilation;
    for (int ch = 0; ch < c.channels; ++ch) {
      const double largest = group_largest(c, x, frame, b, ch);
      for (int j = 0; j < c.taps_f; ++j) {
        const size_t k = at(((i * c.taps_f + j) * c.channels + ch) * c.outputs + o);
        sum.value += value_at(c, x, frame, b + j - c.pad, ch) * static_cast<double>(w[k]);
        sum.size += largest * std::fabs(static_cast<double>(w[k]));
      }
    }
    if (c.map && frame >= c.past()) {
      sum.add(static_cast<double>(map[at((i * c.out_bins() + b) * c.outputs + o)]));
    }
  }
  return sum;
}

std::string described(const Case& c, const char* name) {
  return std::string(name) + " " + std::to_string(c.taps_t) + "x" + std::to_string(c.taps_f) +
         " dilation " + std::to_string(c.dilation) + " frames " + std::to_string(c.frames) +
         " bins " + std::to_string(c.bins) + " pad " + std::to_string(c.pad) + " channels " +
         std::to_string(c.channels) + " outputs " + std::to_string(c.outputs) +
         (c.half ? " half" : "") + (c.map ? " map" : "");
}

/// A variant's transforms with the product of the same set.
struct Both {
  std::vector<const WinogradKernels*> transforms = every_variant(kWinogradVariants);
  std::vector<const GemmKernels*> products = every_variant(kGemmVariants);
  size_t count = transforms.size();

  Both() {
    REQUIRE(products.size() == count);
  }
};

/// Runs a problem whose weights are transformed here, on scratch of the size that it asks for.
struct Ready {
  Ready(const WinogradKernels& kernels, const GemmKernels& products, ConvProblem p, int frames)
      : data(winograd_data_bytes(p) / sizeof(float), Edge::kEnd),
        scratch(winograd_scratch_bytes(p, frames) / sizeof(float), Edge::kEnd),
        problem(p) {
    transformed = make_winograd(p, cpu_features(), data.data());
    transformed->kernels = &kernels;
    transformed->tile = products.f32;
    problem.scratch = scratch.data();
  }
  Guarded<float> data, scratch;
  Winograd* transformed;
  ConvProblem problem;
};

/// `limit`: of the bound that winograd.h states. Values as they come stay far below it.
void check(const Both& both, size_t variant, const Case& c, Operands& o, double limit = 0.03) {
  INFO(described(c, both.transforms[variant]->name));
  const ConvProblem plain = problem(*both.products[variant], c, o);
  Ready ready(*both.transforms[variant], *both.products[variant], plain, c.frames);
  winograd(*ready.transformed, ready.problem, c.frames, nullptr);
  const Floats got = o.y.values();
  const Floats x = o.x.values();
  const Floats map = o.map.values();
  double worst = 0;
  for (int t = 0; t < c.frames; ++t) {
    for (int b = 0; b < c.out_bins(); ++b) {
      for (int k = 0; k < c.outputs; ++k) {
        Wanted want = wanted(c, x, map, o.w_values, t, b, k);
        want.add(static_cast<double>(o.bias.values()[at(k)]));
        const double slope = want.value > 0 ? 1.0 : static_cast<double>(o.slopes.values()[at(k)]);
        const double bound = 40 * (c.taps_t * c.channels + 16) * std::ldexp(want.size, -24);
        const double off = static_cast<double>(got[at((t * c.out_bins() + b) * c.outputs + k)]) -
                           want.value * slope;
        worst = std::fmax(worst, std::fabs(off) / bound);
      }
    }
  }
  CHECK(worst < limit);
  // A frame alone gives the same bits as in a block.
  ConvProblem one = ready.problem;
  for (int t = 0; t < c.frames; ++t) {
    one.rows.x = plain.rows.x + t * plain.rows.frame_stride;
    one.output.y = plain.output.y + t * plain.output.frame_stride;
    one.add.first_frame = t;
    winograd(*ready.transformed, one, 1, nullptr);
  }
  CHECK(o.y.values() == got);
}

void check(const Both& both, size_t variant, const Case& c, Edge edge, Random& random) {
  Operands o(c, edge, random);
  check(both, variant, c, o);
}

}  // namespace

TEST_CASE("winograd: every variant and number of taps, odd sizes: plain loops in double agree") {
  const Both both;
  Random random(31);
  for (size_t v = 0; v < both.count; ++v) {
    MESSAGE("variant ", std::string(both.transforms[v]->name));
    for (int taps : {3, 4, 5, 6, 7}) {
      for (int bins : {8, 13, 24}) {
        for (int pad : {0, 2, 9}) {
          Case c;
          c.taps_f = taps;
          c.bins = bins + taps;
          c.pad = pad;
          c.half = bins == 13;
          check(both, v, c, Edge::kEnd, random);
          check(both, v, c, Edge::kStart, random);
        }
      }
    }
  }
}

TEST_CASE("winograd: the error of all channels alike, which adds up, stays within the bound") {
  const Both both;
  Random random(36);
  for (int taps : {3, 4, 5, 7}) {
    Case c;
    c.taps_f = taps;
    c.bins = 600;
    for (int tap = 0; tap < taps; ++tap) {
      Operands o(c, Edge::kEnd, random);
      for (int n = 0; n < c.frames * c.bins; ++n) {
        std::fill_n(o.x.data() + n * c.channels, c.channels, o.x.data()[n * c.channels]);
      }
      for (size_t k = 0; k < o.w_values.size(); ++k) {
        const auto row = static_cast<int>(k) / c.outputs;
        o.w_values[k] = row / c.channels == tap ? 1.0f : 0.0f;
      }
      const Floats packed = pack_panels(o.w_values, c.inner(), c.outputs);
      std::copy(packed.begin(), packed.end(), o.w.data());
      check(both, 0, c, o, 1.0);
    }
  }
}

TEST_CASE("winograd: taps in time, apart too, with a map, in chunks") {
  const Both both;
  Random random(32);
  for (size_t v = 0; v < both.count; ++v) {
    for (int dilation : {1, 2, 5}) {
      Case c;
      c.taps_t = 3;
      c.dilation = dilation;
      for (int frames : {1, 4, 9}) {
        c.frames = frames;
        c.map = !c.map;
        check(both, v, c, Edge::kEnd, random);
      }
    }
  }
  Case c;  // more frames than are transformed at once
  c.taps_t = 2;
  c.dilation = 2;
  c.frames = 151;
  c.channels = 64;
  c.outputs = 64;
  check(both, 0, c, Edge::kEnd, random);
  Operands o(c, Edge::kEnd, random);
  const ConvProblem p = problem(*both.products[0], c, o);
  CHECK(winograd_scratch_bytes(p, 1 << 20) <= 3 << 19);
  CHECK(winograd_scratch_bytes(p, c.frames) == winograd_scratch_bytes(p, 1 << 20));
}

TEST_CASE("winograd: the outputs of equal bins are equal, silence is the bias") {
  const Both both;
  Random random(33);
  for (size_t v = 0; v < both.count; ++v) {
    Case c;
    Operands o(c, Edge::kEnd, random);
    std::memset(o.x.data(), 0, o.x.values().size() * sizeof(float));
    ConvProblem p = problem(*both.products[v], c, o);
    p.epilogue.activation = Activation::kNone;
    Ready ready(*both.transforms[v], *both.products[v], p, c.frames);
    winograd(*ready.transformed, ready.problem, c.frames, nullptr);
    const Floats y = o.y.values();
    size_t wrong = 0;
    for (size_t i = 0; i < y.size(); ++i) {
      wrong += y[i] != o.bias.values()[i % at(c.outputs)] ? 1 : 0;
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("winograd: threads change no bit") {
  const Both both;
  Random random(34);
  Case c;
  c.taps_t = 5;
  c.dilation = 2;
  c.frames = 20;
  c.channels = 64;
  c.outputs = 64;
  c.map = true;
  Operands o(c, Edge::kEnd, random);
  Ready ready(*both.transforms[0], *both.products[0], problem(*both.products[0], c, o), c.frames);
  winograd(*ready.transformed, ready.problem, c.frames, nullptr);
  const Floats alone = o.y.values();
  Threads threads(3);
  winograd(*ready.transformed, ready.problem, c.frames, &threads);
  CHECK(o.y.values() == alone);
  CHECK(threads.runs() > 0);
}

TEST_CASE("winograd: serves what it can and what pays, nothing else") {
  const Both both;
  Random random(35);
  Case c;
  c.bins = 64;
  Operands o(c, Edge::kEnd, random);
  const ConvProblem fit = problem(*both.products[0], c, o);
  CHECK(winograd_serves(fit) == (kVectorIsas > 0));
  const auto serves = [&](auto change) {
    ConvProblem p = fit;
    change(p);
    return winograd_serves(p);
  };
  const GemmQ8Kernels& q8 = kGemmQ8Variants.best(cpu_features());
  CHECK_FALSE(serves([&](ConvProblem& p) { p.q8 = &q8; }));
  CHECK_FALSE(serves([](ConvProblem& p) { p.rows.stride_f = 2; }));
  CHECK_FALSE(serves([](ConvProblem& p) { p.rows.dilation_f = 2; }));
  CHECK_FALSE(serves([](ConvProblem& p) { p.rows.mirror_frames = 1; }));
  CHECK_FALSE(serves([](ConvProblem& p) { p.rows.taps_f = 2; }));
  CHECK_FALSE(serves([](ConvProblem& p) { p.rows.taps_f = 8; }));
  CHECK_FALSE(serves([](ConvProblem& p) { p.rows.channels = 16; }));
  CHECK_FALSE(serves([](ConvProblem& p) { p.rows.channels = 40; }));
  CHECK_FALSE(serves([](ConvProblem& p) { p.weights.outputs = 16; }));
  CHECK_FALSE(serves([](ConvProblem& p) { p.weights.outputs = 40; }));
  CHECK_FALSE(serves([](ConvProblem& p) { p.rows.out_bins = 63; }));
}
