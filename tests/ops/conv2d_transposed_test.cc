// SPDX-License-Identifier: Apache-2.0
// conv2d_transposed against the scattering definition. Not: the product.
#include <doctest/doctest.h>

#include "tests/ops/products_oracle.h"
#include "tests/support/close.h"
#include "tests/support/op_harness.h"
#include "tests/support/random.h"
#include "tests/support/threads.h"

using namespace ligero;
using namespace ligero::testing;

namespace {

struct Conv {
  int frames = 20;  // as many as have edges apart
  int bins = 5;
  int channels = 7;
  int outputs = 18;
  int kernel_t = 1;
  int kernel_f = 3;
  int stride_f = 2;
  int out_pad = 0;
  int past = 0;
  int pad = 0;
  int groups = 1;

  int out_bins() const {
    return (bins - 1) * stride_f + kernel_f + out_pad - 2 * pad;
  }
  int inner() const {
    return kernel_t * kernel_f * channels;
  }
};

size_t at(const Conv& c, int i, int k, int ch, int o) {
  return static_cast<size_t>(((i * c.kernel_f + k) * c.channels + ch) * (c.outputs / c.groups) + o);
}

/// Every input bin adds its kernel to the output, a group's channels to its outputs: w is [kernel_t,
/// kernel_f, channels, outputs of a group].
Doubles oracle(const Conv& c, const Floats& x, const Floats& w, const Epilogue& e) {
  Doubles y(static_cast<size_t>(c.frames * c.out_bins() * c.outputs), 0.0);
  const int outputs = c.outputs / c.groups;
  const auto add = [&](int t, int i, int b, int k) {
    const int frame = t + i - c.past;
    const int bin = b * c.stride_f + k - c.pad;
    if (frame < 0 || frame >= c.frames || bin < 0 || bin >= c.out_bins()) {
      return;
    }
    for (int ch = 0; ch < c.channels; ++ch) {
      const double from = x[static_cast<size_t>((frame * c.bins + b) * c.channels + ch)];
      const int first = ch / (c.channels / c.groups) * outputs;
      for (int o = 0; o < outputs; ++o) {
        const int to = (t * c.out_bins() + bin) * c.outputs + first + o;
        y[static_cast<size_t>(to)] += from * static_cast<double>(w[at(c, i, k, ch, o)]);
      }
    }
  };
  for (int t = 0; t < c.frames; ++t) {
    for (int i = 0; i < c.kernel_t; ++i) {
      for (int b = 0; b < c.bins; ++b) {
        for (int k = 0; k < c.kernel_f; ++k) {
          add(t, i, b, k);
        }
      }
    }
  }
  for (size_t n = 0; n < y.size(); ++n) {
    y[n] = finish(e, n % static_cast<size_t>(c.outputs), y[n]);
  }
  return y;
}

/// The stacked matrix of the op: by group, then phase, time, taps in descending order, channel.
Floats stacked(const Conv& c, const Floats& w) {
  Floats m;
  const int channels = c.channels / c.groups;
  const auto add = [&](int i, int k, int group) {
    for (int ch = group * channels; ch < (group + 1) * channels; ++ch) {
      for (int o = 0; o < c.outputs / c.groups; ++o) {
        m.push_back(w[at(c, i, k, ch, o)]);
      }
    }
  };
  for (int group = 0; group < c.groups; ++group) {
    for (int phase = 0; phase < c.stride_f; ++phase) {
      for (int i = 0; i < c.kernel_t; ++i) {
        for (int k = c.kernel_f - 1; k >= 0; --k) {
          if (k % c.stride_f == phase) {
            add(i, k, group);
          }
        }
      }
    }
  }
  return m;
}

void check(const Conv& c, Type type = Type::kF32) {
  Random random(static_cast<uint64_t>(c.inner() * 31 + c.stride_f));
  const Floats x = random.floats(static_cast<size_t>(c.frames * c.bins * c.channels));
  const int outputs = c.outputs / c.groups;
  const Floats w = random.floats(static_cast<size_t>(c.inner() * outputs));
  Epilogue e;
  e.bias = random.floats(static_cast<size_t>(c.outputs));
  e.scale = random.floats(static_cast<size_t>(c.outputs));
  e.activation = 6;
  OpHarness h("conv2d_transposed");
  h.sequence(c.bins, c.channels, x).panels(c.inner(), outputs, stacked(c, w), type);
  h.weight({c.outputs}, e.bias).absent().weight({c.outputs}, e.scale);
  h.ints("kernel_t", {c.kernel_t}).ints("kernel_f", {c.kernel_f}).ints("stride_f", {c.stride_f});
  h.ints("out_pad_f", {c.out_pad}).ints("past", {c.past}).ints("pad_f", {c.pad});
  h.ints("groups", {c.groups});
  h.ints("future", {c.kernel_t - 1 - c.past}).ints("activation", {6});
  INFO("kernel ", c.kernel_t, "x", c.kernel_f, " stride ", c.stride_f, " out_pad ", c.out_pad, " pad ", c.pad,
       " groups ", c.groups);
  const Floats whole = h.run();
  CHECK(difference(whole, oracle(c, x, w, e), type == Type::kF32 ? 2e-6 : 2e-3) == "");
  CHECK(h.run(1) == whole);
  CHECK(h.run(4) == whole);
  Threads threads(3);
  CHECK(h.pool(&threads).run() == whole);
  CHECK(h.inference().macs ==
        int64_t{1} * c.channels * outputs * c.kernel_t * c.kernel_f * c.bins);
}

}  // namespace

TEST_CASE("conv2d_transposed: every phase matches the scattering definition") {
  for (int kernel_t : {1, 3}) {
    for (int kernel_f : {1, 2, 3, 4, 5}) {
      for (int stride : {1, 2, 3}) {
        Conv c;
        c.kernel_t = kernel_t;
        c.kernel_f = kernel_f;
        c.stride_f = stride;
        for (c.past = 0; c.past < kernel_t; ++c.past) {
          check(c);
        }
        c.past = kernel_t - 1;
        c.out_pad = 1;
        check(c);
        c.out_pad = stride;
        check(c, Type::kF16);
      }
    }
  }
}

TEST_CASE("conv2d_transposed: bins left out at the ends, channels in groups") {
  for (const int groups : {1, 2, 6}) {
    for (const int stride : {1, 2, 3}) {
      for (const int kernel_f : {1, 2, 5}) {
        for (const int pad : {0, 1, 2, 4, 5}) {
          for (const int frames : {3, 20}) {
            Conv c;
            c.frames = frames;
            c.channels = 12;
            c.outputs = 18;
            c.groups = groups;
            c.stride_f = stride;
            c.kernel_f = kernel_f;
            c.pad = pad;
            c.out_pad = stride - 1;
            c.kernel_t = 2;
            if (c.out_bins() >= 1) {
              check(c);
            }
          }
        }
      }
    }
  }
  Conv c;  // GTCRN's
  c.bins = 33;
  c.channels = c.outputs = 16;
  c.groups = 2;
  c.kernel_f = 5;
  c.pad = 2;
  check(c);
  check(c, Type::kF16);
}

TEST_CASE("conv2d_transposed: a single bin, many channels") {
  Conv c;
  c.bins = 1;
  c.channels = 64;
  c.kernel_t = 3;
  c.past = 1;
  check(c);
  c.kernel_f = 5;
  c.stride_f = 1;
  check(c);
}

TEST_CASE("conv2d_transposed: what does not fit together is refused") {
  Random random(5);
  const auto refusal = [&](const char* name, int value) {
    const Conv c;
    OpHarness h("conv2d_transposed");
    h.sequence(c.bins, c.channels, random.floats(static_cast<size_t>(c.bins * c.channels)));
    h.panels(c.inner(), c.outputs, random.floats(static_cast<size_t>(c.inner() * c.outputs)));
    h.ints("kernel_t", {c.kernel_t}).ints("kernel_f", {c.kernel_f}).ints("stride_f", {c.stride_f});
    if (name != nullptr) {
      h.ints(name, {value});
    }
    return h.infer().code;
  };
  CHECK(refusal(nullptr, 0) == Code::kOk);
  CHECK(refusal("kernel_t", 2) == Code::kBadModel);
  CHECK(refusal("kernel_f", 0) == Code::kBadModel);
  CHECK(refusal("kernel_f", 4) == Code::kBadModel);
  CHECK(refusal("stride_f", 0) == Code::kBadModel);
  CHECK(refusal("stride_f", 1 << 30) == Code::kBadModel);
  CHECK(refusal("out_pad_f", -1) == Code::kBadModel);
  CHECK(refusal("past", 1) == Code::kBadModel);
  CHECK(refusal("pad_f", -1) == Code::kBadModel);
  CHECK(refusal("pad_f", 5) == Code::kOk);  // leaves one bin of 11
  CHECK(refusal("pad_f", 6) == Code::kBadModel);
  CHECK(refusal("groups", 0) == Code::kBadModel);
  CHECK(refusal("groups", 2) == Code::kBadModel);
  CHECK(refusal("activation", 9) == Code::kBadModel);
}
