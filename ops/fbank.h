// SPDX-License-Identifier: Apache-2.0
// The recipes of fbank, for the op and GPU backends. Not: how a frame is computed.
#ifndef LIGERO_OPS_FBANK_H_
#define LIGERO_OPS_FBANK_H_

#include <cstdint>

#include "ops/options.h"
#include "ops/window.h"

namespace ligero {

enum class FbankLog { kDecibel, kNaturalSum, kNaturalFloor };

/// How samples become frames and energies become levels.
struct FbankRecipe {
  bool mirror;         ///< the signal goes on mirrored at both ends; else with zeros
  bool kaldi_frame;    ///< mean off, pre-emphasis and a symmetric window, each frame for itself
  double (*window)(int32_t i, int32_t period);
  float pre_emphasis;  ///< of x[n] - c x[n - 1]
  int32_t lead_hops;   ///< frame t begins lead_hops * hop before sample t * hop; -1: it is centred
  FbankLog log;
  float floor;  ///< least energy, or what is added to it
};

inline constexpr FbankRecipe kFbankRecipes[] = {
    {false, false, hamming, 0.0f, -1, FbankLog::kDecibel, 1e-10f},            // SpeechBrain
    {true, false, hamming, 0.97f, -1, FbankLog::kNaturalSum, 1e-6f},          // torchaudio, emphasised
    {true, true, hamming, 0.97f, 1, FbankLog::kNaturalFloor, 1.1920929e-7f},  // Kaldi as in WeSpeaker
    {true, true, povey, 0.97f, 1, FbankLog::kNaturalFloor, 1.1920929e-7f},    // Kaldi
};

/// Sample i of the window.
inline double fbank_window(const FbankOptions& o, int32_t i) {
  const FbankRecipe& recipe = kFbankRecipes[o.recipe];
  return recipe.window(i, recipe.kaldi_frame ? o.window - 1 : o.window);
}

/// Samples by which frame t begins before sample t * hop.
inline int32_t fbank_lead(const FbankOptions& o) {
  const int32_t hops = kFbankRecipes[o.recipe].lead_hops;
  return hops < 0 ? o.window / 2 : hops * o.hop;
}

}  // namespace ligero

#endif  // LIGERO_OPS_FBANK_H_
