// SPDX-License-Identifier: Apache-2.0
// ECAPA-TDNN: B. Desplanques, J. Thienpondt, K. Demuynck, 2020, in SpeechBrain's structure and
// tensor names (spec 3.1). Not: its blocks (blocks.cc).
#include "model/systems/ecapa_tdnn.h"

#include <algorithm>

namespace ligero {

namespace {

// In the order of EcapaLayout, whose own front ends come first among the front ends.
constexpr std::initializer_list<const char*> kLayoutNames = {
    "speechbrain", "taoruijie", "wespeaker"};
constexpr std::initializer_list<const char*> kFrontNames = {
    "speechbrain", "taoruijie", "wespeaker", "kaldi", "3dspeaker"};
constexpr int kHopSamples = 160;
constexpr float kTaoRuijieFloor = 1e-4f;  // of variances
constexpr float kWeSpeakerFloor = 1e-10f;

int place_of(std::initializer_list<const char*> names, const std::string& name) {
  return static_cast<int>(std::find(names.begin(), names.end(), name) - names.begin());
}

// What the public models of a layout have.
EcapaOptions defaults_of(EcapaLayout layout) {
  EcapaOptions o;
  o.channels = 1024;
  o.mfa = 3072;
  o.attention = 128;
  o.embedding = 192;
  if (layout == EcapaLayout::kTaoRuijie) {
    o.mfa = 1536;
    o.attention = 256;
    o.final_bn = true;
    o.summed_inputs = true;
  }
  if (layout == EcapaLayout::kWeSpeaker) {
    o.global_context = false;
    o.pooling.norm = false;
  }
  if (layout != EcapaLayout::kSpeechBrain) {
    const float floor = layout == EcapaLayout::kTaoRuijie ? kTaoRuijieFloor : kWeSpeakerFloor;
    o.padding = Edge::kZero;
    o.mfa_norm = false;
    o.pooling.unbiased = true;
    o.pooling.context_floor = floor;
    o.pooling.floor = floor;
  }
  return o;
}

void read_sizes(Options& options, EcapaOptions* sizes) {
  EcapaOptions& o = *sizes;
  o.channels = options.integer("channels", o.channels);
  o.mfa = options.integer("mfa", o.mfa);
  o.attention = options.integer("attention", o.attention);
  o.embedding = options.integer("embedding", o.embedding);
  // A Res2Net joins its chunks with one concat, which takes 8 inputs.
  o.scale = options.integer("scale", o.scale, {2, kMaxInputs});
  o.se = options.integer("se", o.se);
  o.kernels = options.integers("kernels", o.kernels, {1, 31});
  o.dilations = options.integers("dilations", o.dilations, {1, 31});
  o.global_context = options.boolean("global_context", o.global_context);
  o.final_bn = options.boolean("final_bn", o.final_bn);
  const char* edge = o.padding == Edge::kReflect ? "reflect" : "zero";
  const std::string padding = options.choice("padding", edge, {"reflect", "zero"});
  o.padding = padding == "reflect" ? Edge::kReflect : Edge::kZero;
  if (o.channels % o.scale) {
    options.fail("channels",
                 std::to_string(o.channels),
                 "a multiple of scale (" + std::to_string(o.scale) + ")");
  }
  for (size_t i = 0; i < o.kernels.size(); ++i) {
    if (o.kernels[i] % 2 == 0) {
      options.fail(
          "kernels[" + std::to_string(i) + "]", std::to_string(o.kernels[i]), "an odd integer");
    }
  }
}

}  // namespace

EcapaOptions read_ecapa_options(Options options) {
  EcapaOptions o;
  read_sizes(options, &o);
  options.finish();
  return o;
}

int ecapa_tdnn(GraphBuilder& g, int fbank, const EcapaOptions& o) {
  const std::string p = "ecapa.";
  // SERes2Net_in is a plain convolution (spec 3.1).
  int x = tdnn_block(g,
                     p + "blocks.0",
                     p + "blocks.0",
                     fbank,
                     {o.channels, o.kernels[0], o.dilations[0]},
                     o.padding);
  std::vector<int> blocks;
  int sum = x;
  for (int i = 1; i <= 3; ++i) {
    const std::string block = p + "blocks." + std::to_string(i);
    const auto k = static_cast<size_t>(i);
    x = se_res2_block(g, block, block, x, {o.kernels[k], o.dilations[k], o.scale, o.se}, o.padding);
    blocks.push_back(x);
    if (o.summed_inputs && i < 3) {
      sum = x = g.node("add", block + ".sum", {sum, x});
    }
  }
  x = g.node("concat", p + "cat", blocks);
  x = tdnn_block(
      g, p + "mfa", p + "mfa", x, {o.mfa, o.kernels[4], o.dilations[4], o.mfa_norm}, o.padding);
  PoolingShape pooling = o.pooling;
  pooling.attention = o.attention;
  pooling.global_context = o.global_context;
  x = attentive_pooling(g, p + "asp", p + "asp", x, pooling, o.padding);
  x = g.batch_norm(p + "asp_bn.norm", p + "asp_bn", x, 2 * o.mfa);
  x = g.linear(
      p + "fc.conv", o.final_bn ? p + "fc" : p + "embedding", x, 2 * o.mfa, o.embedding, 1);
  return o.final_bn ? g.batch_norm(p + "fc_bn.norm", p + "embedding", x, o.embedding) : x;
}

ModelDraft build_ecapa_tdnn(Options& options, Weights& weights) {
  const std::string name = options.choice("layout", "speechbrain", kLayoutNames);
  const auto layout = static_cast<EcapaLayout>(place_of(kLayoutNames, name));
  const std::string front = options.choice("front", name.c_str(), kFrontNames);
  EcapaOptions o = defaults_of(layout);
  read_sizes(options, &o);
  options.finish();
  set_origins(layout, o, &weights);
  GraphBuilder g("enroll", &weights);
  const int hops = g.sequence("anchor_hops", 1, kHopSamples);
  const int embedding = ecapa_tdnn(g, anchor_fbank(g, hops, static_cast<EcapaFront>(place_of(kFrontNames, front))), o);
  g.output(g.node(
      "reshape", "profile.embedding", {embedding}, {{"bins", {1}}, {"channels", {o.embedding}}}));
  ModelDraft model;
  model.graphs.push_back(g.finish());
  model.metadata["form"] = "embedding";
  model.metadata["front_end"] = front;
  return model;
}

}  // namespace ligero
