// SPDX-License-Identifier: Apache-2.0
// Adds up and prints the times of nodes. Not: what is run.
#include "platforms/cli/bench/node_times.h"

#include <algorithm>
#include <cstdio>
#include <string>

namespace ligero::cli {

namespace {

const char* name_of(Type type) {
  return type == Type::kQ8 ? "int8" : type == Type::kF16 ? "f16" : "f32";
}

double in_ms(std::chrono::steady_clock::duration time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

/// The parts one after another; `by_memory`: most of the time is.
Bound bound_of(const NodeWork& work, const Peaks& peaks) {
  double all = 0.0;
  double memory = 0.0;
  for (const Work& part : work.parts) {
    const Bound bound = cli::bound_of(part, peaks);
    all += bound.ms;
    memory += bound.by_memory ? bound.ms : 0.0;
  }
  return {all, memory > all / 2.0};
}

}  // namespace

NodeTimes::NodeTimes(const Graph& graph)
    : work_(graph), times_(graph.nodes.size()), frames_(graph.nodes.size()) {}

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

double NodeTimes::ms_of_run(size_t n) const {
  return in_ms(times_[n]) / static_cast<double>(std::max<int64_t>(1, runs_));
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
  const double runs = static_cast<double>(std::max<int64_t>(1, runs_));
  nlohmann::ordered_json report = nlohmann::ordered_json::array();
  for (size_t n : order) {
    const Node& node = work_.graph().nodes[n];
    const double ms = ms_of_run(n);
    const NodeWork work = work_.of(n, static_cast<double>(frames_[n]) / runs, working_set_bytes);
    const Bound bound = bound_of(work, peaks);
    const auto rate = [&](double amount) { return ms > 0.0 ? amount / ms * 1e-6 : 0.0; };
    report.push_back({{"node", node.name},
                      {"op", node.op->name},
                      {"ms", ms},
                      {"share", all.count() > 0 ? ms * runs / in_ms(all) : 0.0},
                      {"type", name_of(work.type)},
                      {"gflops", rate(work.operations())},
                      {"bytes", work.bytes()},
                      {"gb_per_s", rate(work.bytes())},
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
