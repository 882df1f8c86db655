// SPDX-License-Identifier: Apache-2.0
// What every extraction system shares. Not: any separator.
#include "model/systems/extraction.h"

#include <utility>

#include "model/systems/checkpoint.h"
#include "ops/options.h"

namespace ligero {
namespace {

constexpr float kNormFloor = 1e-24f;  // under the root of the embedding's norm
constexpr int kMaxAttentionWindow = 4096;
constexpr double kLeastCompression = 0.01;

void read_arn_options(Options arn, const ExtractionTraits& traits, ExtractionOptions* o) {
  o->arn_frame.q_norm = arn.boolean("q_norm", false);
  o->arn_frame.two_linear =
      arn.choice("feed_forward", "split", {"split", "two_linear"}) == "two_linear";
  arn.number("dropout", 0.05, 0.0, 0.99);  // training only
  if (traits.attention) {
    o->arn_window = arn.integer("window", 0, {0, kMaxAttentionWindow});
  }
  arn.finish();
  if (traits.attention && o->causal != (o->arn_window > 0)) {
    arn.fail("window",
             std::to_string(o->arn_window),
             o->causal ? "at least 1 where causal is true" : "0 where causal is false");
  }
}

void read_arn_frame_options(Options frame, ExtractionOptions* o) {
  o->arn_frame.size = frame.integer("size", 32, {2, 1024});
  o->arn_frame.axis = Axis::kBins;
  o->linear_in = frame.choice("form", "F1", {"F1", "F2"}) == "F2";
  o->arn_frame.norm_input = o->linear_in;
  frame.finish();
  if (o->arn_frame.size % 2) {
    frame.fail("size", std::to_string(o->arn_frame.size), "an even integer");
  }
}

int scaled(GraphBuilder& g, const std::string& name, int x, int gain) {
  return gain < 0 ? x : g.node("multiply", name + ".scaled", {x, gain});
}

int level_gain(GraphBuilder& g, const std::string& name, int hops, Level level) {
  if (level == Level::kNone) {
    return -1;
  }
  if (level == Level::kFile) {
    return g.node("input_level", name + ".gain", {hops}, {{"mode", {0}}});
  }
  const int rms = g.node("rms", name + ".rms", {hops});
  return g.node("input_level", name + ".gain", {rms}, {{"mode", {1}}});
}

// Window and hop; of a long frame, what is used of it again.
Ints frame_attributes(const ExtractionOptions& o) {
  Ints ints = {{"window", {o.window_samples}}, {"hop", {kHopSamples}}};
  if (o.window_samples != kWindowSamples) {
    ints["synthesis_samples"] = {kWindowSamples};
    ints["analysis"] = ints["synthesis"] = {static_cast<int32_t>(WindowShape::kAsymmetric)};
  }
  return ints;
}

// What extraction keeps of the speaker: an output of `enroll`, an input of `extract`.
void keep(GraphBuilder& g, const std::string& name, int constant) {
  g.output(g.node("reshape",
                  name,
                  {constant},
                  {{"bins", {g.bins(constant)}}, {"channels", {g.channels(constant)}}}));
}

std::string level_name(int level) {
  return "profile.local_" + std::to_string(level);
}

// Global path (spec 2.4): anchor hops to the embedding E_g or its projection W E_g + b. E_g itself
// is kept to tell people apart.
void global_network(GraphBuilder& g, int scaled_hops, int projected, const ExtractionOptions& o) {
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
  if (projected > 0) {
    e = g.linear("sep.projection", "sep.projection", e, size, projected);
  }
  keep(g, "profile.embedding", e);
  keep(g, "profile.voice", voice);
}

}  // namespace

ExtractionOptions read_extraction_options(Options& options, const ExtractionTraits& traits) {
  ExtractionOptions o;
  o.form = options.choice("form", *traits.forms.begin(), traits.forms);
  o.causal = options.boolean("causal", false);
  options.integer("sample_rate", 16000, {16000, 16000});
  o.window_samples = options.integer(
      "window", traits.window_samples, {traits.window_samples, traits.window_samples});
  o.magnitude = traits.magnitude;
  options.integer("hop", kHopSamples, {kHopSamples, kHopSamples});
  const std::string level = options.choice("input_level", traits.level, {"file", "window", "none"});
  o.input_level = level == "file"     ? Level::kFile
                  : level == "window" ? Level::kWindow
                                      : Level::kNone;
  o.compression = options.number("compression", traits.compression, kLeastCompression, 1.0);
  o.normalise_embedding = options.boolean("normalise_embedding", false);
  if (traits.arn_frame) {
    read_arn_options(options.section("arn"), traits, &o);
    read_arn_frame_options(options.section("arn_frame"), &o);
  }
  o.ecapa = read_ecapa_options(options.section("ecapa"));
  return o;
}

void check_form(Weights& weights,
                const ExtractionOptions& o,
                bool needed,
                const char* prefix,
                const char* network) {
  if (needed && !weights.has_any(prefix)) {
    weights.complain("form \"" + o.form + "\" needs a " + network +
                     " speaker network, and there is no tensor " + prefix + "*");
  }
}

int anchor_hops(GraphBuilder& g) {
  const int hops = g.sequence("anchor_hops", 1, kHopSamples);
  return scaled(g, "anchor", hops, level_gain(g, "anchor", hops, Level::kFile));
}

int speaker_voice(GraphBuilder& g, int hops, const ExtractionOptions& o) {
  const int voice = ecapa_tdnn(g, anchor_fbank(g, hops), o.ecapa);
  keep(g, "profile.voice", voice);
  return voice;
}

int spectrum_of(GraphBuilder& g, const std::string& name, int hops, const ExtractionOptions& o) {
  return g.node("stft", name, {hops}, frame_attributes(o));
}

int compressed(GraphBuilder& g, const std::string& name, int spectrum, const ExtractionOptions& o) {
  if (o.compression == 1.0 && !o.magnitude) {
    return spectrum;
  }
  const float exponent = static_cast<float>(o.compression);
  return g.node("compress",
                name + ".compressed",
                {spectrum},
                o.magnitude ? Ints{{"magnitude", {1}}} : Ints{},
                {{"exponent", {exponent}}});
}

int arn_frame(GraphBuilder& g,
              const std::string& name,
              const Anchor& anchor,
              const ExtractionOptions& o) {
  const std::string frame = name + ".arn_frame";
  int x = anchor.magnitude;
  if (o.linear_in) {
    x = g.linear(frame + ".linear_in", frame + ".linear_in", x, 1, o.arn_frame.size);
  }
  x = arn(g, frame, x, o.arn_frame);
  return g.linear(name + ".linear", name + ".linear", x, o.arn_frame.size, 1);
}

void keep_level(GraphBuilder& g, int level, int x) {
  keep(g, level_name(level), g.node("time_mean", "local.mean_" + std::to_string(level), {x}));
}

GraphDraft enroll_graph(Weights& weights,
                        const ExtractionOptions& o,
                        int projected,
                        const std::function<void(GraphBuilder&, const Anchor&)>& local_network) {
  check_form(weights, o, o.has_local(), "local.", "local");
  check_form(weights, o, o.has_global(), "ecapa.", "global");
  GraphBuilder g("enroll", &weights);
  const int scaled_hops = anchor_hops(g);
  if (o.has_global()) {
    global_network(g, scaled_hops, projected, o);
  }
  if (o.has_local()) {
    Anchor anchor;
    anchor.spectrum = compressed(g, "anchor", spectrum_of(g, "anchor.stft", scaled_hops, o), o);
    anchor.magnitude = g.node("magnitude", "anchor.mag", {anchor.spectrum});
    local_network(g, anchor);
  }
  return g.finish();
}

int with_local(GraphBuilder& g,
               const std::string& name,
               int x,
               int level,
               int channels,
               const ExtractionOptions& o) {
  if (!o.has_local()) {
    return x;
  }
  const int local = g.constant(level_name(level), g.bins(x), channels);
  return g.node("concat", name + ".in", {x, local});
}

int speaker_embedding(GraphBuilder& g, int size) {
  return g.constant("profile.embedding", 1, size);
}

Mixture mixture(GraphBuilder& g, const ExtractionOptions& o) {
  Mixture m;
  const int hops = g.sequence("mix_hops", 1, kHopSamples);
  m.spectrum = spectrum_of(g, "mix.stft", hops, o);
  m.gain = level_gain(g, "mix", hops, o.input_level);
  m.seen = compressed(g, "mix", scaled(g, "mix", m.spectrum, m.gain), o);
  return m;
}

void output_samples(GraphBuilder& g, int spectrum, const ExtractionOptions& o) {
  g.output(g.node("istft", "sep.istft", {spectrum}, frame_attributes(o)));
}

ModelDraft extraction_model(const ExtractionOptions& o, GraphDraft enroll, GraphDraft extract) {
  ModelDraft model;
  model.graphs.push_back(std::move(enroll));
  model.graphs.push_back(std::move(extract));
  model.metadata["form"] = o.form;
  return model;
}

}  // namespace ligero
