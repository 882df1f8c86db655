// SPDX-License-Identifier: Apache-2.0
// Voice to profile, and mixture and profile to voice, for whole recordings at the model's rate.
// Not: live sessions (session.h), other rates (resampler.h), audio files.
#ifndef LIGERO_MODEL_SESSION_RECORDING_H_
#define LIGERO_MODEL_SESSION_RECORDING_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "model/format/loader.h"
#include "model/format/profile.h"
#include "model/session/ports.h"
#include "runtime/base/array.h"
#include "runtime/base/status.h"
#include "runtime/cpu_run.h"

namespace ligero {

/// An anchor must be this long, and louder than this (RMS relative to full scale), to hold a voice.
inline constexpr int32_t kMinAnchorSeconds = 1;
inline constexpr double kMinAnchorDb = -70.0;

/// What enroll() or extract() has done; written as far as it came, also where it failed.
struct RecordingReport {
  int64_t samples = 0;          ///< of the recording (all anchors together)
  int64_t cleaned_samples = 0;  ///< NaN or infinite, taken as zero
  double level_db = 0.0;        ///< RMS of what the network hears, re full scale; -200 at least
  int64_t frames = 0;           ///< hops run
  MemoryReport memory;          ///< of the run
};

/// Computes the profile of one person with graph "enroll" of `model`.
///
/// `anchors` are recordings of that person alone, mono, at the model's rate, full scale 1. Several
/// are joined end to end, with nothing between: statistics over time then weigh every recorded
/// frame alike, and only the one frame at each seam sees two recordings. NaN and infinities become
/// zero and are counted; what lies below the voice counts as silence (low_cut.h).
///
/// kBadArgument: no anchor, an anchor shorter than 1 s or silent (Status::index: which anchor,
/// Status::where: its samples), or as enroll_ports(). kTooLittleMemory: Status::where has the bytes
/// needed. kInternal: the network gave a value that is not finite. kUnsupportedHardware: the
/// accelerator failed. `report` may be null. Allocates the run, freed on return, and the profile.
/// Load time.
Result<Profile> enroll(const Model& model,
                       std::span<const std::span<const float>> anchors,
                       const Processor& processor = Processor(),
                       RecordingReport* report = nullptr);

/// The same, of one anchor.
Result<Profile> enroll(const Model& model,
                       std::span<const float> anchor,
                       const Processor& processor = Processor(),
                       RecordingReport* report = nullptr);

/// The side outputs of a recording: [side outputs of the ports][hops], row h for the samples from
/// h * hop on.
struct SideSignals {
  Array<float> values;
  int64_t hops = 0;

  std::span<const float> of(size_t side_output) const {
    return {values.data() + side_output * static_cast<size_t>(hops), static_cast<size_t>(hops)};
  }
};

/// Extracts the person of `profile` from `mixture` (mono, at the model's rate, at least one sample)
/// into `voice`, which has the same size, is aligned to it sample by sample, and may be the same
/// memory. NaN and infinities become zero and are counted; what lies below the voice does not reach
/// the network, nor the voice (low_cut.h). `profile` is null exactly where the network takes none
/// (Ports::takes_profile()).
///
/// kBadArgument: nothing in `mixture`, sizes differ, no profile where one is needed, or as
/// check_profile(). kBadModel: as extract_ports(). kTooLittleMemory: Status::where has the bytes
/// needed. kUnsupportedHardware: the accelerator failed. On failure `voice` is untouched. `report`
/// and `side` may be null. Allocates the run, freed on return. Load time.
Status extract(const Model& model,
               const Profile* profile,
               std::span<const float> mixture,
               std::span<float> voice,
               const Processor& processor = Processor(),
               RecordingReport* report = nullptr,
               SideSignals* side = nullptr);

}  // namespace ligero

#endif  // LIGERO_MODEL_SESSION_RECORDING_H_
