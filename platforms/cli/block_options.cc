// Seconds to hops.
#include "platforms/cli/block_options.h"

#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdlib>

#include "platforms/cli/refusal.h"

namespace ligero::cli {

namespace {

constexpr double kHopsPerSecond = static_cast<double>(kSampleRateHz) / kHopSamples;
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

int32_t hops_in(double seconds) {
  return static_cast<int32_t>(std::lround(seconds * kHopsPerSecond));
}

}  // namespace

BlockConfig BlockOptions::config() const {
  return {hops_in(block_s), hops_in(context_s), hops_in(look_ahead_s)};
}

std::string describe(const BlockConfig& block) {
  return text("blocks of ",
              block.hops / kHopsPerSecond,
              " s, ",
              block.context_hops / kHopsPerSecond,
              " s before and ",
              block.look_ahead_hops / kHopsPerSecond,
              " s after each");
}

void add_block_options(CLI::App* command, BlockOptions* options) {
  CLI::Option* block =
      command->add_option("--block", options->block_s, "run in blocks of so many seconds")
          ->check(seconds(1.0 / kHopsPerSecond));
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
