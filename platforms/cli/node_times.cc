// Adds up and prints the times of nodes. Not: what is run.
#include "platforms/cli/node_times.h"

#include <algorithm>
#include <cstdio>
#include <string>

#include "platforms/cli/model_file.h"
#include "runtime/planner.h"

namespace ligero::cli {

namespace {

const Tensor* tensor_of(const Graph& graph, int32_t t) {
  return t >= 0 ? &graph.tensors[static_cast<size_t>(t)] : nullptr;
}

/// What `frames` frames of a node read and write, each value once.
double bytes_moved(const Graph& graph, const Node& node, double frames) {
  double bytes = 0.0;
  const auto add = [&](int32_t t) {
    if (const Tensor* tensor = tensor_of(graph, t); tensor != nullptr) {
      bytes += tensor->kind == Kind::kWeight
                   ? static_cast<double>(stored_bytes(*tensor))
                   : sizeof(float) * static_cast<double>(tensor->elements()) *
                         (tensor->kind == Kind::kSequence ? frames : 1.0);
    }
  };
  std::for_each(node.inputs.begin(), node.inputs.end(), add);
  std::for_each(node.outputs.begin(), node.outputs.end(), add);
  return bytes;
}

/// The type of a node's matrices; f32 of one that has none.
Type type_of(const Graph& graph, const Node& node) {
  for (int32_t t : node.inputs) {
    const Tensor* tensor = tensor_of(graph, t);
    if (tensor != nullptr && tensor->kind == Kind::kWeight && tensor->layout == Layout::kPanels) {
      return tensor->type;
    }
  }
  return Type::kF32;
}

const char* name_of(Type type) {
  return type == Type::kQ8 ? "int8" : type == Type::kF16 ? "f16" : "f32";
}

}  // namespace

NodeTimes::NodeTimes(const Graph& graph)
    : graph_(graph),
      times_(graph.nodes.size()),
      frames_(graph.nodes.size()),
      macs_(graph.nodes.size()) {
  PlanOptions options;
  const Result<Plan> plan = make_plan(graph, options);
  for (size_t n = 0; plan.ok() && n < macs_.size(); ++n) {
    macs_[n] = plan.value().nodes[n].macs;
  }
}

void NodeTimes::begins() noexcept {
  ++runs_;
  last_ = Clock::now();
}

void NodeTimes::computed(size_t node, int32_t frames) noexcept {
  const Clock::time_point now = Clock::now();
  times_[node] += now - last_;
  frames_[node] += frames;
  last_ = now;
}

void NodeTimes::clear() {
  std::fill(times_.begin(), times_.end(), Clock::duration());
  std::fill(frames_.begin(), frames_.end(), 0);
  runs_ = 0;
}

nlohmann::ordered_json NodeTimes::report(const Peaks& peaks, int64_t working_set_bytes) const {
  std::vector<size_t> order(times_.size());
  Clock::duration all = {};
  for (size_t n = 0; n < order.size(); ++n) {
    order[n] = n;
    all += times_[n];
  }
  std::stable_sort(
      order.begin(), order.end(), [&](size_t a, size_t b) { return times_[a] > times_[b]; });
  const auto in_ms = [](Clock::duration time) {
    return std::chrono::duration<double, std::milli>(time).count();
  };
  const double runs = static_cast<double>(std::max<int64_t>(1, runs_));
  nlohmann::ordered_json report = nlohmann::ordered_json::array();
  for (size_t n : order) {
    const Node& node = graph_.nodes[n];
    const double ms = in_ms(times_[n]) / runs;
    const double frames = static_cast<double>(frames_[n]) / runs;
    const Type type = type_of(graph_, node);
    Work work;
    work.operations = 2.0 * static_cast<double>(macs_[n]) * frames;
    work.int8 = type == Type::kQ8;
    work.bytes = frames > 0.0 ? bytes_moved(graph_, node, frames) : 0.0;  // a constant that stays
    const Bound bound = bound_of(work, peaks, working_set_bytes);
    const auto rate = [&](double amount) { return ms > 0.0 ? amount / ms * 1e-6 : 0.0; };
    report.push_back({{"node", node.name},
                      {"op", node.op->name},
                      {"ms", ms},
                      {"share", all.count() > 0 ? ms * runs / in_ms(all) : 0.0},
                      {"type", name_of(type)},
                      {"gflops", rate(work.operations)},
                      {"bytes", work.bytes},
                      {"gb_per_s", rate(work.bytes)},
                      {"bound", bound.by_memory ? "memory" : "compute"},
                      {"of_peak", ms > 0.0 ? bound.ms / ms : 0.0}});
  }
  return report;
}

void print_node_times(const nlohmann::ordered_json& report) {
  std::printf("%10s %7s %5s %9s %12s %8s %8s %8s  node\n",
              "ms a run",
              "share",
              "type",
              "GFLOP/s",
              "bytes",
              "GB/s",
              "bound",
              "of peak");
  for (const auto& node : report) {
    std::printf("%10.4f %6.1f%% %5s %9.1f %12.0f %8.1f %8s %7.0f%%  %s (%s)\n",
                node["ms"].get<double>(),
                100.0 * node["share"].get<double>(),
                node["type"].get<std::string>().c_str(),
                node["gflops"].get<double>(),
                node["bytes"].get<double>(),
                node["gb_per_s"].get<double>(),
                node["bound"].get<std::string>().c_str(),
                100.0 * node["of_peak"].get<double>(),
                node["node"].get<std::string>().c_str(),
                node["op"].get<std::string>().c_str());
  }
}

}  // namespace ligero::cli
