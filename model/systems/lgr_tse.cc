// SPDX-License-Identifier: Apache-2.0
// LGR-TSE (arXiv 2210.15849), in the order of its Table 1 (spec 2). Not: the blocks (blocks.cc),
// nor ECAPA-TDNN (ecapa_tdnn.cc).
#include "model/systems/crn.h"

namespace ligero {
namespace {

struct LgrTseOptions : ExtractionOptions {
  std::vector<int> channels = {16, 32, 64, 128, 256};
  bool mix_magnitude = true;  // the separator sees magnitude, real, imaginary; else the last two
  bool level0_magnitude = false;  // level 0 of the local features: ARN output; or |A| and it
  bool local_spectrum = false;    // the local encoder sees |A| and ARN output; or the spectrum too
  LastActivation last = LastActivation::kTanh;
  FilterSize filter = {};
  Slopes slopes = Slopes::kChannel;
};

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
  o.filter = read_filter_size(options.section("deep_filter"));
  options.finish();
  return o;
}

EncoderLayer encoder_layer(const LgrTseOptions& o) {
  return [&o](GraphBuilder& g, const std::string& name, int x, int outputs) {
    return conv_block(g, name, x, outputs, o.slopes, o.causal);
  };
}

DecoderLayer decoder_layer(const LgrTseOptions& o) {
  return [&o](GraphBuilder& g, const std::string& name, int x, const DeconvShape& shape) {
    return deconv_block(
        g, name, x, shape, shape.last ? o.last : LastActivation::kBnPrelu, o.slopes, o.causal);
  };
}

// Local path (spec 2.5): anchor spectrum to five maps averaged over time.
void local_network(GraphBuilder& g, const Anchor& anchor, const LgrTseOptions& o) {
  const int mag = anchor.magnitude;
  const int arn_out = arn_frame(g, "local", anchor, o);
  int x = o.local_spectrum ? g.node("concat", "local.feats", {mag, anchor.spectrum, arn_out})
                           : g.node("concat", "local.feats", {mag, arn_out});
  int level0 = arn_out;
  if (o.level0_magnitude) {
    level0 = o.local_spectrum ? g.node("concat", "local.level_0", {mag, arn_out}) : x;
  }
  keep_level(g, 0, level0);
  crn_local(g, x, o.channels, encoder_layer(o));
}

int attentive_recurrent(GraphBuilder& g, int x, const LgrTseOptions& o) {
  ArnOptions options;
  options.size = g.channels(x);
  options.causal = o.causal;
  options.window = o.arn_window;
  options.q_norm = o.arn_frame.q_norm;
  options.two_linear = o.arn_frame.two_linear;
  return arn(g, "sep.arn", x, options);
}

GraphDraft extract_graph(Weights& weights, const LgrTseOptions& o) {
  GraphBuilder g("extract", &weights);
  const Mixture mix = mixture(g, o);
  const int feats =
      o.mix_magnitude
          ? g.node("concat", "mix.feats", {g.node("magnitude", "mix.mag", {mix.seen}), mix.seen})
          : g.node(
                "reshape", "mix.feats", {mix.seen}, {{"bins", {kSpectrumBins}}, {"channels", {2}}});
  const std::vector<int> skips =
      crn_encoder(g, feats, o.level0_magnitude ? 2 : 1, o.channels, o, encoder_layer(o));
  int x = attentive_recurrent(g, crn_flattened(g, skips.back(), o), o);
  x = crn_unflattened(g, x);
  const int taps = crn_decoder(g, x, skips, o.channels, o.filter.taps(), decoder_layer(o));
  output_samples(g, filtered(g, taps, mix.spectrum, o.filter, o.causal), o);
  return g.finish();
}

}  // namespace

ModelDraft build_lgr_tse(Options& options, Weights& weights) {
  const LgrTseOptions o = read_options(options);
  const auto local = [&o](GraphBuilder& g, const Anchor& anchor) { local_network(g, anchor, o); };
  return extraction_model(
      o, enroll_graph(weights, o, crn_size(o.channels), local), extract_graph(weights, o));
}

}  // namespace ligero
