// SPDX-License-Identifier: Apache-2.0
// The options --block, --context and --look-ahead. Not: what is done with them (model/session/session.h).
#ifndef LIGERO_PLATFORMS_CLI_BLOCK_OPTIONS_H_
#define LIGERO_PLATFORMS_CLI_BLOCK_OPTIONS_H_

#include <string>

#include "model/session/session.h"

namespace CLI {
class App;
}

namespace ligero::cli {

struct BlockOptions {
  double block_s = 0.0;  ///< 0: not asked for
  double context_s = 2.0;
  double look_ahead_s = 1.0;

  bool asked_for() const {
    return block_s > 0.0;
  }
  BlockConfig config(const Model& model) const;
};

/// "blocks of 0.5 s, 2 s before and 1 s after each"
std::string describe(const Model& model, const BlockConfig& block);

void add_block_options(CLI::App* command, BlockOptions* options);

}  // namespace ligero::cli

#endif  // LIGERO_PLATFORMS_CLI_BLOCK_OPTIONS_H_
