// SPDX-License-Identifier: Apache-2.0
// How much memory a board without an operating system needs for a model. Not: that board
// (platforms/cortex_m).
#ifndef LIGERO_PLATFORMS_CLI_ARENA_BYTES_H_
#define LIGERO_PLATFORMS_CLI_ARENA_BYTES_H_

#include <cstddef>

#include "platforms/cli/model_file.h"

namespace ligero::cli {

/// Bytes of the arena (ligero_model_open_in) in which a 32-bit board opens the model and creates one
/// session, frame by frame at the model's rate: what this machine takes for the same steps with the
/// kernels of a Cortex-M55, less what its pointers make the tables longer. Pointers outside the tables
/// still count 8 bytes, so a board needs this much at most; `./run test-m55` compares. Refuses a model
/// that no session can run frame by frame.
size_t arena_bytes(const ModelFile& file);

}  // namespace ligero::cli

#endif  // LIGERO_PLATFORMS_CLI_ARENA_BYTES_H_
