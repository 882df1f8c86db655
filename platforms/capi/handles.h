// What the handles of the C API hold. Not: the API (runtime/api/ligero.h).
#ifndef LIGERO_PLATFORMS_CAPI_HANDLES_H_
#define LIGERO_PLATFORMS_CAPI_HANDLES_H_

#include <cstdint>
#include <memory>

#include "model/format/loader.h"
#include "model/format/profile.h"
#include "model/format/whole_file.h"
#include "model/session/session.h"
#include "runtime/api/ligero.h"
#include "runtime/base/aligned_block.h"

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
