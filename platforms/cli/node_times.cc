// Adds up and prints the times of nodes. Not: what is run.
#include "platforms/cli/node_times.h"

#include <algorithm>
#include <cstdio>
#include <string>

#include "platforms/cli/model_file.h"
#include "runtime/planner.h"

namespace ligero::cli {

namespace {

/// What a node's matrices, vectors and constants of the model take in the file.
int64_t bytes_of_weights(const Graph& graph, const Node& node) {
  int64_t bytes = 0;
  for (int32_t t : node.inputs) {
    if (t >= 0 && graph.tensors[static_cast<size_t>(t)].kind == Kind::kWeight) {
      bytes += stored_bytes(graph.tensors[static_cast<size_t>(t)]);
    }
  }
  return bytes;
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

nlohmann::ordered_json NodeTimes::report() const {
  std::vector<size_t> order(times_.size());
  Clock::duration all = {};
  for (size_t n = 0; n < order.size(); ++n) {
    order[n] = n;
    all += times_[n];
  }
  std::stable_sort(
      order.begin(), order.end(), [&](size_t a, size_t b) { return times_[a] > times_[b]; });
  nlohmann::ordered_json report = nlohmann::ordered_json::array();
  const auto in_ms = [](Clock::duration time) {
    return std::chrono::duration<double, std::milli>(time).count();
  };
  for (size_t n : order) {
    const double ms = in_ms(times_[n]);
    const double flops = 2.0 * static_cast<double>(macs_[n]) * static_cast<double>(frames_[n]);
    report.push_back({{"node", graph_.nodes[n].name},
                      {"op", graph_.nodes[n].op->name},
                      {"ms", runs_ > 0 ? ms / static_cast<double>(runs_) : 0.0},
                      {"share", all.count() > 0 ? ms / in_ms(all) : 0.0},
                      {"gflops", ms > 0.0 ? flops / ms * 1e-6 : 0.0},
                      {"weight_bytes", bytes_of_weights(graph_, graph_.nodes[n])}});
  }
  return report;
}

void print_node_times(const nlohmann::ordered_json& report) {
  std::printf("%10s %7s %9s %13s  node\n", "ms a run", "share", "GFLOP/s", "weight bytes");
  for (const auto& node : report) {
    std::printf("%10.4f %6.1f%% %9.1f %13lld  %s (%s)\n",
                node["ms"].get<double>(),
                100.0 * node["share"].get<double>(),
                node["gflops"].get<double>(),
                static_cast<long long>(node["weight_bytes"].get<int64_t>()),
                node["node"].get<std::string>().c_str(),
                node["op"].get<std::string>().c_str());
  }
}

}  // namespace ligero::cli
