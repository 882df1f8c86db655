// SPDX-License-Identifier: Apache-2.0
// The convolutional recurrent network that LGR-TSE, Speakerfilter and GatedCRN share
// (spec 2.2, 2.3): five layers of stride 2 along the bins, a recurrent part, transposed layers with
// skips. Not: the layers themselves.
#ifndef LIGERO_MODEL_SYSTEMS_CRN_H_
#define LIGERO_MODEL_SYSTEMS_CRN_H_

#include <functional>
#include <string>
#include <vector>

#include "model/systems/extraction.h"

namespace ligero {

inline constexpr int kCrnLayers = 5;
inline constexpr int kCrnBins = 4;  ///< after the encoder: 161, 80, 39, 19, 9, 4

/// Size of the flattened encoder output.
inline int crn_size(const std::vector<int>& channels) {
  return kCrnBins * channels[kCrnLayers - 1];
}

/// One layer: the tensor `x` to `outputs` channels.
using EncoderLayer =
    std::function<int(GraphBuilder& g, const std::string& name, int x, int outputs)>;
using DecoderLayer =
    std::function<int(GraphBuilder& g, const std::string& name, int x, const DeconvShape& shape)>;

/// local.conv2d_1 .. 4 of `x`, level 0 not among them: each output is averaged and kept.
void crn_local(GraphBuilder& g, int x, const std::vector<int>& channels, const EncoderLayer& layer);

/// sep.conv2d_1 .. 5, each of [mixture part, local part]: their outputs, kept as skips. `level0`:
/// channels of the local part of the first.
std::vector<int> crn_encoder(GraphBuilder& g,
                             int x,
                             int level0,
                             const std::vector<int>& channels,
                             const ExtractionOptions& o,
                             const EncoderLayer& layer);

/// reshape_1 and the modulation by the speaker: [4, C] to [1, 4 C], index c * 4 + f. And back.
int crn_flattened(GraphBuilder& g, int x, const ExtractionOptions& o);
int crn_unflattened(GraphBuilder& g, int x);

/// sep.deconv2d_5 .. 1, each of [decoder path, skip], the last one of `outputs` channels.
int crn_decoder(GraphBuilder& g,
                int x,
                const std::vector<int>& skips,
                const std::vector<int>& channels,
                int outputs,
                const DecoderLayer& layer);

/// Of a deep filter: frames and bins, both odd.
struct FilterSize {
  int frames = 5;
  int bins = 3;
  int taps() const {
    return 2 * frames * bins;
  }
};
FilterSize read_filter_size(Options filter);

/// The mixture at its own level, filtered by `taps` (spec 2.6): centred, or causal.
int filtered(GraphBuilder& g, int taps, int spectrum, FilterSize size, bool causal);

}  // namespace ligero

#endif  // LIGERO_MODEL_SYSTEMS_CRN_H_
