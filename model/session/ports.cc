// SPDX-License-Identifier: Apache-2.0
// Ports follow from the graph's inputs and outputs; rate and hop from the model file.
#include "model/session/ports.h"

#include <algorithm>

#include "runtime/base/checked.h"
#include "runtime/plan/plan.h"

namespace ligero {
namespace {

const Tensor& tensor_of(const Graph& graph, int32_t t) {
  return graph.tensors[static_cast<size_t>(t)];
}

/// Inputs: one sequence of hops; all others are constants.
Status find_inputs(Ports* ports) {
  const Graph& graph = *ports->graph;
  int32_t sequences = 0;
  for (size_t k = 0; k < graph.inputs.size(); ++k) {
    const Tensor& t = tensor_of(graph, graph.inputs[k]);
    if (!t.is_sequence()) {
      ports->profile_floats += static_cast<size_t>(t.elements());
      continue;
    }
    LIGERO_CHECK(++sequences == 1 && t.elements() == ports->hop_samples,
                 Code::kBadModel,
                 "the graph does not take one sequence of hops: 'index' is the tensor, 'where' the "
                 "samples of a hop expected",
                 graph.inputs[k],
                 ports->hop_samples);
    ports->hops_in = k;
  }
  LIGERO_CHECK(sequences == 1, Code::kBadModel, "the graph takes no sequence of hops");
  return {};
}

/// Outputs of graph "extract": the first is the voice, the others give one float a hop.
Status find_outputs(Ports* ports) {
  const Graph& graph = *ports->graph;
  const auto is_hops = [&](int32_t t) {
    return tensor_of(graph, t).is_sequence() && tensor_of(graph, t).elements() == ports->hop_samples;
  };
  LIGERO_CHECK(!graph.outputs.empty() && is_hops(graph.outputs[0]),
               Code::kBadModel,
               "the graph \"extract\" does not give one sequence of hops: 'where' is the samples of "
               "a hop expected",
               -1,
               ports->hop_samples);
  LIGERO_CHECK(graph.outputs.size() <= 1 + Ports::kMostSideOutputs,
               Code::kUnsupportedModel,
               "the graph \"extract\" has more side outputs than 4",
               -1,
               static_cast<int64_t>(graph.outputs.size()) - 1);
  const Result<OutputTiming> voice = output_timing(graph, 0);
  LIGERO_RETURN_IF_ERROR(voice.status());
  ports->lag_hops = voice.value().lag;
  for (size_t k = 1; k < graph.outputs.size(); ++k) {
    const int32_t t = graph.outputs[k];
    LIGERO_CHECK(tensor_of(graph, t).is_sequence() && tensor_of(graph, t).elements() == 1,
                 Code::kBadModel,
                 "a side output is not one float a hop",
                 t,
                 tensor_of(graph, t).elements());
    const Result<OutputTiming> side = output_timing(graph, k);
    LIGERO_RETURN_IF_ERROR(side.status());
    const int32_t ahead = voice.value().delay + voice.value().lag -
                          (side.value().delay + side.value().lag);
    LIGERO_CHECK(ahead >= 0 && ahead <= Ports::kMostAheadHops &&
                     side.value().lag <= std::max<int32_t>(1, ports->lag_hops),
                 Code::kBadModel,
                 "a side output is later than the voice, or too many hops ahead of it",
                 t,
                 ahead);
    ports->side_outputs[ports->num_side_outputs++] = {tensor_of(graph, t).name, k, side.value().lag, ahead};
  }
  return {};
}

Result<Ports> start_ports(const Model& model, std::string_view name, Status missing) {
  Ports ports;
  ports.graph = model.graph(name);
  ports.rate_hz = model.rate_hz();
  ports.hop_samples = model.hop_samples();
  if (ports.graph == nullptr) {
    return missing;
  }
  LIGERO_RETURN_IF_ERROR(find_inputs(&ports));
  return ports;
}

}  // namespace

int32_t Ports::find_side_output(std::string_view name) const {
  for (size_t k = 0; k < num_side_outputs; ++k) {
    if (side_outputs[k].name == name) {
      return static_cast<int32_t>(k);
    }
  }
  return -1;
}

int32_t Ports::hops_in_ms(int32_t ms) const {
  constexpr int64_t kMsPerSecond = 1000;
  const int64_t samples = int64_t{ms} * rate_hz / kMsPerSecond;
  return std::max<int32_t>(1, static_cast<int32_t>((samples + hop_samples / 2) / hop_samples));
}

int64_t Ports::rows_of(int64_t samples) const {
  return std::max<int32_t>(1, lag_hops) + ceil_div(samples, hop_samples);
}

Result<Ports> extract_ports(const Model& model) {
  Result<Ports> ports =
      start_ports(model, "extract", error(Code::kBadModel, "the model has no graph \"extract\""));
  LIGERO_RETURN_IF_ERROR(ports.status());
  LIGERO_RETURN_IF_ERROR(find_outputs(&ports.value()));
  return ports;
}

Result<Ports> enroll_ports(const Model& model) {
  Result<Ports> ports = start_ports(
      model,
      "enroll",
      error(Code::kBadArgument,
            "the model has no graph \"enroll\": it was converted for extraction only, or its network "
            "needs no profile"));
  LIGERO_RETURN_IF_ERROR(ports.status());
  const Graph& graph = *ports.value().graph;
  LIGERO_CHECK(graph.inputs.size() == 1 && std::all_of(graph.outputs.begin(),
                                                       graph.outputs.end(),
                                                       [&](int32_t t) {
                                                         return tensor_of(graph, t).kind ==
                                                                Kind::kConstant;
                                                       }),
               Code::kBadModel,
               "the graph \"enroll\" does not map one sequence of hops to constants");
  return ports;
}

Status check_profile(const Model& model, const Ports& ports, const Profile& profile) {
  LIGERO_CHECK(ports.takes_profile(),
               Code::kBadArgument,
               "the network takes no profile: it needs no speaker and is always on");
  return profile.bind(model, *ports.graph);
}

}  // namespace ligero
