// ECAPA-TDNN with its front end: hops of an anchor recording to a speaker embedding (spec 3).
// Not: its blocks (blocks.h).
#ifndef LIGERO_MODEL_SYSTEMS_ECAPA_TDNN_H_
#define LIGERO_MODEL_SYSTEMS_ECAPA_TDNN_H_

#include "model/systems/blocks.h"
#include "model/systems/options.h"

namespace ligero {

/// Sizes; the defaults are the paper's.
struct EcapaOptions {
  int channels = 2048;
  int mfa = 6144;
  int attention = 256;
  int embedding = 256;
  int scale = 8;
  int se = 128;
  std::vector<int> kernels = {5, 3, 3, 3, 1};
  std::vector<int> dilations = {1, 2, 3, 4, 1};
  bool global_context = true;
  bool final_bn = false;
  Edge padding = Edge::kReflect;
};

/// Reads the options; throws SystemError.
EcapaOptions read_ecapa_options(Options options);

/// 80 log mel energies with the time mean of each removed, from scaled hops [1,160].
int anchor_fbank(GraphBuilder& g, int scaled_hops);

/// The raw embedding, a constant [1, options.embedding], from FBank frames.
int ecapa_tdnn(GraphBuilder& g, int fbank, const EcapaOptions& options);

/// 80 triangular filters on the HTK mel scale from 0 to 8000 Hz over 201 bins, row-major [201, 80].
std::vector<float> mel_filters();

}  // namespace ligero

#endif  // LIGERO_MODEL_SYSTEMS_ECAPA_TDNN_H_
