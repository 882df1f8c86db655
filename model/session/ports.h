// SPDX-License-Identifier: Apache-2.0
// What a graph of a model takes and gives: hops of samples, side inputs (the profile), side outputs
// (one float a hop), rate and hop. Not: queues and rates of a session (signal.h).
#ifndef LIGERO_MODEL_SESSION_PORTS_H_
#define LIGERO_MODEL_SESSION_PORTS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "model/format/loader.h"
#include "model/format/profile.h"
#include "runtime/base/checked.h"
#include "runtime/base/status.h"
#include "runtime/graph.h"

namespace ligero {

/// Hops that hold `samples`, and one more that flushes the inverse STFT.
constexpr int64_t hops_of(int64_t samples, int32_t hop_samples) {
  return 1 + ceil_div(samples, hop_samples);
}

/// An output of one float a hop, such as the target's activity.
struct SideOutput {
  std::string_view name;
  size_t port = 0;         ///< among the graph's outputs
  int32_t lag_hops = 0;    ///< by which a row lags what it describes, offline
  /// Live: its rows describe hops so many later than the voice's rows. Frame by frame; a session in
  /// blocks finds its own.
  int32_t ahead_hops = 0;
};

struct Ports {
  static constexpr size_t kMostSideOutputs = 4;
  /// Most hops by which a side output may be ahead of the voice: the longest look-ahead of a block
  /// for two ops that need it, and more than any network's own delay.
  static constexpr int32_t kMostAheadHops = 16384;

  const Graph* graph = nullptr;
  int32_t rate_hz = 0;
  int32_t hop_samples = 0;
  size_t hops_in = 0;         ///< port of the sequence of hops among the graph's inputs
  size_t hops_out = 0;        ///< port of the voice among the graph's outputs
  int32_t lag_hops = 0;       ///< by which a row of the voice lags what it describes, offline
  size_t profile_floats = 0;  ///< of all side inputs together
  size_t num_side_outputs = 0;
  std::array<SideOutput, kMostSideOutputs> side_outputs;

  /// False: a network that needs no speaker, always on.
  bool takes_profile() const {
    return profile_floats > 0;
  }
  /// Position of the side output of that name, or -1.
  int32_t find_side_output(std::string_view name) const;
  /// Whole hops in so many milliseconds, rounded to nearest, at least 1.
  int32_t hops_in_ms(int32_t ms) const;
  /// Rows that a whole recording of `samples` needs: all its hops, and those by which the output
  /// lags.
  int64_t rows_of(int64_t samples) const;
};

/// The ports of graph "extract". kBadModel: no such graph; not one sequence of hops in, or not one
/// sequence of hops out; a further output that is not one float a hop, or is later than the voice
/// (Status::index: the tensor). Load time.
Result<Ports> extract_ports(const Model& model);

/// The ports of graph "enroll": hops in, constants out. kBadArgument: the model was converted
/// without it, or takes no profile. kBadModel: other inputs or outputs. Load time.
Result<Ports> enroll_ports(const Model& model);

/// Whether `profile` fits the ports. kBadArgument: as Profile::bind(); the network takes no profile.
Status check_profile(const Model& model, const Ports& ports, const Profile& profile);

}  // namespace ligero

#endif  // LIGERO_MODEL_SESSION_PORTS_H_
