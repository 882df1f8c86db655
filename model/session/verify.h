// SPDX-License-Identifier: Apache-2.0
// Whether two profiles are of one person. Not: enrolment (recording.h).
#ifndef LIGERO_MODEL_SESSION_VERIFY_H_
#define LIGERO_MODEL_SESSION_VERIFY_H_

#include "model/format/profile.h"
#include "runtime/base/status.h"

namespace ligero {

/// The constant of a profile that says who speaks and nothing else: the speaker network's
/// embedding.
inline constexpr char kVoiceTensor[] = "profile.voice";

/// From this similarity on, two profiles count as one person's. Of the validation speakers' clips of
/// 2.5 s and more, lgr-tse-small then refuses 1 % of the pairs of one person, and accepts 2 % of
/// those of two (ligero_torch.evaluate.voices). All of a person's clips are of one session: over months and
/// microphones more will be refused.
inline constexpr double kSamePerson = 0.65;

/// Cosine of the two voices, -1 to 1. kBadArgument: profiles of different families, or one without
/// a voice (of a model without a speaker network). Any thread.
Result<double> similarity(const Profile& a, const Profile& b);

}  // namespace ligero

#endif  // LIGERO_MODEL_SESSION_VERIFY_H_
