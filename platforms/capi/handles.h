// SPDX-License-Identifier: Apache-2.0
// What the handles of the C API hold, and limits of its arguments. Not: the API
// (runtime/api/ligero.h).
#ifndef LIGERO_PLATFORMS_CAPI_HANDLES_H_
#define LIGERO_PLATFORMS_CAPI_HANDLES_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "model/format/loader.h"
#include "model/format/profile.h"
#include "model/session/session.h"
#include "model/session/top_band.h"
#include "runtime/api/ligero.h"
#include "runtime/base/aligned_block.h"
#include "runtime/base/arena.h"
#include "runtime/base/status.h"

#if !defined(LIGERO_BARE)
#include "model/format/whole_file.h"
#endif

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

/// Opens the model in `bytes` as m->model. A refusal is the last error; m is then of no use.
ligero_status open_model(std::span<const std::byte> bytes, ligero_model* m);

}  // namespace ligero::capi

struct ligero_model : ligero::Allocated {
#if !defined(LIGERO_BARE)
  ligero::WholeFile file;  ///< empty if the bytes are the caller's
#endif
  ligero::Model model;
  /// Holds the model and all that its sessions need, if it is set. Models are otherwise read-only.
  mutable ligero::Arena arena;

  /// What UseArena takes: nullptr: the heap.
  ligero::Arena* memory() const {
    return arena.is_set() ? &arena : nullptr;
  }
};

struct ligero_profile : ligero::Allocated {
  ligero::Profile profile;
};

struct ligero_session : ligero::Allocated {
  ligero::SessionGroup* group = nullptr;
  int32_t index = 0;
  std::unique_ptr<ligero::SessionGroup> own;  ///< empty for a session of a batch
  ligero::AlignedBlock block;                 ///< empty if the block is the caller's
  ligero::Arena* memory = nullptr;            ///< of its model

  ligero::Session& session() {
    return (*group)[index];
  }
  const ligero::Session& session() const {
    return (*group)[index];
  }
};

struct ligero_batch : ligero::Allocated {
  ligero::AlignedBlock block;
  ligero::SessionGroup group;
  std::unique_ptr<ligero_session[]> sessions;
};

#endif  // LIGERO_PLATFORMS_CAPI_HANDLES_H_
