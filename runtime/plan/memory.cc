// SPDX-License-Identifier: Apache-2.0
// Rows, lifetimes, offsets and bytes of everything in a plan.
#include "runtime/plan/memory.h"

#include <algorithm>

#include "runtime/base/checked.h"

namespace ligero {
namespace {

/// Of one tensor over all frames of a call.
constexpr int64_t kMostValues = int64_t{1} << 40;
constexpr int32_t kNever = -2;
constexpr int32_t kBeforeFirst = -1;

/// Rows and bytes of every tensor.
Status plan_rows(const Graph& graph, Plan* plan) {
  const PlanOptions& options = plan->options;
  const bool stream = plan->streams();
  for (int32_t t : graph.outputs) {  // its last rows must still be there after a call
    Placement& place = plan->tensors[static_cast<size_t>(t)];
    if (stream && place.history > place.revised) {
      place.history = std::max(place.history, place.revised + options.max_frames);
    }
  }
  for (size_t t = 0; t < graph.tensors.size(); ++t) {
    const Tensor& tensor = graph.tensors[t];
    Placement& place = plan->tensors[t];
    if (tensor.kind == Kind::kWeight) {
      continue;
    }
    place.live = true;
    place.row = tensor.elements();
    place.capacity = 1;
    place.kept = stream && (!tensor.is_sequence() || place.history > place.revised);
    if (tensor.is_sequence()) {
      place.capacity = place.kept
                           ? history_capacity(options.history, place.history, options.max_frames)
                           : place.history + options.max_frames + place.tail;
    }
    int64_t values = 0;
    LIGERO_CHECK(checked_mul(place.row, place.capacity, &values) && values < kMostValues,
                 Code::kTooLittleMemory,
                 "a tensor is too large for this many frames",
                 static_cast<int32_t>(t),
                 place.row);
    place.bytes = align_up(bytes_of(values, sizeof(float)));
  }
  return {};
}

/// First and last node during which a tensor's memory is in use.
struct Life {
  int32_t begin = kNever;
  int32_t end = kNever;
  int32_t root = -1;  ///< the tensor in whose memory it lies (itself, unless in place)
};

Status find_lives(const Graph& graph, const Plan& plan, Array<Life>* lives) {
  LIGERO_CHECK(lives->allocate(graph.tensors.size()), Code::kTooLittleMemory, "no memory to plan");
  const int32_t last = static_cast<int32_t>(graph.nodes.size());
  for (size_t t = 0; t < lives->size(); ++t) {
    (*lives)[t].root = static_cast<int32_t>(t);
  }
  const auto life = [&](int32_t t) -> Life& { return (*lives)[static_cast<size_t>(t)]; };
  for (int32_t t : graph.inputs) {
    life(t).begin = life(t).end = kBeforeFirst;
  }
  for (int32_t n = 0; n < last; ++n) {
    // Two nodes that run at the same time need their tensors from the first to the second.
    const auto k = static_cast<size_t>(n);
    const int32_t begin = n > 0 && plan.places[k - 1].beside_next ? n - 1 : n;
    const int32_t end = plan.places[k].beside_next ? n + 1 : n;
    for (int32_t t : graph.nodes[k].inputs) {
      if (t >= 0) {
        life(t).end = std::max(life(t).end, end);
      }
    }
    for (int32_t t : graph.nodes[k].outputs) {
      life(t).begin = begin;
      life(t).end = end;
    }
  }
  for (int32_t t : graph.outputs) {
    life(t).end = last;
  }
  if (plan.options.keep_all) {
    for (Life& l : *lives) {
      l.begin = kBeforeFirst;
      l.end = last;
    }
  }
  return {};
}

/// Lets outputs take over the memory of an input that dies with their node.
void share_in_place(const Graph& graph, const Plan& plan, Array<Life>* lives) {
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    if (!node.op->in_place || !node.has_input(0)) {
      continue;
    }
    const size_t in = static_cast<size_t>(node.inputs[0]);
    const size_t out = static_cast<size_t>(node.outputs[0]);
    const Placement& a = plan.tensors[in];
    const Placement& b = plan.tensors[out];
    Life& root = (*lives)[static_cast<size_t>((*lives)[in].root)];
    const bool dies_here = (*lives)[in].end == static_cast<int32_t>(n) &&
                           root.end == static_cast<int32_t>(n) && root.begin >= 0;
    if (a.live && dies_here && !a.kept && !b.kept && a.row == b.row && a.history == b.history &&
        a.tail == b.tail && graph.tensors[in].kind == graph.tensors[out].kind) {
      (*lives)[out].root = (*lives)[in].root;
      root.end = std::max(root.end, (*lives)[out].end);
    }
  }
}

bool overlap(const Life& a, const Life& b) {
  return a.begin <= b.end && b.begin <= a.end;
}

/// Tensors to be placed, in an order, and where that has put them.
struct Arena {
  Array<int32_t> order;
  Array<int32_t> by_offset;
  size_t count = 0;
  size_t least = 0;  ///< bytes that live at once, whatever the places
  size_t bytes = 0;  ///< of the region
  size_t misplaced = 0;  ///< in the order: the largest that ends above `least`, where one does
};

/// The most bytes that any node needs at once.
size_t most_alive(const Graph& graph, const Plan& plan, const Array<Life>& lives, const Arena& arena) {
  size_t most = 0;
  for (int32_t n = kBeforeFirst; n <= static_cast<int32_t>(graph.nodes.size()); ++n) {
    size_t bytes = 0;
    for (size_t i = 0; i < arena.count; ++i) {
      const auto t = static_cast<size_t>(arena.order[i]);
      bytes = overlap(lives[t], {n, n}) ? add_bytes(bytes, plan.tensors[t].bytes) : bytes;
    }
    most = std::max(most, bytes);
  }
  return most;
}

/// Each tensor, in order, at the lowest offset that no tensor of an overlapping life has taken.
void place_in_order(const Array<Life>& lives, Plan* plan, Arena* arena) {
  const auto place_of = [&](int32_t t) -> Placement& { return plan->tensors[static_cast<size_t>(t)]; };
  Array<int32_t>& placed = arena->by_offset;
  arena->bytes = 0;
  size_t largest = 0;
  for (size_t i = 0; i < arena->count; ++i) {
    const int32_t t = arena->order[i];
    const size_t bytes = place_of(t).bytes;
    size_t offset = 0;
    for (size_t p = 0; p < i; ++p) {
      const auto other = static_cast<size_t>(placed[p]);
      if (!overlap(lives[other], lives[static_cast<size_t>(t)])) {
        continue;
      }
      const Placement& there = plan->tensors[other];
      if (there.offset >= add_bytes(offset, bytes)) {
        break;
      }
      offset = std::max(offset, add_bytes(there.offset, there.bytes));
    }
    place_of(t).offset = offset;
    const size_t end = add_bytes(offset, bytes);
    arena->bytes = std::max(arena->bytes, end);
    if (end > arena->least && bytes > largest) {
      largest = bytes;
      arena->misplaced = i;
    }
    size_t at = i;
    for (; at > 0 && place_of(placed[at - 1]).offset > offset; --at) {
      placed[at] = placed[at - 1];
    }
    placed[at] = t;
  }
}

/// Places the activations, the largest first. Where that takes more than must be, the last of some
/// neighbours has found one of them on either side: it goes first the next time, of a few. The best
/// order stays.
Status place_activations(const Graph& graph, Plan* plan, const Array<Life>& lives, size_t* bytes) {
  constexpr int kTries = 12;
  Arena arena;
  Array<int32_t> best;
  const size_t tensors = graph.tensors.size();
  LIGERO_CHECK(arena.order.allocate(tensors) && arena.by_offset.allocate(tensors) &&
                   best.allocate(tensors),
               Code::kTooLittleMemory,
               "no memory to plan");
  for (size_t t = 0; t < tensors; ++t) {
    const Placement& place = plan->tensors[t];
    if (place.live && !place.kept && lives[t].root == static_cast<int32_t>(t) &&
        lives[t].begin != kNever) {
      arena.order[arena.count++] = static_cast<int32_t>(t);
    }
  }
  int32_t* first = arena.order.data();
  std::sort(first, first + arena.count, [&](int32_t a, int32_t b) {
    const size_t x = plan->tensors[static_cast<size_t>(a)].bytes;
    const size_t y = plan->tensors[static_cast<size_t>(b)].bytes;
    return x != y ? x > y : a < b;
  });
  arena.least = most_alive(graph, *plan, lives, arena);
  *bytes = SIZE_MAX;
  for (int i = 0; i < kTries; ++i) {
    place_in_order(lives, plan, &arena);
    if (arena.bytes < *bytes) {
      *bytes = arena.bytes;
      std::copy(first, first + arena.count, best.data());
    }
    if (arena.bytes <= arena.least) {
      return {};
    }
    std::rotate(first, first + arena.misplaced, first + arena.misplaced + 1);
  }
  std::copy(best.data(), best.data() + arena.count, first);
  place_in_order(lives, plan, &arena);
  return {};
}

/// Whether node n is to run beside the next one.
bool pairs_with_next(const Graph& graph, const Plan& plan, size_t n) {
  if (plan.options.threads < 2 || plan.options.mode == Mode::kStream || n + 1 >= graph.nodes.size() ||
      (n > 0 && plan.places[n - 1].beside_next)) {
    return false;
  }
  const Node& a = graph.nodes[n];
  const Node& b = graph.nodes[n + 1];
  const bool needed = std::any_of(b.inputs.begin(), b.inputs.end(), [&](int32_t t) {
    return std::find(a.outputs.begin(), a.outputs.end(), t) != a.outputs.end();
  });
  // Rows that are computed again keep their state in a place that they do not share.
  return a.op->stepwise && b.op->stepwise && !needed && !plan.nodes[n].constant &&
         !plan.nodes[n + 1].constant && plan.places[n].revised == 0 &&
         plan.places[n + 1].revised == 0;
}

}  // namespace

Status plan_memory(const Graph& graph, Plan* plan) {
  LIGERO_RETURN_IF_ERROR(plan_rows(graph, plan));
  size_t state = 0;
  size_t data = 0;
  size_t scratch = 0;
  size_t scratch_before = 0;  // of the node before
  size_t saved = 0;
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    Needs needs;
    if (node.op->measure != nullptr) {
      Status status = node.op->measure(op_context(graph, *plan, n), &needs);
      if (!status.ok()) {
        status.index = static_cast<int32_t>(n);
        return status;
      }
    }
    NodePlacement& place = plan->places[n];
    place.state_offset = state;
    place.state_bytes = needs.state_bytes;
    place.data_offset = data;
    state = add_bytes(state, align_up(needs.state_bytes));
    data = add_bytes(data, align_up(needs.data_bytes));
    place.beside_next = pairs_with_next(graph, *plan, n);
    place.scratch_offset = n > 0 && plan->places[n - 1].beside_next ? scratch_before : 0;
    scratch_before = align_up(needs.scratch_bytes);
    scratch = std::max(scratch, add_bytes(place.scratch_offset, scratch_before));
    saved = std::max(saved, place.revised > 0 ? align_up(needs.state_bytes) : 0);
  }
  for (Placement& place : plan->tensors) {
    if (place.live && place.kept) {
      place.offset = state;
      state = add_bytes(state, place.bytes);
    }
  }
  Array<Life> lives;
  LIGERO_RETURN_IF_ERROR(find_lives(graph, *plan, &lives));
  if (!plan->options.keep_all) {
    share_in_place(graph, *plan, &lives);
  }
  size_t activations = 0;
  LIGERO_RETURN_IF_ERROR(place_activations(graph, plan, lives, &activations));
  plan->memory = MemoryReport{
      state, activations, add_bytes(scratch, saved), data, plan->options.seats};
  LIGERO_CHECK(plan->bytes() < kTooManyBytes,
               Code::kTooLittleMemory,
               "this many frames need more memory than there are addresses");
  for (NodePlacement& place : plan->places) {
    place.data_offset += state + activations;
  }
  for (size_t t = 0; t < plan->tensors.size(); ++t) {
    Placement& place = plan->tensors[t];
    if (place.live && !place.kept && lives[t].root == static_cast<int32_t>(t)) {
      place.offset += state;
    }
  }
  for (size_t t = 0; t < plan->tensors.size(); ++t) {
    if (lives[t].root != static_cast<int32_t>(t)) {
      plan->tensors[t].offset = plan->tensors[static_cast<size_t>(lives[t].root)].offset;
    }
  }
  plan->scratch_offset = state + data + activations;
  plan->saved_offset = plan->scratch_offset + scratch;
  return {};
}

}  // namespace ligero
