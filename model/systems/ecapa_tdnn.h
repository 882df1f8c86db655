// SPDX-License-Identifier: Apache-2.0
// ECAPA-TDNN with its front end: hops of an anchor recording to a speaker embedding (spec 3).
// Not: its blocks (blocks.h).
#ifndef LIGERO_MODEL_SYSTEMS_ECAPA_TDNN_H_
#define LIGERO_MODEL_SYSTEMS_ECAPA_TDNN_H_

#include "model/systems/blocks.h"
#include "model/systems/options.h"

namespace ligero {

/// Public implementations, which differ in names, order of channels and details (spec 3.2).
enum class EcapaLayout { kSpeechBrain, kTaoRuijie, kWeSpeaker };

/// The front ends that public checkpoints were trained on. A layout has one of its own, but other
/// projects train on other features under the same names (3D-Speaker: SpeechBrain's names).
enum class EcapaFront { kSpeechBrain, kTaoRuijie, kWeSpeaker, kKaldi, k3dSpeaker };

/// Sizes; the defaults are the paper's. The switches without an option follow from the layout.
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
  bool summed_inputs = false;  ///< a block sees the sum of what all blocks before it gave
  bool mfa_norm = true;        ///< batch norm after the layer that joins the blocks
  PoolingShape pooling;        ///< all but attention and global_context
};

/// Reads the options; throws SystemError.
EcapaOptions read_ecapa_options(Options options);

/// 80 log mel energies with the time mean of each removed, from scaled hops [1,160].
int anchor_fbank(GraphBuilder& g, int scaled_hops, EcapaFront front = EcapaFront::kSpeechBrain);

/// The raw embedding, a constant [1, options.embedding], from FBank frames.
int ecapa_tdnn(GraphBuilder& g, int fbank, const EcapaOptions& options);

/// The filters of a front end over n_fft / 2 + 1 bins up to 8000 Hz, row-major [bins, 80].
std::vector<float> mel_filters(EcapaFront front);

/// Tells `weights` where the tensors that ecapa_tdnn() takes stand in a checkpoint of that layout.
void set_origins(EcapaLayout layout, const EcapaOptions& options, Weights* weights);

}  // namespace ligero

#endif  // LIGERO_MODEL_SYSTEMS_ECAPA_TDNN_H_
