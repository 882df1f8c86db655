// SPDX-License-Identifier: Apache-2.0
// What the handles of the C API hold, and limits of its arguments. Not: the API
// (runtime/api/ligero.h).
#ifndef LIGERO_PLATFORMS_CAPI_HANDLES_H_
#define LIGERO_PLATFORMS_CAPI_HANDLES_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "model/format/loader.h"
#include "model/format/profile.h"
#include "model/format/whole_file.h"
#include "model/session/session.h"
#include "model/session/top_band.h"
#include "runtime/api/ligero.h"
#include "runtime/base/aligned_block.h"
#include "runtime/base/status.h"

namespace ligero::capi {

/// Of a recording.
inline constexpr size_t kMostFrames = size_t{1} << 30;

/// A rate of the caller's, for the resampler, which refuses what is no rate.
inline int32_t hertz(uint32_t hz) {
  return static_cast<int32_t>(std::min<uint32_t>(hz, 1u << 30));
}

/// A ligero_bandwidth of the caller's. kBadArgument: there is no such one.
inline Result<Bandwidth> bandwidth_of(uint32_t value) {
  LIGERO_CHECK(value <= LIGERO_BANDWIDTH_SPEECH,
               Code::kBadArgument,
               "no such bandwidth: expected LIGERO_BANDWIDTH_FULL or _SPEECH",
               -1,
               value);
  return static_cast<Bandwidth>(value);
}

}  // namespace ligero::capi

struct ligero_model {
  ligero::WholeFile file;
  ligero::Model model;
};

struct ligero_profile {
  ligero::Profile profile;
};

struct ligero_session {
  ligero::SessionGroup* group = nullptr;
  int32_t index = 0;
  std::unique_ptr<ligero::SessionGroup> own;  ///< empty for a session of a batch
  ligero::AlignedBlock block;                 ///< empty if the block is the caller's

  ligero::Session& session() {
    return (*group)[index];
  }
  const ligero::Session& session() const {
    return (*group)[index];
  }
};

struct ligero_batch {
  ligero::AlignedBlock block;
  ligero::SessionGroup group;
  std::unique_ptr<ligero_session[]> sessions;
};

#endif  // LIGERO_PLATFORMS_CAPI_HANDLES_H_
