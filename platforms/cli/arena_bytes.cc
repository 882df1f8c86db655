// SPDX-License-Identifier: Apache-2.0
// Takes the steps of a board in an arena of this machine, and counts.
#include "platforms/cli/arena_bytes.h"

#include <memory>
#include <new>
#include <utility>

#include "model/session/session.h"
#include "ops/table.h"
#include "platforms/capi/handles.h"
#include "platforms/cli/refusal.h"
#include "platforms/cortex_m/table_bytes.h"
#include "runtime/base/aligned_block.h"
#include "runtime/base/arena.h"

namespace ligero::cli {
namespace {

/// As ligero_model_open_in and ligero_session_create of a board.
Status open_session(std::span<const std::byte> bytes) {
  const std::unique_ptr<ligero_model> m(new (std::nothrow) ligero_model);
  LIGERO_CHECK(m != nullptr, Code::kTooLittleMemory, "no memory for a model");
  Result<Model> opened = Model::open(bytes, all_ops());
  LIGERO_RETURN_IF_ERROR(opened.status());
  m->model = std::move(opened.value());
  SessionConfig config;
  config.rate_hz = m->model.rate_hz();
  config.processor.cpu = kCpuMve;
  Result<SessionPlan> plan = plan_sessions(m->model, config);
  LIGERO_RETURN_IF_ERROR(plan.status());
  const std::unique_ptr<ligero_session> session(new (std::nothrow) ligero_session);
  LIGERO_CHECK(session != nullptr, Code::kTooLittleMemory, "no memory for a session");
  session->own.reset(new (std::nothrow) SessionGroup);
  LIGERO_CHECK(session->own != nullptr && session->block.allocate(plan.value().bytes),
               Code::kTooLittleMemory,
               "no memory for a session");
  AlignedBlock& block = session->block;
  return session->own->start(std::move(plan.value()), block.data(), block.size());
}

/// By how much the tables are longer here than on a board.
size_t longer_by(const Model& model) {
  size_t bytes = 0;
  for (const Graph& graph : model.graphs()) {
    bytes += sizeof(Graph) - kBoardGraphBytes;
    bytes += graph.tensors.size() * (sizeof(Tensor) - kBoardTensorBytes);
    bytes += graph.nodes.size() * (sizeof(Node) - kBoardNodeBytes);
    for (const Node& node : graph.nodes) {
      bytes += node.attributes.size() * (sizeof(Attribute) - kBoardAttributeBytes);
    }
  }
  const Graph& extract = *model.graph("extract");
  return bytes + extract.tensors.size() * (sizeof(Placement) - kBoardPlacementBytes) +
         extract.nodes.size() * (sizeof(NodePlacement) - kBoardNodePlacementBytes);
}

}  // namespace

size_t arena_bytes(const ModelFile& file) {
  constexpr size_t kFirst = size_t{1} << 20;
  constexpr size_t kMost = size_t{1} << 31;
  Status status = error(Code::kTooLittleMemory, "no memory to try an arena in");
  for (size_t bytes = kFirst; bytes <= kMost; bytes *= 2) {
    AlignedBlock block;
    if (!block.allocate(bytes)) {
      break;
    }
    Arena arena(block.data(), bytes);
    {
      const UseArena use(&arena);
      status = open_session(file.file.bytes());
    }
    if (status.ok()) {
      return arena.most_bytes() - longer_by(file.model);
    }
    if (status.code != Code::kTooLittleMemory) {
      break;
    }
  }
  refuse_status(text("model '", file.path, "' in an arena"), status);
}

}  // namespace ligero::cli
