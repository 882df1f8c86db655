// The planner: shapes, delays and history, lifetimes, placement.
#include "runtime/planner.h"

#include <algorithm>

#include "runtime/base/checked.h"

namespace ligero {
namespace {

/// Of one tensor over all frames of a call.
constexpr int64_t kMostValues = int64_t{1} << 40;
constexpr int32_t kNever = -2;
constexpr int32_t kBeforeFirst = -1;

bool is_sequence(const Tensor& t) {
  return t.kind == Kind::kSequence;
}

Status check_indices(const Graph& graph, const Node& node, int32_t index, Array<bool>& produced) {
  const int32_t count = static_cast<int32_t>(graph.tensors.size());
  LIGERO_CHECK(node.op != nullptr, Code::kUnsupportedModel, "node without an op", index);
  LIGERO_CHECK(node.inputs.size() <= kMaxInputs, Code::kBadModel, "node has too many inputs", index);
  LIGERO_CHECK(!node.outputs.empty() && node.outputs.size() <= kMaxOutputs,
               Code::kBadModel,
               "node has no output or too many",
               index);
  for (int32_t t : node.inputs) {
    LIGERO_CHECK(t >= -1 && t < count, Code::kBadModel, "node input is no tensor", index, t);
    if (t >= 0) {
      LIGERO_CHECK(produced[static_cast<size_t>(t)],
                   Code::kBadModel,
                   "node reads a tensor that no earlier node produces",
                   index,
                   t);
    }
  }
  for (int32_t t : node.outputs) {
    LIGERO_CHECK(t >= 0 && t < count, Code::kBadModel, "node output is no tensor", index, t);
    LIGERO_CHECK(!produced[static_cast<size_t>(t)],
                 Code::kBadModel,
                 "tensor is produced twice",
                 index,
                 t);
  }
  return {};
}

Status check_shape(const Tensor& stored, const Inference::Output& found, int32_t index) {
  bool same = stored.kind == found.kind && stored.rank == found.rank && stored.type == Type::kF32;
  for (int32_t d = 0; same && d < found.rank; ++d) {
    same = stored.dim[d] == found.dim[d];
  }
  LIGERO_CHECK(same,
               Code::kBadModel,
               "the stored shape of a node's output is not what its op gives",
               index,
               found.dim[0]);
  return {};
}

Status infer_node(const Graph& graph, int32_t index, NodeFacts* facts) {
  const Node& node = graph.nodes[static_cast<size_t>(index)];
  Inference inference;
  bool any_sequence = false;
  for (int32_t t : node.inputs) {
    any_sequence |= t >= 0 && is_sequence(graph.tensors[static_cast<size_t>(t)]);
  }
  for (Inference::Output& o : inference.outputs) {
    o.kind = any_sequence ? Kind::kSequence : Kind::kConstant;
  }
  Status status = parse_options(node, &facts->options);
  if (status.ok()) {
    status = node.op->infer(OpContext{node, graph.tensors, facts->options}, &inference);
  }
  if (!status.ok()) {
    status.index = index;
    return status;
  }
  for (size_t k = 0; k < node.outputs.size(); ++k) {
    const Tensor& stored = graph.tensors[static_cast<size_t>(node.outputs[k])];
    LIGERO_RETURN_IF_ERROR(check_shape(stored, inference.outputs[k], index));
    LIGERO_CHECK(any_sequence || !is_sequence(stored),
                 Code::kBadModel,
                 "a sequence out of constants",
                 index);
  }
  std::copy(std::begin(inference.time), std::end(inference.time), facts->time);
  facts->macs = inference.macs;
  facts->macs_by_signal = inference.macs_by_signal;
  facts->recurrence = inference.recurrence;
  facts->output_lag = inference.output_lag;
  facts->constant = !any_sequence;
  return {};
}

bool needs_whole(const Graph& graph, const NodeFacts& facts, const Node& node, size_t k) {
  return node.inputs[k] >= 0 && is_sequence(graph.tensors[static_cast<size_t>(node.inputs[k])]) &&
         facts.time[k].use == TimeUse::kWhole;
}

/// Tensors that an op which needs the whole sequence reads, or reads what comes from them.
Status find_seen(const Graph& graph, const Plan& plan, Array<bool>* seen) {
  LIGERO_CHECK(seen->allocate(graph.tensors.size()), Code::kTooLittleMemory, "no memory to plan");
  for (size_t n = graph.nodes.size(); n-- > 0;) {
    const Node& node = graph.nodes[n];
    const bool passes_on = std::any_of(node.outputs.begin(), node.outputs.end(), [&](int32_t t) {
      return (*seen)[static_cast<size_t>(t)];
    });
    for (size_t k = 0; k < node.inputs.size(); ++k) {
      if (node.inputs[k] >= 0 && (passes_on || needs_whole(graph, plan.nodes[n], node, k))) {
        (*seen)[static_cast<size_t>(node.inputs[k])] = true;
      }
    }
  }
  return {};
}

/// How far input `k` of a node reaches beyond the frame that the node computes.
int32_t reach(const Plan& plan, size_t n, size_t k, const Placement& in) {
  const TimeBehaviour& time = plan.nodes[n].time[k];
  if (plan.options.mode == Mode::kOffline) {
    return 0;
  }
  if (plan.places[n].revised > 0) {  // takes what there is, and computes it again
    return time.future;
  }
  return time.use == TimeUse::kWhole ? plan.options.look_ahead_frames : time.future + in.revised;
}

/// Whether node `n` works on a part of the signal, or on what does; and what it computes again.
void plan_revision(const Graph& graph, size_t n, const Array<bool>& seen, Plan* plan) {
  const Node& node = graph.nodes[n];
  NodePlacement& place = plan->places[n];
  bool partial = false;
  place.fixed = plan->nodes[n].constant;
  for (size_t k = 0; k < node.inputs.size(); ++k) {
    if (node.inputs[k] >= 0) {
      const Placement& in = plan->tensors[static_cast<size_t>(node.inputs[k])];
      partial |= in.partial || needs_whole(graph, plan->nodes[n], node, k);
      place.fixed &= in.fixed;
    }
  }
  for (int32_t t : node.outputs) {
    if (partial && seen[static_cast<size_t>(t)]) {
      place.revised = plan->options.look_ahead_frames;
    }
  }
  for (int32_t t : node.outputs) {
    plan->tensors[static_cast<size_t>(t)].partial = partial;
    plan->tensors[static_cast<size_t>(t)].fixed = place.fixed;
  }
}

/// Delay, history, tail and lag of every tensor, and the delay of every node.
Status plan_time(const Graph& graph, Plan* plan) {
  const PlanOptions& options = plan->options;
  const bool stream = options.mode != Mode::kOffline;
  Array<bool> seen;
  LIGERO_RETURN_IF_ERROR(find_seen(graph, *plan, &seen));
  for (size_t t = 0; t < graph.tensors.size(); ++t) {
    plan->tensors[t].fixed = !is_sequence(graph.tensors[t]);
  }
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    const NodeFacts& facts = plan->nodes[n];
    plan_revision(graph, n, seen, plan);
    NodePlacement& place = plan->places[n];
    int32_t lag = 0;
    for (size_t k = 0; k < node.inputs.size(); ++k) {
      if (options.mode == Mode::kStream && needs_whole(graph, facts, node, k)) {
        return error(Code::kBadArgument,
                     "an op needs the whole sequence, so this graph cannot run frame by frame",
                     static_cast<int32_t>(n),
                     static_cast<int64_t>(k));
      }
      if (node.inputs[k] >= 0) {
        const Placement& in = plan->tensors[static_cast<size_t>(node.inputs[k])];
        place.delay = std::max(place.delay, in.delay + reach(*plan, n, k, in));
        lag = std::max(lag, in.lag);
      }
    }
    for (size_t k = 0; k < node.inputs.size(); ++k) {
      const int32_t t = node.inputs[k];
      if (t < 0 || !is_sequence(graph.tensors[static_cast<size_t>(t)])) {
        continue;
      }
      Placement& in = plan->tensors[static_cast<size_t>(t)];
      const TimeBehaviour& time = facts.time[k];
      const int32_t past = time.use == TimeUse::kWhole ? options.context_frames : time.past;
      in.history = std::max(in.history, place.revised + place.delay - in.delay + past);
      in.tail = std::max(in.tail, stream ? 0 : time.future);
    }
    for (int32_t t : node.outputs) {
      Placement& out = plan->tensors[static_cast<size_t>(t)];
      out.delay = place.delay;
      out.revised = is_sequence(graph.tensors[static_cast<size_t>(t)]) ? place.revised : 0;
      out.history = out.revised;
      out.lag = lag + facts.output_lag;
    }
  }
  return {};
}

Status plan_sizes(const Graph& graph, Plan* plan) {
  const PlanOptions& options = plan->options;
  const bool stream = options.mode != Mode::kOffline;
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
    if (is_sequence(tensor)) {
      place.capacity = place.history + options.max_frames + place.tail;
      place.state = stream && place.history > place.revised;
      if (place.state) {
        place.capacity += std::max<int32_t>(1, place.history / 4);
      }
    } else {
      place.state = stream;
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
    if (a.live && dies_here && !a.state && !b.state && a.row == b.row && a.history == b.history &&
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
    if (place.live && !place.state && lives[t].root == static_cast<int32_t>(t) &&
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

/// Offsets of everything: state, data, activations, scratch.
Status plan_memory(const Graph& graph, Plan* plan) {
  size_t state = 0;
  size_t data = 0;
  size_t scratch = 0;
  size_t scratch_before = 0;  // of the node before
  size_t kept = 0;
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
    kept = std::max(kept, place.revised > 0 ? align_up(needs.state_bytes) : 0);
  }
  for (Placement& place : plan->tensors) {
    if (place.live && place.state) {
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
  plan->memory = MemoryReport{state, activations, add_bytes(scratch, kept), data};
  LIGERO_CHECK(plan->bytes() < kTooManyBytes,
               Code::kTooLittleMemory,
               "this many frames need more memory than there are addresses");
  for (NodePlacement& place : plan->places) {
    place.data_offset += state;
  }
  for (size_t t = 0; t < plan->tensors.size(); ++t) {
    Placement& place = plan->tensors[t];
    if (place.live && !place.state && lives[t].root == static_cast<int32_t>(t)) {
      place.offset += state + data;
    }
  }
  for (size_t t = 0; t < plan->tensors.size(); ++t) {
    if (lives[t].root != static_cast<int32_t>(t)) {
      plan->tensors[t].offset = plan->tensors[static_cast<size_t>(lives[t].root)].offset;
    }
  }
  plan->scratch_offset = state + data + activations;
  plan->kept_offset = plan->scratch_offset + scratch;
  return {};
}

Status start_plan(const Graph& graph, const PlanOptions& options, Plan* plan) {
  plan->options = options;
  LIGERO_CHECK(plan->tensors.allocate(graph.tensors.size()) && plan->places.allocate(graph.nodes.size()),
               Code::kTooLittleMemory,
               "no memory to plan");
  LIGERO_RETURN_IF_ERROR(infer_graph(graph, &plan->nodes));
  return plan_time(graph, plan);
}

}  // namespace

Status infer_graph(const Graph& graph, Array<NodeFacts>* facts) {
  Array<bool> produced;
  const size_t count = graph.tensors.size();
  LIGERO_CHECK(produced.allocate(count) && facts->allocate(graph.nodes.size()),
               Code::kTooLittleMemory,
               "no memory to check a graph");
  for (size_t t = 0; t < count; ++t) {
    produced[t] = graph.tensors[t].kind == Kind::kWeight;
  }
  for (int32_t t : graph.inputs) {
    LIGERO_CHECK(t >= 0 && static_cast<size_t>(t) < count && !produced[static_cast<size_t>(t)],
                 Code::kBadModel,
                 "a graph input is no tensor, a weight or named twice",
                 -1,
                 t);
    LIGERO_CHECK(graph.tensors[static_cast<size_t>(t)].type == Type::kF32,
                 Code::kBadModel,
                 "a graph input is not float",
                 -1,
                 t);
    produced[static_cast<size_t>(t)] = true;
  }
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    const int32_t index = static_cast<int32_t>(n);
    LIGERO_RETURN_IF_ERROR(check_indices(graph, graph.nodes[n], index, produced));
    LIGERO_RETURN_IF_ERROR(infer_node(graph, index, &(*facts)[n]));
    for (int32_t t : graph.nodes[n].outputs) {
      produced[static_cast<size_t>(t)] = true;
    }
  }
  for (int32_t t : graph.outputs) {
    LIGERO_CHECK(t >= 0 && static_cast<size_t>(t) < count && produced[static_cast<size_t>(t)] &&
                     graph.tensors[static_cast<size_t>(t)].kind != Kind::kWeight,
                 Code::kBadModel,
                 "a graph output is no tensor that a node produces",
                 -1,
                 t);
  }
  return {};
}

Result<Plan> make_plan(const Graph& graph, const PlanOptions& options) {
  LIGERO_CHECK(options.max_frames >= 1 && options.threads >= 1,
               Code::kBadArgument,
               "a plan needs at least one frame and one thread",
               options.max_frames,
               options.threads);
  for (int32_t frames : {options.context_frames, options.look_ahead_frames}) {
    LIGERO_CHECK(frames >= 0 && frames <= (options.mode == Mode::kBlocks ? kMaxAroundFrames : 0),
                 Code::kBadArgument,
                 "context and look-ahead of a block must be 0 to 60000 frames",
                 -1,
                 frames);
  }
  Plan plan;
  LIGERO_RETURN_IF_ERROR(start_plan(graph, options, &plan));
  LIGERO_RETURN_IF_ERROR(plan_sizes(graph, &plan));
  LIGERO_RETURN_IF_ERROR(plan_memory(graph, &plan));
  return plan;
}

OpContext op_context(const Graph& graph, const Plan& plan, size_t n) {
  const PlanOptions& options = plan.options;
  const int32_t frames = plan.nodes[n].constant ? 1 : options.max_frames + plan.places[n].revised;
  return {graph.nodes[n],
          graph.tensors,
          plan.nodes[n].options,
          options.cpu,
          frames,
          options.threads,
          options.context_frames + options.look_ahead_frames};
}

Result<OutputTiming> output_timing(const Graph& graph, size_t k) {
  LIGERO_CHECK(k < graph.outputs.size(), Code::kBadArgument, "no such graph output");
  Plan plan;
  LIGERO_CHECK(plan.tensors.allocate(graph.tensors.size()) && plan.places.allocate(graph.nodes.size()),
               Code::kTooLittleMemory,
               "no memory to plan");
  LIGERO_RETURN_IF_ERROR(infer_graph(graph, &plan.nodes));
  for (NodeFacts& facts : plan.nodes) {  // an op that needs everything adds no countable look-ahead
    for (TimeBehaviour& time : facts.time) {
      if (time.use == TimeUse::kWhole) {
        time = TimeBehaviour{};
      }
    }
  }
  plan.options.mode = Mode::kStream;
  LIGERO_RETURN_IF_ERROR(plan_time(graph, &plan));
  const Placement& place = plan.tensors[static_cast<size_t>(graph.outputs[k])];
  return OutputTiming{place.delay, place.lag};
}

}  // namespace ligero
