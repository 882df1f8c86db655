// Voice to profile, and mixture and profile to voice, for whole recordings. Not: live streams,
// other sample rates, reading audio files.
#ifndef LIGERO_MODEL_SPEECH_SESSION_H_
#define LIGERO_MODEL_SPEECH_SESSION_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "model/format/loader.h"
#include "model/format/profile.h"
#include "model/speech/graph_run.h"
#include "runtime/base/status.h"

namespace ligero {

inline constexpr int32_t kSampleRateHz = 16000;
inline constexpr int32_t kHopSamples = 160;
/// An anchor must be this long, and louder than this (RMS relative to full scale), to hold a voice.
inline constexpr int64_t kMinAnchorSamples = kSampleRateHz;
inline constexpr double kMinAnchorDb = -70.0;

/// Hops that a graph runs for a recording of `samples`: its samples, filled up with zeros to whole
/// hops, and one hop of zeros for the inverse STFT's last half window.
constexpr int64_t hops_of(int64_t samples) {
  return 1 + (samples + kHopSamples - 1) / kHopSamples;
}

/// What a session has done; written as far as it came, also where it failed.
struct SessionReport {
  int64_t samples = 0;          ///< of the recording (all anchors together)
  int64_t cleaned_samples = 0;  ///< NaN or infinite, taken as zero
  double level_db = 0.0;        ///< RMS of the cleaned recording, re full scale; -200 at least
  int64_t frames = 0;           ///< hops run
  size_t block_bytes = 0;       ///< the one allocation of the run
  MemoryReport memory;          ///< what it is made of
};

/// Computes the profile of one person with graph "enroll" of `model`.
///
/// `anchors` are recordings of that person alone, 16 kHz mono, full scale 1. Several are joined end
/// to end, with nothing between: statistics over time then weigh every recorded frame alike, and
/// only the one frame at each seam sees two recordings. NaN and infinities become zero and are
/// counted.
///
/// kBadArgument: no anchor, an anchor shorter than 1 s or silent (Status::index: which anchor,
/// Status::where: its samples), or the model has no graph "enroll" (converted for extraction only).
/// kUnsupportedModel: the graph is not one of hops to constants. kTooLittleMemory: Status::where
/// has the bytes needed. kInternal: the network gave a value that is not finite. `report` may be
/// null. Allocates one block for the run, freed on return, and the profile. Load time.
Result<Profile> enroll(const Model& model,
                       std::span<const std::span<const float>> anchors,
                       const RunOptions& options = {},
                       SessionReport* report = nullptr);

/// The same, of one anchor.
Result<Profile> enroll(const Model& model,
                       std::span<const float> anchor,
                       const RunOptions& options = {},
                       SessionReport* report = nullptr);

/// Extracts the person of `profile` from `mixture` (16 kHz mono, at least one sample) into `voice`,
/// which has the same size, is aligned to it sample by sample, and may be the same memory. NaN and
/// infinities become zero and are counted.
///
/// kBadArgument: nothing in `mixture`, sizes differ, the profile does not fit (Profile::bind), or
/// the model has no graph "extract". kUnsupportedModel: the graph is not one of hops and constants
/// to hops. kTooLittleMemory: Status::where has the bytes needed. On failure `voice` is untouched.
/// Allocates one block for the run, freed on return. Load time.
Status extract(const Model& model,
               const Profile& profile,
               std::span<const float> mixture,
               std::span<float> voice,
               const RunOptions& options = {},
               SessionReport* report = nullptr);

}  // namespace ligero

#endif  // LIGERO_MODEL_SPEECH_SESSION_H_
