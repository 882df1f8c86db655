// SPDX-License-Identifier: Apache-2.0
// A graph written out: its nodes and tensors, and where its weights lie in the file. Not: what it
// costs (info.cc).
#ifndef LIGERO_PLATFORMS_CLI_COMMANDS_GRAPH_JSON_H_
#define LIGERO_PLATFORMS_CLI_COMMANDS_GRAPH_JSON_H_

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "platforms/cli/model_file.h"
#include "runtime/plan/plan.h"

namespace ligero::cli {

/// {"inputs", "outputs": names; "tensors": [{name, kind, dims; of a weight also type, layout,
/// offset, bytes, scale_offset: bytes from the start of the file}]; "nodes": [{name, op, inputs:
/// names or null, outputs, attributes: {name: [values]}, time: for each input [use, past,
/// future]}]}. `facts`: of infer_graph().
nlohmann::ordered_json graph_json(const ModelFile& file,
                                  const Graph& graph,
                                  const Array<NodeFacts>& facts);

}  // namespace ligero::cli

#endif  // LIGERO_PLATFORMS_CLI_COMMANDS_GRAPH_JSON_H_
