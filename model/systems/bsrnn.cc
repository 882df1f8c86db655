// SPDX-License-Identifier: Apache-2.0
// BSRNN (Luo and Yu 2023) with a local-global speaker, as in nets/bsrnn.py: within a frame the
// bands talk to each other through one two-way LSTM, over time each band goes its own way through
// one LSTM whose weights all bands share. A profile holds maps of the speaker. Not: what all
// systems share (extraction.cc).
#include <string>
#include <utility>

#include "model/systems/extraction.h"
#include "model/systems/recurrent.h"
#include "ops/options.h"

namespace ligero {
namespace {

constexpr int kFrameSamples = 512;
constexpr int kBins = kFrameSamples / 2 + 1;

// Groups of equally wide bands. They hold all bins but the last, which is silent in the output.
struct Group {
  int bands;
  int width;
  int first_band;
  int first_bin;
};
constexpr Group kGroups[] = {{16, 4, 0, 0}, {8, 8, 16, 64}, {8, 16, 24, 128}};
constexpr int kBands = 32;

/// Whether each bin but the last, and each band, lies in one group.
constexpr bool groups_are_a_partition() {
  int band = 0;
  int bin = 0;
  for (const Group& group : kGroups) {
    if (group.first_band != band || group.first_bin != bin) {
      return false;
    }
    band += group.bands;
    bin += group.bands * group.width;
  }
  return band == kBands && bin == kBins - 1;
}
static_assert(groups_are_a_partition(), "bands overlap or leave bins out");

constexpr int kFrames = 3;    // that the encoder sees: t - 2, t - 1, t
constexpr int kPlanes = 7;    // its features: re, im, magnitude of t, re, im of t - 1, of t - 2
constexpr int kChannels = 4;  // of a bin of a frame in the graph: re, im, magnitude, nothing
constexpr int kTaps = 5;      // frames of the deep filter
constexpr int kTapChannels = 2 * kTaps;

struct BsrnnOptions : ExtractionOptions {
  int channels = 48;
  int time_hidden = 48;
  int band_hidden = 32;
  int blocks = 8;
  int speaker = 64;
  int decoder_hidden = 96;
  double cell_limit = 0.0;
  int activity = 0;  ///< hidden values of the network for the activity; 0: there is none
};

BsrnnOptions read_options(Options& options) {
  constexpr double kMostLimit = 1e6;
  ExtractionTraits traits{{"lgr", "local", "global"}, 0.3, false};
  traits.window_samples = kFrameSamples;
  traits.magnitude = true;
  traits.level = "window";
  BsrnnOptions o{read_extraction_options(options, traits)};
  o.channels = options.integer("channels", o.channels, {1, 4096});
  o.time_hidden = options.integer("time_hidden", o.time_hidden, {1, 4096});
  o.band_hidden = options.integer("band_hidden", o.band_hidden, {1, 4096});
  o.blocks = options.integer("blocks", o.blocks, {1, 64});
  o.speaker = options.integer("speaker", o.speaker, {1, 4096});
  o.decoder_hidden = options.integer("decoder_hidden", o.decoder_hidden, {1, 4096});
  o.cell_limit = options.number("cell_limit", o.cell_limit, 0.0, kMostLimit);
  o.activity = options.integer("activity", o.activity, {0, 4096});
  options.finish();
  if (o.normalise_embedding) {
    options.fail("normalise_embedding", "true", "false: this system has no use for it");
  }
  return o;
}

// ------------------------------------------------------------------------------------------------
// Band matrices

// A band layer as it lies in a checkpoint, [bands][inner][outputs] from `from` on, with row
// `row(k)` of each matrix (-1: zeros) and column `column(o)` in the graph's order.
template <typename Row, typename Column>
std::vector<float> bank(const float* from,
                        int bands,
                        int stored_inner,
                        int inner,
                        int outputs,
                        const Row& row,
                        const Column& column) {
  const int columns = (outputs + kPanelWidth - 1) / kPanelWidth * kPanelWidth;
  const auto pitch = static_cast<size_t>(bands) * static_cast<size_t>(columns);
  std::vector<float> values(static_cast<size_t>(inner) * pitch, 0.0f);
  for (int b = 0; b < bands; ++b) {
    for (int k = 0; k < inner; ++k) {
      const int at = row(k);
      for (int o = 0; at >= 0 && o < outputs; ++o) {
        values[static_cast<size_t>(k) * pitch + static_cast<size_t>(b * columns + o)] =
            from[(static_cast<size_t>(b) * static_cast<size_t>(stored_inner) +
                  static_cast<size_t>(at)) *
                     static_cast<size_t>(outputs) +
                 static_cast<size_t>(column(o))];
      }
    }
  }
  return values;
}

int same(int index) {
  return index;
}

// The layers of all groups, one band behind the other.
int joined(GraphBuilder& g, const std::string& name, const std::vector<int>& groups) {
  return g.node("concat", name, groups, {{"axis", {1}}});
}

// A layer of each group whose bands see one more bin on each side, [planes][width + 2] in a
// checkpoint. plane(c): the plane of channel c of a frame (the oldest frame first), or -1.
template <typename Plane>
std::vector<int> overlapping_bands(GraphBuilder& g,
                                   const std::string& ck,
                                   const std::string& name,
                                   int x,
                                   int planes,
                                   int frames,
                                   int outputs,
                                   Activation activation,
                                   const Plane& plane) {
  int rows = 0;
  for (const Group& group : kGroups) {
    rows += group.bands * planes * (group.width + 2);
  }
  const std::vector<float> stored = g.weights().take(ck, {rows, outputs});
  const int channels = g.channels(x);
  std::vector<int> layers;
  const float* from = stored.data();
  for (const Group& group : kGroups) {
    const int width = group.width + 2;
    const std::string suffix = std::string(".group_") + std::to_string(layers.size());
    const int inner = frames * width * channels;
    const auto row = [&](int k) {
      const int p = plane(k / (width * channels) * channels + k % channels);
      return p < 0 ? -1 : p * width + k / channels % width;
    };
    const std::vector<float> values =
        bank(from, group.bands, planes * width, inner, outputs, row, same);
    const int w = g.panels(ck + suffix, inner, static_cast<int>(values.size()) / inner, values);
    layers.push_back(g.node("band_linear",
                            name + suffix,
                            {x, w},
                            {{"bands", {group.bands}},
                             {"outputs", {outputs}},
                             {"first", {group.first_bin - 1}},
                             {"width", {width}},
                             {"stride", {group.width}},
                             {"kernel_t", {frames}},
                             {"activation", {static_cast<int>(activation)}}}));
    from += static_cast<size_t>(group.bands * planes * width) * static_cast<size_t>(outputs);
  }
  return layers;
}

// ------------------------------------------------------------------------------------------------
// Speaker: the graph `enroll`

int silu(GraphBuilder& g, const std::string& name, int x) {
  return g.node("multiply", name, {x, g.node("sigmoid", name + ".sigmoid", {x})});
}

// Rows `planes` of a checkpoint's [planes, 257] as [257, planes].
int by_bin(GraphBuilder& g, const std::string& ck, int planes) {
  return g.matrix(
      ck, kBins, planes, transposed(g.weights().take(ck, {planes, kBins}), planes, kBins));
}

// The local representation: what each band holds of mean and deviation over the anchor, [32, M].
int local_bands(GraphBuilder& g, int hops, const BsrnnOptions& o) {
  constexpr int kStatistics = 2;
  const std::string ck = "sep.conditioning.";
  const int spectrum = compressed(g, "anchor", spectrum_of(g, "anchor.stft", hops, o), o);
  const int magnitude =
      g.node("slice", "anchor.magnitude", {spectrum}, {{"begin", {2}}, {"count", {1}}});
  const int mean = g.node("time_mean", "anchor.mean", {magnitude});
  const int deviation =
      g.node("time_std", "anchor.deviation", {magnitude, mean}, {{"unbiased", {1}}});
  int x = g.node("concat", "anchor.statistics", {mean, deviation});
  x = g.node("subtract", "anchor.centred", {x, by_bin(g, ck + "anchor_mean", kStatistics)});
  x = g.node("multiply", "anchor.standardised", {x, by_bin(g, ck + "anchor_scale", kStatistics)});
  return joined(g,
                "speaker.local",
                overlapping_bands(g,
                                  ck + "anchor_weight",
                                  "speaker.local",
                                  x,
                                  kStatistics,
                                  1,
                                  o.speaker,
                                  Activation::kTanh,
                                  same));
}

// One row of a constant for every band.
int for_every_band(GraphBuilder& g, const std::string& name, int x) {
  constexpr int kAtOnce = 8;
  static_assert(kBands % kAtOnce == 0);
  x = joined(g, name + ".some", std::vector<int>(kAtOnce, x));
  return joined(g, name, std::vector<int>(kBands / kAtOnce, x));
}

// The vector of each band that all maps follow from, [32, M].
int speaker_bands(GraphBuilder& g, int hops, const BsrnnOptions& o) {
  const std::string ck = "sep.conditioning.";
  const int size = o.speaker;
  int whole = -1;
  if (o.has_global()) {
    whole = g.linear(ck + "embedding",
                     "speaker.embedding.linear",
                     speaker_voice(g, hops, o),
                     o.ecapa.embedding,
                     size);
    whole = silu(g, "speaker.embedding", whole);
  }
  const int parts = (o.has_global() ? 1 : 0) + (o.has_local() ? 1 : 0);
  // Rows of the transpose: those of the embedding, then the local ones.
  std::vector<float> join =
      transposed(g.weights().take(ck + "join.weight", {size, parts * size}), size, parts * size);
  const int bias = g.vector(ck + "join.bias", size);
  const auto half = [&](const char* name, std::ptrdiff_t first) {
    const std::ptrdiff_t count = std::ptrdiff_t{size} * size;
    const auto begin = join.begin() + first * count;
    return g.panels(ck + name, size, size, std::vector<float>(begin, begin + count));
  };
  if (!o.has_local()) {
    whole = g.node("linear", "speaker.join", {whole, half("join.embedding", 0), bias});
    return for_every_band(g, "speaker.bands", silu(g, "speaker.joined", whole));
  }
  const int local = local_bands(g, hops, o);
  int x = g.node("linear", "speaker.join", {local, half("join.local", parts - 1), bias});
  if (o.has_global()) {
    whole = g.node("linear", "speaker.join.embedding", {whole, half("join.embedding", 0)});
    x = g.node("add", "speaker.joined", {x, whole});
  }
  return silu(g, "speaker.bands", x);
}

int own_map(GraphBuilder& g, const std::string& ck, int channels) {
  return g.matrix(ck, kBands, channels, g.weights().take(ck, {kBands, channels}));
}

// Maps number `index` of a norm: own_scale (1 + G u) and own_shift + B u.
void norm_maps(GraphBuilder& g, const std::string& ck, int index, int u, const BsrnnOptions& o) {
  const int size = o.channels;
  const std::vector<float> weight = transposed(
      g.weights().take(ck + ".speaker.weight", {2 * size, o.speaker}), 2 * size, o.speaker);
  std::vector<float> bias = g.weights().take(ck + ".speaker.bias", {2 * size});
  const auto half = [&](const std::string& name, int first, float offset) {
    std::vector<float> part;
    for (int row = 0; row < o.speaker; ++row) {
      const auto at = weight.begin() + std::ptrdiff_t{row} * 2 * size + first;
      part.insert(part.end(), at, at + size);
    }
    std::vector<float> shift(bias.begin() + first, bias.begin() + first + size);
    for (float& value : shift) {
      value += offset;
    }
    const int w = g.panels(ck + name + ".weight", o.speaker, size, std::move(part));
    return g.node("linear",
                  "speaker" + name + "_" + std::to_string(index) + ".linear",
                  {u, w, g.vector(ck + name + ".bias", std::move(shift))});
  };
  const std::string number = std::to_string(index);
  g.output(g.node("multiply",
                  "profile.scale_" + number,
                  {half(".scale", 0, 1.0f), own_map(g, ck + ".own_scale", size)}));
  g.output(g.node("add",
                  "profile.shift_" + number,
                  {half(".shift", size, 0.0f), own_map(g, ck + ".own_shift", size)}));
}

std::string half_name(int block, const char* half) {
  return "sep.blocks." + std::to_string(block) + "." + half;
}

GraphDraft enroll_graph(Weights& weights, const BsrnnOptions& o) {
  check_form(weights, o, o.has_local(), "sep.conditioning.anchor_", "local");
  check_form(weights, o, o.has_global(), "ecapa.", "global");
  GraphBuilder g("enroll", &weights);
  const int u = speaker_bands(g, anchor_hops(g), o);
  const int bias =
      g.linear("sep.encoder.speaker", "speaker.encoder.linear", u, o.speaker, o.channels);
  g.output(
      g.node("add", "profile.encoder", {bias, own_map(g, "sep.encoder.own_bias", o.channels)}));
  for (int i = 0; i < o.blocks; ++i) {
    norm_maps(g, half_name(i, "band") + ".norm", 2 * i, u, o);
    norm_maps(g, half_name(i, "time") + ".norm", 2 * i + 1, u, o);
  }
  norm_maps(g, "sep.decoder.norm", 2 * o.blocks, u, o);
  return g.finish();
}

// ------------------------------------------------------------------------------------------------
// Separator: the graph `extract`

// Compressed spectrum and magnitude, standardised by constants of the training data, [257, 4].
int features(GraphBuilder& g, int compressed_spectrum) {
  const std::string ck = "sep.features.";
  const std::vector<float> complex_scale = g.weights().take(ck + "complex_scale", {kBins});
  const std::vector<float> mean = g.weights().take(ck + "magnitude_mean", {kBins});
  const std::vector<float> magnitude_scale = g.weights().take(ck + "magnitude_scale", {kBins});
  std::vector<float> scale;
  std::vector<float> shift;
  for (size_t k = 0; k < kBins; ++k) {
    scale.insert(scale.end(), {complex_scale[k], complex_scale[k], magnitude_scale[k], 0.0f});
    shift.insert(shift.end(), {0.0f, 0.0f, -mean[k] * magnitude_scale[k], 0.0f});
  }
  const int x =
      g.node("multiply",
             "mix.features.scaled",
             {compressed_spectrum, g.matrix(ck + "scale", kBins, kChannels, std::move(scale))});
  return g.node(
      "add", "mix.features", {x, g.matrix(ck + "shift", kBins, kChannels, std::move(shift))});
}

// Channel c of the frames t - 2, t - 1, t, to its plane; past magnitudes are not seen.
int feature_plane(int c) {
  constexpr int kOfFrame[kFrames][kChannels] = {{5, 6, -1, -1}, {3, 4, -1, -1}, {0, 1, 2, -1}};
  return kOfFrame[c / kChannels][c % kChannels];
}

int normed(GraphBuilder& g, const std::string& name, int z, int index) {
  const std::string number = std::to_string(index);
  return g.node("layer_norm",
                name,
                {z,
                 g.constant("profile.scale_" + number, kBands, g.channels(z)),
                 g.constant("profile.shift_" + number, kBands, g.channels(z))});
}

// What the two halves of a block have in common: z + P LSTM(norm(z)).
struct Half {
  Axis axis;
  int hidden;
  bool both_ways;
};

int half(GraphBuilder& g,
         const std::string& ck,
         const std::string& name,
         int z,
         int index,
         const Half& h,
         const BsrnnOptions& o) {
  const int x = normed(g, name + ".norm", z, index);
  const int directions = h.both_ways ? 2 : 1;
  const int gates = 4 * h.hidden;
  const int inner = o.channels + h.hidden;
  const std::vector<float> weight = g.weights().take(ck + ".weight", {directions, inner, gates});
  const std::vector<float> bias = g.weights().take(ck + ".bias", {directions, gates});
  std::vector<int> outputs;
  for (int d = 0; d < directions; ++d) {
    const std::string suffix = d == 0 ? ".forward" : ".backward";
    const auto rows = [&](int first, int count) {
      const auto begin = weight.begin() + (std::ptrdiff_t{d} * inner + first) * gates;
      return std::vector<float>(begin, begin + std::ptrdiff_t{count} * gates);
    };
    const auto first_bias = bias.begin() + std::ptrdiff_t{d} * gates;
    Floats floats;
    if (o.cell_limit > 0.0 && h.axis == Axis::kTime) {
      floats["cell_limit"] = {static_cast<float>(o.cell_limit)};
    }
    outputs.push_back(g.node(
        "lstm",
        name + suffix,
        {x,
         g.panels(ck + ".input" + suffix, o.channels, gates, rows(0, o.channels)),
         g.panels(ck + ".state" + suffix, h.hidden, gates, rows(o.channels, h.hidden)),
         g.vector(ck + ".bias" + suffix, std::vector<float>(first_bias, first_bias + gates))},
        {{"axis", {static_cast<int32_t>(h.axis)}}, {"reverse", {d}}},
        floats));
  }
  int y = outputs.size() == 1 ? outputs[0] : g.node("concat", name + ".both", outputs);
  const int width = directions * h.hidden;
  const int w = g.panels(ck + ".out_weight",
                         width,
                         o.channels,
                         g.weights().take(ck + ".out_weight", {width, o.channels}));
  y = g.node("linear", name + ".out", {y, w, g.vector(ck + ".out_bias", o.channels)});
  return g.node("add", name, {z, y});
}

// The layer of a group of bands from `h` to the taps of its bins; in a checkpoint the columns lie
// [band][tap][re, im][bin], in the graph a band's are [bin][frame, oldest first][re, im].
int group_taps(GraphBuilder& g,
               const std::string& suffix,
               const Group& group,
               int h,
               const std::vector<float>& weight,  // [columns, hidden]
               const std::vector<float>& bias) {
  const std::string ck = "sep.decoder.";
  const int hidden = g.channels(h);
  const int outputs = kTapChannels * group.width;
  const auto column = [&](int k) {
    const int tap = kTaps - 1 - k % kTapChannels / 2;
    return (2 * tap + k % 2) * group.width + k / kTapChannels;
  };
  std::vector<float> matrices;
  std::vector<float> shifts;
  for (int b = 0; b < group.bands; ++b) {
    const int first = kTapChannels * group.first_bin + b * outputs;
    const auto begin = weight.begin() + std::ptrdiff_t{first} * hidden;
    const std::vector<float> own = transposed(
        std::vector<float>(begin, begin + std::ptrdiff_t{outputs} * hidden), outputs, hidden);
    matrices.insert(matrices.end(), own.begin(), own.end());
    for (int k = 0; k < outputs; ++k) {
      shifts.push_back(bias[static_cast<size_t>(first + column(k))]);
    }
  }
  const std::vector<float> columns =
      bank(matrices.data(), group.bands, hidden, hidden, outputs, same, column);
  const int w =
      g.panels(ck + "weight2" + suffix, hidden, static_cast<int>(columns.size()) / hidden, columns);
  return g.node("band_linear",
                ck + "taps" + suffix,
                {h, w, g.matrix(ck + "bias2" + suffix, group.bands, outputs, std::move(shifts))},
                {{"bands", {group.bands}},
                 {"outputs", {outputs}},
                 {"first", {group.first_band}},
                 {"activation", {static_cast<int>(Activation::kTanh)}}});
}

// Taps of the deep filter, [257, 10], from the normed bands.
int decoder(GraphBuilder& g, int n, const BsrnnOptions& o) {
  const std::string ck = "sep.decoder.";
  const int hidden = o.decoder_hidden;
  const std::vector<float> first = g.weights().take(ck + "weight1", {kBands, o.channels, hidden});
  const std::vector<float> values =
      bank(first.data(), kBands, o.channels, o.channels, hidden, same, same);
  const int w =
      g.panels(ck + "weight1", o.channels, static_cast<int>(values.size()) / o.channels, values);
  const int bias =
      g.matrix(ck + "bias1", kBands, hidden, g.weights().take(ck + "bias1", {kBands, hidden}));
  const int h = g.node("band_linear",
                       ck + "hidden",
                       {n, w, bias},
                       {{"bands", {kBands}},
                        {"outputs", {hidden}},
                        {"activation", {static_cast<int>(Activation::kTanh)}}});
  const int columns = kTapChannels * (kBins - 1);
  const std::vector<float> second =
      transposed(g.weights().take(ck + "weight2", {hidden, columns}), hidden, columns);
  const std::vector<float> second_bias = g.weights().take(ck + "bias2", {columns});
  std::vector<int> bins;
  for (const Group& group : kGroups) {
    const std::string suffix = std::string("_") + std::to_string(bins.size());
    const int taps = group_taps(g, suffix, group, h, second, second_bias);
    bins.push_back(g.node("reshape",
                          ck + "bins" + suffix,
                          {taps},
                          {{"bins", {group.bands * group.width}}, {"channels", {kTapChannels}}}));
  }
  bins.push_back(g.matrix(ck + "silent", 1, kTapChannels, std::vector<float>(kTapChannels, 0.0f)));
  return joined(g, ck + "taps", bins);
}

// Whether the person speaks, [1, 1], from the normed bands.
int activity(GraphBuilder& g, int n, const BsrnnOptions& o) {
  const std::string ck = "sep.activity.";
  const int inputs = kBands * o.channels;
  int x = g.node("reshape", ck + "bands", {n}, {{"bins", {1}}, {"channels", {inputs}}});
  x = g.linear(ck + "hidden", ck + "hidden.linear", x, inputs, o.activity);
  x = g.node("tanh", ck + "hidden", {x});
  x = g.linear(ck + "out", ck + "odds", x, o.activity, 1);
  return g.node("sigmoid", "activity", {x});
}

GraphDraft extract_graph(Weights& weights, const BsrnnOptions& o) {
  GraphBuilder g("extract", &weights);
  const Mixture mix = mixture(g, o);
  const std::string encoder = "sep.encoder";
  const int bands = joined(g,
                           encoder + ".bands",
                           overlapping_bands(g,
                                             encoder + ".weight",
                                             encoder,
                                             features(g, mix.seen),
                                             kPlanes,
                                             kFrames,
                                             o.channels,
                                             Activation::kNone,
                                             feature_plane));
  int z = g.node("add", encoder, {bands, g.constant("profile.encoder", kBands, o.channels)});
  for (int i = 0; i < o.blocks; ++i) {
    const std::string name = "sep.block_" + std::to_string(i);
    z = half(
        g, half_name(i, "band"), name + ".band", z, 2 * i, {Axis::kBins, o.band_hidden, true}, o);
    z = half(g,
             half_name(i, "time"),
             name + ".time",
             z,
             2 * i + 1,
             {Axis::kTime, o.time_hidden, !o.causal},
             o);
  }
  const int n = normed(g, "sep.decoder.norm", z, 2 * o.blocks);
  const int y =
      g.node("deep_filter",
             "sep.filtered",
             {decoder(g, n, o), mix.spectrum},
             {{"kernel_t", {kTaps}}, {"kernel_f", {1}}, {"past", {kTaps - 1}}, {"future", {0}}});
  output_samples(g, y, o);
  if (o.activity > 0) {
    g.output(activity(g, n, o));
  }
  return g.finish();
}

}  // namespace

ModelDraft build_bsrnn(Options& options, Weights& weights) {
  const BsrnnOptions o = read_options(options);
  GraphDraft enroll = enroll_graph(weights, o);
  return extraction_model(o, std::move(enroll), extract_graph(weights, o));
}

}  // namespace ligero
