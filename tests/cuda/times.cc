// SPDX-License-Identifier: Apache-2.0
// How long networks take on a GPU: whole recordings, a hop of many sessions, the largest kernels.
// With random weights, which take as long as any. Not: whether they are right (test_cuda).
//
//   ligero_cuda_times [--host] [--small] > times.jsonl    a line for each type of weights, as soon
//                                                         as it is measured; a table to stderr
//   ligero_cuda_times --name                              which GPU, or 1 and why there is none
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "model/session/recording.h"
#include "platforms/cuda/choose.h"
#include "platforms/cuda/cuda_run.h"
#include "tests/cuda/networks.h"

namespace ligero::testing {
namespace {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

constexpr double kHopMs = 10.0;
constexpr const char* kTypes[] = {"f32", "f16", "int8"};  // as Type counts them

/// What is measured, and how long.
struct Scale {
  const char* offline = "paper";
  const char* live = "paper-live";
  int seconds = 10;
  int runs = 5;
  int warm_up = 110;  ///< hops: the attention then sees its whole window
  int hops = 300;
  int search_hops = 100;
  std::vector<int> sessions = {1, 16, 64, 256};
  int most_sessions = 4096;
  int kernel_runs = 50;
};

template <typename Work>
double ms_of(const Work& work) {
  const Clock::time_point start = Clock::now();
  work();
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

double at_share(std::vector<double> x, double share) {
  std::sort(x.begin(), x.end());
  return x[static_cast<size_t>(share * static_cast<double>(x.size() - 1) + 0.5)];
}

void require(const Status& status) {
  if (!status.ok()) {
    std::fprintf(stderr,
                 "times: %s (%d, %lld)\n",
                 status.message,
                 status.index,
                 static_cast<long long>(status.where));
    std::exit(1);
  }
}

void require(cuda::Fault fault) {
  if (fault != 0) {
    require(cuda::failed(fault));
  }
}

std::vector<float> noise(int64_t samples) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0.0f, 0.05f);
  std::vector<float> out(static_cast<size_t>(samples));
  std::generate(out.begin(), out.end(), [&] { return normal(random); });
  return out;
}

/// Enrolment and extraction of a whole recording, memory and copies included, as users have it.
Json whole(const Backend* device, const Scale& scale, Type weights) {
  const OpenModel m = random_model(scale.offline, weights);
  Processor options;
  options.accelerator = device;
  const std::vector<float> anchor = noise(3 * kSampleRateHz);
  const std::vector<float> mixture = noise(int64_t{scale.seconds} * kSampleRateHz);
  std::vector<float> voice(mixture.size());
  Result<Profile> profile = enroll(m.model, anchor, options);
  require(profile.status());
  std::vector<double> enrolling;
  std::vector<double> extracting;
  for (int run = 0; run < scale.runs; ++run) {
    enrolling.push_back(ms_of([&] { require(enroll(m.model, anchor, options).status()); }));
    extracting.push_back(
        ms_of([&] { require(extract(m.model, &profile.value(), mixture, voice, options)); }));
  }
  const double ms = at_share(extracting, 0.5);
  return {{"network", scale.offline},
          {"seconds", scale.seconds},
          {"extract_ms", ms},
          {"real_time_factor", ms / (1000.0 * scale.seconds)},
          {"enroll_3s_ms", at_share(enrolling, 0.5)}};
}

/// Many sessions of one network, a hop of each at a time.
class Crowd {
 public:
  Crowd(const Backend* device, const Graph& graph, int sessions)
      : graph_(graph), turns_(static_cast<size_t>(sessions)) {
    auto opened = device->open(graph, {.mode = Mode::kStream, .max_frames = 1, .seats = sessions});
    status_ = opened.status();
    if (status_.ok()) {
      run_ = std::move(opened.value());
    }
  }
  const Status& status() const {
    return status_;
  }
  /// Milliseconds of each of `hops` hops, after `warm_up` others: samples in, samples out.
  std::vector<double> times(int warm_up, int hops) {
    std::vector<double> ms;
    for (int hop = -warm_up; hop < hops; ++hop) {
      const double taken = ms_of([&] {
        for (size_t k = 0; k < graph_.inputs.size(); ++k) {
          const Tensor& t = graph_.tensors[static_cast<size_t>(graph_.inputs[k])];
          if (t.kind == Kind::kSequence || hop == -warm_up) {
            fill(k, (hop + warm_up) * t.elements(), t.elements());
          }
        }
        require(run_->run(turns_));
      });
      if (hop >= 0) {
        ms.push_back(taken);
      }
    }
    return ms;
  }
  Run* run() const {
    return run_.get();
  }
  size_t session_bytes() const {
    const MemoryReport& m = run_->plan().memory;
    return m.state_bytes + m.activation_bytes + m.scratch_bytes;
  }

 private:
  /// Input `k` of every session.
  void fill(size_t k, int64_t at, int64_t values) {
    if (static_cast<size_t>(values) > sound_.size()) {
      sound_ = noise(values);
    }
    const auto room = static_cast<int64_t>(sound_.size()) - values;
    const float* from = sound_.data() + (room > 0 ? at % room : 0);
    for (size_t s = 0; s < turns_.size(); ++s) {
      std::copy_n(from, values, run_->input(static_cast<int32_t>(s), k));
    }
  }

  const Graph& graph_;
  std::vector<Turn> turns_;
  std::vector<float> sound_ = noise(kSampleRateHz);
  std::unique_ptr<Run> run_;
  Status status_;
};

Json crowds(const Backend* device, const Graph& graph, const Scale& scale) {
  Json all = Json::array();
  for (const int sessions : scale.sessions) {
    Crowd crowd(device, graph, sessions);
    require(crowd.status());
    const std::vector<double> ms = crowd.times(scale.warm_up, scale.hops);
    all.push_back({{"sessions", sessions},
                   {"ms_per_hop", {{"p50", at_share(ms, 0.5)}, {"p99", at_share(ms, 0.99)}}},
                   {"session_bytes", crowd.session_bytes()}});
  }
  return all;
}

/// The most sessions whose hop takes 10 ms at most (p99): doubled until it does not, then halved in
/// between; or as many as the memory holds.
int most_in_time(const Backend* device, const Graph& graph, const Scale& scale) {
  const auto fits = [&](int sessions) {
    Crowd crowd(device, graph, sessions);
    return crowd.status().ok() &&
           at_share(crowd.times(scale.warm_up, scale.search_hops), 0.99) <= kHopMs;
  };
  int good = 0;
  int bad = 1;
  while (bad <= scale.most_sessions && fits(bad)) {
    good = bad;
    bad *= 2;
  }
  while (bad - good > std::max(1, good / 16) && bad <= scale.most_sessions) {
    const int middle = (good + bad) / 2;
    (fits(middle) ? good : bad) = middle;
  }
  return good;
}

/// A launch's work: bytes that it must move at least, and operations.
struct Work {
  double bytes = 0.0;
  double operations = 0.0;
};

template <typename W>
Work product_work(const cuda::Launch& launch, W) {
  cuda::Product p;
  std::memcpy(static_cast<void*>(&p), launch.arguments, sizeof(p));
  const double rows = static_cast<double>(p.total_rows());
  const double groups = launch.blocks[2];
  const double weights = groups * p.inner * p.outputs;
  return {weights * sizeof(W) + 4.0 * rows * groups * (p.channels * p.stride_f + p.outputs),
          2.0 * rows * weights};
}

template <typename W>
Work recurrent_work(const cuda::Launch& launch, W) {
  cuda::Recurrent r;
  std::memcpy(static_cast<void*>(&r), launch.arguments, sizeof(r));
  const double steps = launch.repeat;
  const double rows = static_cast<double>(r.sessions.count) * r.per_session();
  const double gates = r.apart_bias != nullptr ? 3.0 : 4.0;
  const double weights = gates * r.hidden * r.hidden;
  return {steps * (weights * sizeof(W) + 4.0 * rows * r.hidden * (gates + 4.0)),
          steps * 2.0 * rows * weights};
}

/// Of sessions whose signals are longer than what they look back on.
Work attention_work(const cuda::Launch& launch) {
  cuda::Attention a;
  std::memcpy(static_cast<void*>(&a), launch.arguments, sizeof(a));
  const double heads = launch.blocks[2];
  const double walks = heads * a.sessions.count * (a.along_bins ? a.rows.count() : 1);
  const double queries = a.along_bins ? a.bins : a.rows.count();
  const double all = a.along_bins ? queries : queries + a.rows.context + a.rows.ahead;
  const bool some = !a.along_bins && a.window > 0;
  const double seen = some ? a.window : all;  // by a query
  const double read = some ? a.window + queries - 1.0 : all;
  return {4.0 * walks * a.head * (2.0 * queries + 2.0 * read),
          4.0 * walks * a.head * queries * seen};
}

Work work_of(const cuda::Launch& launch) {
  switch (launch.kernel) {
    case cuda::Kernel::product_wide_f32:
    case cuda::Kernel::product_square_f32:
    case cuda::Kernel::product_narrow_f32:
    case cuda::Kernel::product_row_f32:
      return product_work(launch, 0.0f);
    case cuda::Kernel::product_wide_f16:
    case cuda::Kernel::product_square_f16:
    case cuda::Kernel::product_narrow_f16:
    case cuda::Kernel::product_row_f16:
      return product_work(launch, cuda::Half());
    case cuda::Kernel::product_wide_q8:
    case cuda::Kernel::product_square_q8:
    case cuda::Kernel::product_narrow_q8:
    case cuda::Kernel::product_row_q8:
      return product_work(launch, int8_t());
    case cuda::Kernel::recurrent_step_f32:
      return recurrent_work(launch, 0.0f);
    case cuda::Kernel::recurrent_step_f16:
      return recurrent_work(launch, cuda::Half());
    case cuda::Kernel::recurrent_step_q8:
      return recurrent_work(launch, int8_t());
    case cuda::Kernel::attention:
      return attention_work(launch);
    default:
      return {};
  }
}

/// Milliseconds of `runs` launches, played back as one: small kernels take less time than a
/// processor needs to launch them.
double launches_ms(cuda::Queue* queue, const cuda::Launch& launch, int runs) {
  require(queue->capture());
  cuda::Fault fault = 0;
  for (int i = 0; fault == 0 && i < runs; ++i) {
    fault = queue->launch(launch);
  }
  const cuda::Fault ended = queue->captured();
  require(fault != 0 ? fault : ended);
  const auto play = [&] {
    require(queue->replay());
    require(queue->wait());
  };
  play();
  return ms_of(play);
}

/// Each launch of a hop by itself, over and over, of sessions in mid-stream: the kernels that take
/// longest, and what they reach of the memory's speed. Small weights stay in the cache from one
/// time to the next, and beat it.
Json kernels(cuda::Driver* driver, const Graph& graph, const Scale& scale) {
  auto device = cuda::CudaBackend::make(driver);
  require(device.status());
  Crowd crowd(device.value().get(), graph, scale.sessions.back());
  require(crowd.status());
  crowd.times(scale.warm_up, 1);
  const auto& run = static_cast<const cuda::CudaRun&>(*crowd.run());
  const std::unique_ptr<cuda::Queue> queue = driver->make_queue();
  if (queue == nullptr) {
    require(cuda::no_memory(driver, 0));
  }
  const cuda::Facts facts = driver->facts();
  std::vector<Json> found;
  for (const cuda::Launch& launch : run.launches()) {
    const double seconds =
        launches_ms(queue.get(), launch, scale.kernel_runs) / 1e3 / scale.kernel_runs;
    const Work work = work_of(launch);
    Json entry = {{"kernel", cuda::kernel_name(launch.kernel)},
                  {"blocks", launch.blocks},
                  {"us", 1e6 * seconds}};
    if (work.bytes > 0.0) {
      entry["gb_per_s"] = work.bytes / seconds / 1e9;
      entry["gflop_per_s"] = work.operations / seconds / 1e9;
      if (facts.bytes_per_second > 0.0 && facts.operations_per_second > 0.0) {
        entry["share_of_peak_bandwidth"] = work.bytes / seconds / facts.bytes_per_second;
        entry["share_of_peak_arithmetic"] = work.operations / seconds / facts.operations_per_second;
      }
    }
    found.push_back(entry);
  }
  std::stable_sort(found.begin(), found.end(), [](const Json& a, const Json& b) {
    return a["us"].get<double>() > b["us"].get<double>();
  });
  constexpr size_t kShown = 12;
  found.resize(std::min(found.size(), kShown));
  return found;
}

void print_kernels(const Json& kernels) {
  for (const Json& k : kernels) {
    std::fprintf(stderr,
                 "  %-20s %8.1f us  %7.1f GB/s  %8.1f GFLOP/s: %5.1f, %5.1f %% of the GPU's\n",
                 k["kernel"].get<std::string>().c_str(),
                 k["us"].get<double>(),
                 k.value("gb_per_s", 0.0),
                 k.value("gflop_per_s", 0.0),
                 100.0 * k.value("share_of_peak_bandwidth", 0.0),
                 100.0 * k.value("share_of_peak_arithmetic", 0.0));
  }
}

void print(const Json& r) {
  const Json& w = r["whole"];
  std::fprintf(stderr,
               "%s: %s, %d s in %.1f ms (real-time factor %.5f); enrolling 3 s in %.1f ms\n",
               r["weights"].get<std::string>().c_str(),
               w["network"].get<std::string>().c_str(),
               w["seconds"].get<int>(),
               w["extract_ms"].get<double>(),
               w["real_time_factor"].get<double>(),
               w["enroll_3s_ms"].get<double>());
  for (const Json& c : r["live"]) {
    std::fprintf(stderr,
                 "  %5d sessions: a hop in %.3f ms (p99 %.3f)\n",
                 c["sessions"].get<int>(),
                 c["ms_per_hop"]["p50"].get<double>(),
                 c["ms_per_hop"]["p99"].get<double>());
  }
  std::fprintf(stderr, "  %d sessions fit 10 ms (p99)\n", r["sessions_in_10_ms"].get<int>());
  print_kernels(r["kernels"]);
  std::printf("%s\n", r.dump().c_str());
  std::fflush(stdout);
}

int main_of(bool host, const Scale& scale) {
  Place place = places().front();
  static HostDriver pretended;
  cuda::Driver* driver = &pretended;
  if (!host) {
    if (places().size() < 2) {
      return 1;  // places() has said why
    }
    place = places().back();
    driver = nullptr;
#if defined(LIGERO_TEST_GPU)
    driver = cuda::cuda_driver();
#endif
  }
  std::fprintf(stderr, "%s\n", place.name.c_str());
  for (const Type type : {Type::kF32, Type::kF16, Type::kQ8}) {
    Json r = {{"device", place.name}, {"weights", kTypes[static_cast<size_t>(type)]}};
    r["whole"] = whole(place.device, scale, type);
    const OpenModel live = random_model(scale.live, type);
    const Graph& graph = *live.model.graph("extract");
    r["live"] = crowds(place.device, graph, scale);
    r["kernels"] = kernels(driver, graph, scale);
    r["sessions_in_10_ms"] = most_in_time(place.device, graph, scale);
    print(r);
  }
  return 0;
}

}  // namespace
}  // namespace ligero::testing

int main(int argc, char** argv) {
  bool host = false;
  ligero::testing::Scale scale;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--name") == 0) {
      const auto gpu = ligero::cuda::choose_accelerator(ligero::cuda::Choice::kCuda);
      if (gpu.ok()) {
        std::puts(gpu.value()->name());
      } else {
        std::printf("%s (index %d, where %lld)\n",
                    gpu.status().message,
                    gpu.status().index,
                    static_cast<long long>(gpu.status().where));
      }
      return gpu.ok() ? 0 : 1;
    }
    host = host || std::strcmp(argv[i], "--host") == 0;
    if (std::strcmp(argv[i], "--small") == 0) {
      scale = {.offline = "small",
               .live = "small-live",
               .seconds = 1,
               .runs = 1,
               .warm_up = 3,
               .hops = 3,
               .search_hops = 3,
               .sessions = {1, 2},
               .most_sessions = 2,
               .kernel_runs = 1};
    }
  }
  return ligero::testing::main_of(host, scale);
}
