// SPDX-License-Identifier: Apache-2.0
// What every extraction system shares (spec 2, 10): its options, the enrolment graph, and what a
// separator sees of the mixture. Not: any separator (the systems).
#ifndef LIGERO_MODEL_SYSTEMS_EXTRACTION_H_
#define LIGERO_MODEL_SYSTEMS_EXTRACTION_H_

#include <functional>
#include <initializer_list>
#include <string>

#include "model/systems/blocks.h"
#include "model/systems/ecapa_tdnn.h"
#include "model/systems/options.h"

namespace ligero {

inline constexpr int kHopSamples = 160;
inline constexpr int kWindowSamples = 320;
inline constexpr int kSpectrumBins = kWindowSamples / 2 + 1;

/// The level that a network sees: as it is, RMS 1 over the file, or over the last second.
enum class Level { kNone, kFile, kWindow };

/// What differs between systems in the options that all of them have.
struct ExtractionTraits {
  std::initializer_list<const char*> forms;  ///< the first one is the default
  double compression = 1.0;                  ///< default
  bool arn_frame = true;                     ///< whether the local network begins with one
  bool attention = false;                    ///< whether an ARN runs along time, with a window
  int window_samples = kWindowSamples;       ///< more: long frames that end with a short one
  bool magnitude = false;  ///< whether compressed spectra come with their magnitude (ops/OPS.md)
  const char* level = "file";  ///< default of the input level
};

struct ExtractionOptions {
  std::string form;
  bool causal = false;
  Level input_level = Level::kFile;
  double compression = 1.0;  ///< of the magnitudes that the network sees; 1: none
  ArnOptions arn_frame;      ///< the ARN along the bins of an anchor frame
  bool linear_in = false;    ///< its form F2: a linear layer before it
  int arn_window = 0;        ///< frames that attention over time sees; 0: all
  bool normalise_embedding = false;
  int window_samples = kWindowSamples;
  bool magnitude = false;
  EcapaOptions ecapa;

  bool has_local() const {
    return form != "global";
  }
  bool has_global() const {
    return form != "local";
  }
};

/// Reads the shared keys; throws SystemError. The system's own keys and finish() are the caller's.
ExtractionOptions read_extraction_options(Options& options, const ExtractionTraits& traits);

/// Complains where the checkpoint has no tensor of a speaker `network` that the form needs, before
/// each is named: a form that it was not trained for.
void check_form(Weights& weights,
                const ExtractionOptions& o,
                bool needed,
                const char* prefix,
                const char* network);

/// The anchor's hops at rms 1, in the graph `enroll`.
int anchor_hops(GraphBuilder& g);

/// The embedding of anchor_hops(), kept to tell people apart.
int speaker_voice(GraphBuilder& g, int hops, const ExtractionOptions& o);

/// Spectrum of hops, and as the network sees it.
int spectrum_of(GraphBuilder& g, const std::string& name, int hops, const ExtractionOptions& o);
int compressed(GraphBuilder& g, const std::string& name, int spectrum, const ExtractionOptions& o);

/// What a local network is made of: the anchor's spectrum as the network sees it, and its
/// magnitude.
struct Anchor {
  int spectrum = -1;
  int magnitude = -1;
};

/// The output of the ARN_frame of the local network `name`, [161, 1] (spec 1.4).
int arn_frame(GraphBuilder& g,
              const std::string& name,
              const Anchor& anchor,
              const ExtractionOptions& o);

/// Averages `x` over time and keeps it as level `level` of the speaker's local features.
void keep_level(GraphBuilder& g, int level, int x);

/// The graph `enroll`: global path with a projection to `projected` channels (0: the embedding as
/// it is), and `local_network`, where the form has them.
GraphDraft enroll_graph(Weights& weights,
                        const ExtractionOptions& o,
                        int projected,
                        const std::function<void(GraphBuilder&, const Anchor&)>& local_network);

/// `x` joined with level `level` of the local features, which has that many channels; `x` itself in
/// a form without them.
int with_local(GraphBuilder& g,
               const std::string& name,
               int x,
               int level,
               int channels,
               const ExtractionOptions& o);

/// The projected embedding, or the raw one, of `size` channels.
int speaker_embedding(GraphBuilder& g, int size);

/// The mixture in the graph `extract`.
struct Mixture {
  int spectrum = -1;  ///< at its own level
  int seen = -1;      ///< at the input level, compressed
  int gain = -1;      ///< of the input level, [1, 1]; -1: none
};
Mixture mixture(GraphBuilder& g, const ExtractionOptions& o);

/// The spectrum's samples become the graph's output.
void output_samples(GraphBuilder& g, int spectrum, const ExtractionOptions& o);

/// The two graphs as a model of that form.
ModelDraft extraction_model(const ExtractionOptions& o, GraphDraft enroll, GraphDraft extract);

}  // namespace ligero

#endif  // LIGERO_MODEL_SYSTEMS_EXTRACTION_H_
