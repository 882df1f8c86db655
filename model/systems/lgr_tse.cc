// LGR-TSE (arXiv 2210.15849), in the order of its Table 1 (spec 2). Not: the blocks (blocks.cc), nor
// ECAPA-TDNN (ecapa_tdnn.cc).
#include "model/systems/extraction.h"

namespace ligero {
namespace {

constexpr int kLayers = 5;
constexpr int kEncoderBins = 4;  // 161, 80, 39, 19, 9, 4

struct LgrTseOptions : ExtractionOptions {
  std::vector<int> channels = {16, 32, 64, 128, 256};
  bool mix_magnitude = true;      // the separator sees magnitude, real, imaginary; else the last two
  bool level0_magnitude = false;  // level 0 of the local features: ARN output; or |A| and it
  bool local_spectrum = false;    // the local encoder sees |A| and ARN output; or the spectrum too
  LastActivation last = LastActivation::kTanh;
  int filter_frames = 5;
  int filter_bins = 3;
  Slopes slopes = Slopes::kChannel;

  int arn_size() const {
    return kEncoderBins * channels[kLayers - 1];
  }
};

void read_filter_options(Options filter, LgrTseOptions* o) {
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
  ExtractionTraits traits{{"lgr", "local", "global"}};
  traits.attention = true;
  LgrTseOptions o{read_extraction_options(options, traits)};
  o.channels = options.integers("channels", o.channels, {1, 4096});
  const std::string prelu = options.choice("prelu", "channel", {"channel", "layer"});
  o.slopes = prelu == "channel" ? Slopes::kChannel : Slopes::kLayer;
  o.mix_magnitude = options.choice("mix_feats", "mag_re_im", {"mag_re_im", "re_im"}) == "mag_re_im";
  o.level0_magnitude = options.choice("level0", "arn", {"arn", "mag_arn"}) == "mag_arn";
  o.local_spectrum =
      options.choice("local_feats", "mag_arn", {"mag_arn", "mag_re_im_arn"}) == "mag_re_im_arn";
  const std::string last =
      options.choice("last_activation", "tanh", {"tanh", "linear", "bn_prelu"});
  o.last = last == "tanh"     ? LastActivation::kTanh
           : last == "linear" ? LastActivation::kLinear
                              : LastActivation::kBnPrelu;
  read_filter_options(options.section("deep_filter"), &o);
  options.finish();
  return o;
}

// Local path (spec 2.5): anchor spectrum to five maps averaged over time.
void local_network(GraphBuilder& g, const Anchor& anchor, const LgrTseOptions& o) {
  const int mag = anchor.magnitude;
  const int arn_out = arn_frame(g, anchor, o);
  int x = o.local_spectrum ? g.node("concat", "local.feats", {mag, anchor.spectrum, arn_out})
                           : g.node("concat", "local.feats", {mag, arn_out});
  int level0 = arn_out;
  if (o.level0_magnitude) {
    level0 = o.local_spectrum ? g.node("concat", "local.level_0", {mag, arn_out}) : x;
  }
  keep_level(g, 0, level0);
  for (int i = 1; i < kLayers; ++i) {
    const int outputs = o.channels[static_cast<size_t>(i) - 1];
    x = conv_block(g, "local.conv2d_" + std::to_string(i), x, outputs, o.slopes, o.causal);
    keep_level(g, i, x);
  }
}

// conv2d_1 .. conv2d_5: [mixture part, local part] -> the layers' outputs, kept as skips.
std::vector<int> encoder(GraphBuilder& g, int x, const LgrTseOptions& o) {
  std::vector<int> outputs;
  for (int i = 0; i < kLayers; ++i) {
    const auto k = static_cast<size_t>(i);
    const std::string name = "sep.conv2d_" + std::to_string(i + 1);
    x = with_local(g, name, x, i, i > 0 ? o.channels[k - 1] : o.level0_magnitude ? 2 : 1, o);
    x = conv_block(g, name, x, o.channels[k], o.slopes, o.causal);
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
    x = g.node("multiply", "sep.modulated", {x, speaker_embedding(g, n)});
  }
  ArnOptions options;
  options.size = n;
  options.causal = o.causal;
  options.window = o.arn_window;
  options.q_norm = o.arn_frame.q_norm;
  options.two_linear = o.arn_frame.two_linear;
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
                     i > 1 ? LastActivation::kBnPrelu : o.last,
                     o.slopes,
                     o.causal);
  }
  return x;
}

GraphDraft extract_graph(Weights& weights, const LgrTseOptions& o) {
  GraphBuilder g("extract", &weights);
  const Mixture mix = mixture(g, o);
  const int feats =
      o.mix_magnitude
          ? g.node("concat", "mix.feats", {g.node("magnitude", "mix.mag", {mix.seen}), mix.seen})
          : g.node("reshape",
                   "mix.feats",
                   {mix.seen},
                   {{"bins", {kSpectrumBins}}, {"channels", {2}}});
  const std::vector<int> skips = encoder(g, feats, o);
  const int taps = decoder(g, bottleneck(g, skips.back(), o), skips, o);
  // The filter acts on the mixture at its own level, so that no gain has to be undone.
  const int future = o.causal ? 0 : o.filter_frames / 2;
  const int filtered = g.node("deep_filter",
                              "sep.filtered",
                              {taps, mix.spectrum},
                              {{"kernel_t", {o.filter_frames}},
                               {"kernel_f", {o.filter_bins}},
                               {"past", {o.filter_frames - 1 - future}},
                               {"future", {future}}});
  output_samples(g, filtered);
  return g.finish();
}

}  // namespace

ModelDraft build_lgr_tse(Options& options, Weights& weights) {
  const LgrTseOptions o = read_options(options);
  const auto local = [&o](GraphBuilder& g, const Anchor& anchor) { local_network(g, anchor, o); };
  return extraction_model(
      o, enroll_graph(weights, o, o.arn_size(), local), extract_graph(weights, o));
}

}  // namespace ligero
