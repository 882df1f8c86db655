// SPDX-License-Identifier: Apache-2.0
// The product of single channels: every variant against plain loops in double precision. Not: which ops
// use it (tests/ops/conv2d_test.cc).
#include "ops/kernels/depthwise/depthwise.h"

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "ops/kernels/conv/conv.h"
#include "runtime/base/cpu.h"
#include "tests/support/guard.h"
#include "tests/support/random.h"
#include "tests/support/variants.h"

using namespace ligero;
using namespace ligero::testing;

namespace {

using Floats = std::vector<float>;

struct Case {
  int channels = 16;
  int bins = 11;
  int taps_f = 3;
  int stride = 1;
  int pad = 1;
  int out_bins() const {
    return (bins + 2 * pad - taps_f) / stride + 1;
  }
};

size_t at(int a) {
  return static_cast<size_t>(a);
}

/// [taps][channels] to panels of taps [panel][taps][16].
Floats packed(const Floats& w, int taps, int channels) {
  Floats out(at((channels + kGemmPanel - 1) / kGemmPanel * taps * kGemmPanel), 0.0f);
  for (int k = 0; k < taps; ++k) {
    for (int c = 0; c < channels; ++c) {
      out[at((c / kGemmPanel * taps + k) * kGemmPanel + c % kGemmPanel)] = w[at(k * channels + c)];
    }
  }
  return out;
}

void check(const DepthwiseKernels& kernels, const Case& c, Edge edge, Random& random) {
  const Floats w = random.floats(at(c.taps_f * c.channels));
  Guarded<float> x(random.floats(at(c.bins * c.channels)), edge);
  Guarded<float> zeros(Floats(at(c.channels), 0.0f), edge);
  Guarded<float> weights(packed(w, c.taps_f, c.channels), edge);
  Guarded<float> bias(random.floats(at(c.channels)), edge);
  Guarded<float> slopes(random.floats(at(c.channels)), edge);
  Guarded<float> y(at(c.out_bins() * c.channels), edge);
  ConvProblem p;
  p.shape = kernels.shape;
  p.tile = kernels.f32;
  p.single_channels = true;
  p.weights.data = weights.data();
  p.weights.panel_stride = int64_t{1} * c.taps_f * kGemmPanel;
  p.weights.outputs = c.channels;
  p.epilogue.bias = bias.data();
  p.epilogue.slopes = slopes.data();
  p.epilogue.activation = Activation::kPrelu;
  p.rows.x = x.data();
  p.rows.bins = c.bins;
  p.rows.channels = c.channels;
  p.rows.out_bins = c.out_bins();
  p.rows.stride_f = c.stride;
  p.rows.taps_f = c.taps_f;
  p.rows.pad_f = c.pad;
  p.rows.zeros = zeros.data();
  p.output.y = y.data();
  p.output.bin_stride = c.channels;
  INFO(std::string(kernels.name), " channels ", c.channels, " taps ", c.taps_f, " pad ", c.pad);
  convolve(p, 1, nullptr);
  for (int b = 0; b < c.out_bins(); ++b) {
    for (int ch = 0; ch < c.channels; ++ch) {
      double sum = bias.data()[ch];
      double size = std::abs(sum);
      for (int k = 0; k < c.taps_f; ++k) {
        const int bin = b * c.stride + k - c.pad;
        if (bin >= 0 && bin < c.bins) {
          const double product = double{x.data()[bin * c.channels + ch]} *
                                 double{w[at(k * c.channels + ch)]};
          sum += product;
          size += std::abs(product);
        }
      }
      const double want = sum > 0 ? sum : sum * slopes.data()[ch];
      const double bound = size * (c.taps_f + 5) * std::ldexp(1.0, -24);
      CHECK(std::abs(y.data()[b * c.channels + ch] - want) <= bound);
    }
  }
  // One bin alone gives the same bits as among others.
  const Floats block = y.values();
  p.rows.out_bins = 1;
  for (int b = 0; b < c.out_bins(); ++b) {
    p.rows.pad_f = c.pad - b * c.stride;
    p.output.y = y.data() + b * c.channels;
    convolve(p, 1, nullptr);
  }
  CHECK(y.values() == block);
}

}  // namespace

TEST_CASE("depthwise: every variant, odd sizes, guard pages: loops in double precision agree") {
  Random random(19);
  for (const DepthwiseKernels* kernels : every_variant(kDepthwiseVariants)) {
    MESSAGE("variant ", std::string(kernels->name));
    for (const int channels : {1, 3, 4, 8, 15, 16, 17, 33, 48}) {
      for (const int taps : {1, 3, 5}) {
        for (const int pad : {0, 2}) {
          for (const int stride : {1, 2}) {
            for (const Edge edge : {Edge::kEnd, Edge::kStart}) {
              check(*kernels, {channels, 11, taps, stride, pad}, edge, random);
            }
          }
        }
      }
    }
  }
}
