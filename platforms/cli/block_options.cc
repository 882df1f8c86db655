// SPDX-License-Identifier: Apache-2.0
// Seconds to hops.
#include "platforms/cli/block_options.h"

#include <CLI/CLI.hpp>
#include <cstdlib>

#include "model/session/blocks.h"
#include "platforms/cli/refusal.h"

namespace ligero::cli {

namespace {

constexpr double kLeastBlockSeconds = 0.01;
constexpr double kMostSeconds = 60.0;

/// CLI::Range lets NaN through.
CLI::Validator seconds(double least) {
  return {[least](const std::string& text) {
            char* end = nullptr;
            const double value = std::strtod(text.c_str(), &end);
            const bool good = *end == '\0' && value >= least && value <= kMostSeconds;
            return good ? std::string()
                        : ligero::cli::text(text, ": expected ", least, " to ", kMostSeconds);
          },
          text("SECONDS in [", least, " - ", kMostSeconds, "]")};
}

double hops_per_second(const Model& model) {
  return static_cast<double>(model.rate_hz()) / model.hop_samples();
}

}  // namespace

BlockConfig BlockOptions::config(const Model& model) const {
  return blocks_of(model, block_s, context_s, look_ahead_s);
}

std::string describe(const Model& model, const BlockConfig& block) {
  return text("blocks of ",
              block.hops / hops_per_second(model),
              " s, ",
              block.context_hops / hops_per_second(model),
              " s before and ",
              block.look_ahead_hops / hops_per_second(model),
              " s after each");
}

void add_block_options(CLI::App* command, BlockOptions* options) {
  CLI::Option* block =
      command->add_option("--block", options->block_s, "run in blocks of so many seconds")
          ->check(seconds(kLeastBlockSeconds));
  command
      ->add_option("--context", options->context_s, "seconds that a block sees of what went before")
      ->check(seconds(0.0))
      ->needs(block)
      ->capture_default_str();
  command
      ->add_option("--look-ahead",
                   options->look_ahead_s,
                   "seconds that a block sees of what follows; live, they add to the latency")
      ->check(seconds(0.0))
      ->needs(block)
      ->capture_default_str();
}

}  // namespace ligero::cli
