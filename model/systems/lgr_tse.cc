// LGR-TSE (arXiv 2210.15849), in the order of its Table 1 (spec 2). Not: the blocks (blocks.cc), nor
// ECAPA-TDNN (ecapa_tdnn.cc).
#include "model/systems/lgr_tse.h"

#include <utility>

#include "model/systems/blocks.h"
#include "model/systems/ecapa_tdnn.h"

namespace ligero {
namespace {

constexpr int kHopSamples = 160;
constexpr int kWindowSamples = 320;
constexpr int kSpectrumBins = kWindowSamples / 2 + 1;
constexpr int kLayers = 5;
constexpr int kEncoderBins = 4;         // 161, 80, 39, 19, 9, 4
constexpr float kNormFloor = 1e-24f;    // under the root of the embedding's norm
constexpr int kMaxAttentionWindow = 4096;
constexpr double kLeastCompression = 0.01;

enum class Level { kNone, kFile, kWindow };

struct LgrTseOptions {
  std::string form;
  bool causal = false;
  Level input_level = Level::kFile;
  double compression = 1.0;  // of the magnitudes that the network sees; 1: none
  std::vector<int> channels = {16, 32, 64, 128, 256};
  bool mix_magnitude = true;      // the separator sees magnitude, real, imaginary; else the last two
  bool level0_magnitude = false;  // level 0 of the local features: ARN output; or |A| and it
  bool local_spectrum = false;    // the local encoder sees |A| and ARN output; or the spectrum too
  int arn_window = 0;
  bool q_norm = false;
  bool two_linear = false;
  int arn_frame_size = 32;
  bool arn_frame_linear_in = false;  // form F2
  LastActivation last = LastActivation::kTanh;
  int filter_frames = 5;
  int filter_bins = 3;
  Slopes slopes = Slopes::kChannel;
  bool normalise_embedding = false;
  EcapaOptions ecapa;

  bool has_local() const {
    return form != "global";
  }
  bool has_global() const {
    return form != "local";
  }
  int arn_size() const {
    return kEncoderBins * channels[kLayers - 1];
  }
};

void read_arn_options(Options arn, LgrTseOptions* o) {
  o->arn_window = arn.integer("window", 0, {0, kMaxAttentionWindow});
  o->q_norm = arn.boolean("q_norm", false);
  o->two_linear = arn.choice("feed_forward", "split", {"split", "two_linear"}) == "two_linear";
  arn.number("dropout", 0.05, 0.0, 0.99);  // training only
  arn.finish();
  if (o->causal != (o->arn_window > 0)) {
    arn.fail("window",
             std::to_string(o->arn_window),
             o->causal ? "at least 1 where causal is true" : "0 where causal is false");
  }
}

void read_representation_options(Options& options, LgrTseOptions* o) {
  o->mix_magnitude = options.choice("mix_feats", "mag_re_im", {"mag_re_im", "re_im"}) == "mag_re_im";
  o->level0_magnitude = options.choice("level0", "arn", {"arn", "mag_arn"}) == "mag_arn";
  o->local_spectrum =
      options.choice("local_feats", "mag_arn", {"mag_arn", "mag_re_im_arn"}) == "mag_re_im_arn";
  o->normalise_embedding = options.boolean("normalise_embedding", false);
  Options frame = options.section("arn_frame");
  o->arn_frame_size = frame.integer("size", 32, {2, 1024});
  o->arn_frame_linear_in = frame.choice("form", "F1", {"F1", "F2"}) == "F2";
  frame.finish();
  if (o->arn_frame_size % 2) {
    frame.fail("size", std::to_string(o->arn_frame_size), "an even integer");
  }
}

void read_filter_options(Options& options, LgrTseOptions* o) {
  const std::string last =
      options.choice("last_activation", "tanh", {"tanh", "linear", "bn_prelu"});
  o->last = last == "tanh"     ? LastActivation::kTanh
            : last == "linear" ? LastActivation::kLinear
                               : LastActivation::kBnPrelu;
  Options filter = options.section("deep_filter");
  o->filter_frames = filter.integer("frames", 5, {1, 31});
  o->filter_bins = filter.integer("bins", 3, {1, 31});
  filter.finish();
  for (const auto& [key, value] :
       {std::pair{"frames", o->filter_frames}, std::pair{"bins", o->filter_bins}}) {
    if (value % 2 == 0) {
      filter.fail(key, std::to_string(value), "an odd integer");
    }
  }
}

LgrTseOptions read_options(Options& options) {
  LgrTseOptions o;
  o.form = options.choice("form", "lgr", {"lgr", "local", "global"});
  o.causal = options.boolean("causal", false);
  options.integer("sample_rate", 16000, {16000, 16000});
  options.integer("window", kWindowSamples, {kWindowSamples, kWindowSamples});
  options.integer("hop", kHopSamples, {kHopSamples, kHopSamples});
  const std::string level = options.choice("input_level", "file", {"file", "window", "none"});
  o.input_level = level == "file" ? Level::kFile : level == "window" ? Level::kWindow : Level::kNone;
  o.compression = options.number("compression", 1.0, kLeastCompression, 1.0);
  o.channels = options.integers("channels", o.channels, {1, 4096});
  const std::string prelu = options.choice("prelu", "channel", {"channel", "layer"});
  o.slopes = prelu == "channel" ? Slopes::kChannel : Slopes::kLayer;
  read_arn_options(options.section("arn"), &o);
  read_representation_options(options, &o);
  read_filter_options(options, &o);
  o.ecapa = read_ecapa_options(options.section("ecapa"));
  options.finish();
  return o;
}

int scaled(GraphBuilder& g, const std::string& name, int x, int hops, Level level) {
  if (level == Level::kNone) {
    return x;
  }
  const int mode = level == Level::kWindow ? 1 : 0;
  const int gain = g.node("input_level", name + ".gain", {hops}, {{"mode", {mode}}});
  return g.node("multiply", name + ".scaled", {x, gain});
}

int compressed(GraphBuilder& g, const std::string& name, int spectrum, const LgrTseOptions& o) {
  if (o.compression == 1.0) {
    return spectrum;
  }
  const float exponent = static_cast<float>(o.compression);
  return g.node("compress", name + ".compressed", {spectrum}, {}, {{"exponent", {exponent}}});
}

int stft(GraphBuilder& g, const std::string& name, int hops) {
  return g.node(
      "stft", name, {hops}, {{"window", {kWindowSamples}}, {"hop", {kHopSamples}}});
}

// What extraction keeps of the speaker: an output of `enroll`, an input of `extract`.
void keep(GraphBuilder& g, const std::string& name, int constant) {
  g.output(g.node("reshape",
                  name,
                  {constant},
                  {{"bins", {g.bins(constant)}}, {"channels", {g.channels(constant)}}}));
}

// Local path (spec 2.5): anchor spectrum to five maps averaged over time.
void local_network(GraphBuilder& g, int spectrum, const LgrTseOptions& o) {
  const int mag = g.node("magnitude", "anchor.mag", {spectrum});
  ArnOptions frame;
  frame.size = o.arn_frame_size;
  frame.axis = Axis::kBins;
  frame.norm_input = o.arn_frame_linear_in;
  frame.q_norm = o.q_norm;
  frame.two_linear = o.two_linear;
  int x = mag;
  if (o.arn_frame_linear_in) {
    const std::string linear_in = "local.arn_frame.linear_in";
    x = g.linear(linear_in, linear_in, x, 1, frame.size);
  }
  x = arn(g, "local.arn_frame", x, frame);
  const int arn_out = g.linear("local.linear", "local.linear", x, frame.size, 1);
  x = o.local_spectrum ? g.node("concat", "local.feats", {mag, spectrum, arn_out})
                       : g.node("concat", "local.feats", {mag, arn_out});
  int level0 = arn_out;
  if (o.level0_magnitude) {
    level0 = o.local_spectrum ? g.node("concat", "local.level_0", {mag, arn_out}) : x;
  }
  keep(g, "profile.local_0", g.node("time_mean", "local.mean_0", {level0}));
  for (int i = 1; i < kLayers; ++i) {
    const std::string l = std::to_string(i);
    x = conv_block(g,
                   "local.conv2d_" + l,
                   x,
                   o.channels[static_cast<size_t>(i) - 1],
                   conv_padding(o.causal),
                   o.slopes);
    keep(g, "profile.local_" + l, g.node("time_mean", "local.mean_" + l, {x}));
  }
}

// Global path (spec 2.4): anchor hops to e = W E_g + b. E_g itself is kept to tell people apart.
void global_network(GraphBuilder& g, int scaled_hops, const LgrTseOptions& o) {
  int e = ecapa_tdnn(g, anchor_fbank(g, scaled_hops), o.ecapa);
  const int voice = e;
  const int size = o.ecapa.embedding;
  if (o.normalise_embedding) {
    const int square = g.node("square", "sep.embedding_square", {e});
    const int ones = g.panels(
        "sep.embedding_ones", size, 1, std::vector<float>(static_cast<size_t>(size), 1.0f));
    const int floor = g.vector("sep.embedding_floor", std::vector<float>{kNormFloor});
    const int sum = g.node("linear", "sep.embedding_energy", {square, ones, floor});
    const int norm = g.node("sqrt", "sep.embedding_norm", {sum});
    e = g.node("divide", "sep.embedding_normalised", {e, norm});
  }
  keep(g,
       "profile.embedding",
       g.linear("sep.projection", "sep.projection", e, size, o.arn_size()));
  keep(g, "profile.voice", voice);
}

GraphDraft enroll_graph(Weights& weights, const LgrTseOptions& o) {
  GraphBuilder g("enroll", &weights);
  const int hops = g.sequence("anchor_hops", 1, kHopSamples);
  const int scaled_hops = scaled(g, "anchor", hops, hops, Level::kFile);
  if (o.has_global()) {
    global_network(g, scaled_hops, o);
  }
  if (o.has_local()) {
    local_network(g, compressed(g, "anchor", stft(g, "anchor.stft", scaled_hops), o), o);
  }
  return g.finish();
}

// Mixture features, at the level that the network knows (spec 2.1).
int mixture_features(GraphBuilder& g, int hops, int spectrum, const LgrTseOptions& o) {
  const int x = compressed(g, "mix", scaled(g, "mix", spectrum, hops, o.input_level), o);
  if (!o.mix_magnitude) {
    return g.node("reshape", "mix.feats", {x}, {{"bins", {kSpectrumBins}}, {"channels", {2}}});
  }
  return g.node("concat", "mix.feats", {g.node("magnitude", "mix.mag", {x}), x});
}

// Bins of the input of encoder layer i, from 0.
int bins_before(int layer) {
  int bins = kSpectrumBins;
  for (int i = 0; i < layer; ++i) {
    bins = (bins - kConvKernel) / kConvStride + 1;
  }
  return bins;
}

// conv2d_1 .. conv2d_5: [mixture part, local part] -> the layers' outputs, kept as skips.
std::vector<int> encoder(GraphBuilder& g, int x, const LgrTseOptions& o) {
  std::vector<int> outputs;
  for (int i = 0; i < kLayers; ++i) {
    const auto k = static_cast<size_t>(i);
    const std::string name = "sep.conv2d_" + std::to_string(i + 1);
    if (o.has_local()) {
      const int channels = i > 0 ? o.channels[k - 1] : o.level0_magnitude ? 2 : 1;
      const int local =
          g.constant("profile.local_" + std::to_string(i), bins_before(i), channels);
      x = g.node("concat", name + ".in", {x, local});
    }
    x = conv_block(g, name, x, o.channels[k], conv_padding(o.causal), o.slopes);
    outputs.push_back(x);
  }
  return outputs;
}

// reshape_1, x emb, ARN, reshape_2: index c * 4 + f in between.
int bottleneck(GraphBuilder& g, int x, const LgrTseOptions& o) {
  const int channels = o.channels[kLayers - 1];
  const int n = o.arn_size();
  x = g.node("transpose", "sep.conv2d_5.transposed", {x});
  x = g.node("reshape", "sep.reshape_1", {x}, {{"bins", {1}}, {"channels", {n}}});
  if (o.has_global()) {
    x = g.node("multiply", "sep.modulated", {x, g.constant("profile.embedding", 1, n)});
  }
  ArnOptions options;
  options.size = n;
  options.causal = o.causal;
  options.window = o.arn_window;
  options.q_norm = o.q_norm;
  options.two_linear = o.two_linear;
  x = arn(g, "sep.arn", x, options);
  x = g.node("reshape",
             "sep.arn.transposed",
             {x},
             {{"bins", {channels}}, {"channels", {kEncoderBins}}});
  return g.node("transpose", "sep.reshape_2", {x});
}

// deconv2d_5 .. deconv2d_1: [decoder path, skip] -> deep filter taps.
int decoder(GraphBuilder& g, int x, const std::vector<int>& skips, const LgrTseOptions& o) {
  for (int i = kLayers; i >= 1; --i) {
    const auto k = static_cast<size_t>(i);
    const std::string name = "sep.deconv2d_" + std::to_string(i);
    x = g.node("concat", name + ".in", {x, skips[k - 1]});
    DeconvShape shape;
    shape.outputs = i > 1 ? o.channels[k - 2] : 2 * o.filter_frames * o.filter_bins;
    shape.out_pad_f = i == 2 ? 1 : 0;  // 39 bins become 79 without it, and the skip has 80
    x = deconv_block(g,
                     name,
                     x,
                     shape,
                     conv_padding(o.causal),
                     i > 1 ? LastActivation::kBnPrelu : o.last,
                     o.slopes);
  }
  return x;
}

GraphDraft extract_graph(Weights& weights, const LgrTseOptions& o) {
  GraphBuilder g("extract", &weights);
  const int hops = g.sequence("mix_hops", 1, kHopSamples);
  const int spectrum = stft(g, "mix.stft", hops);
  const int feats = mixture_features(g, hops, spectrum, o);
  const std::vector<int> skips = encoder(g, feats, o);
  const int taps = decoder(g, bottleneck(g, skips.back(), o), skips, o);
  // The filter acts on the mixture at its own level, so that no gain has to be undone.
  const int future = o.causal ? 0 : o.filter_frames / 2;
  const int filtered = g.node("deep_filter",
                              "sep.filtered",
                              {taps, spectrum},
                              {{"kernel_t", {o.filter_frames}},
                               {"kernel_f", {o.filter_bins}},
                               {"past", {o.filter_frames - 1 - future}},
                               {"future", {future}}});
  g.output(g.node("istft",
                  "sep.istft",
                  {filtered},
                  {{"window", {kWindowSamples}}, {"hop", {kHopSamples}}}));
  return g.finish();
}

}  // namespace

ModelDraft build_lgr_tse(Options& options, Weights& weights) {
  const LgrTseOptions o = read_options(options);
  ModelDraft model;
  model.graphs.push_back(enroll_graph(weights, o));
  model.graphs.push_back(extract_graph(weights, o));
  model.metadata["form"] = o.form;
  return model;
}

}  // namespace ligero
