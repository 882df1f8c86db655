// SPDX-License-Identifier: Apache-2.0
// Blocks one after another on this thread, on fibers of it, or two at a time on four threads each;
// and CUDA's rules, each of which ends the test that breaks it.
#include "tests/cuda/host_driver.h"

#include <algorithm>
#include <barrier>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <new>
#include <thread>
#include <vector>

#include "tests/cuda/fibers.h"

namespace ligero::testing {
namespace {

using cuda::Block;
using cuda::Fault;
using cuda::Launch;

constexpr std::align_val_t kAlign{256};
// Where a block has more than one thread, some blocks run at once, so that a race detector also
// sees one block read what another writes.
constexpr int kTeam = 4;
constexpr int kTeams = 2;

/// What a thread records is between capture() and captured(): CUDA's thread-local mode.
thread_local int capturing = 0;

void rule(bool kept, const char* what) {
  if (!kept) {
    std::fprintf(stderr, "a rule of CUDA is broken: %s\n", what);
    std::abort();
  }
}

struct Meeting final : cuda::Barrier {
  std::barrier<> barrier{kTeam};
  void wait() override {
    barrier.arrive_and_wait();
  }
};

/// The blocks of a step that fall to this team, of `teams`.
template <int kLanes, typename Body>
void run_step(const Body& body, const Launch& launch, Block<kLanes> block, int team, int teams) {
  int next = 0;
  for (block.z = 0; block.z < launch.blocks[2]; ++block.z) {
    for (block.y = 0; block.y < launch.blocks[1]; ++block.y) {
      for (block.x = 0; block.x < launch.blocks[0]; ++block.x) {
        if (next++ % teams == team) {
          body(block);
          block.sync();  // the next block uses the same shared memory
        }
      }
    }
  }
}

/// Exactly as much as was asked for, filled with NaN, so that address checkers see an overrun.
std::vector<float> shared_of(const Launch& launch) {
  return std::vector<float>(static_cast<size_t>(launch.shared_bytes) / sizeof(float), NAN);
}

template <typename Body>
void run_alone(const Body& body, const Launch& launch) {
  std::vector<float> shared = shared_of(launch);
  double meeting = 0.0;
  Block<1> block;
  block.shared = shared.data();
  block.meeting = &meeting;
  for (; block.step < launch.repeat; ++block.step) {
    run_step(body, launch, block, 0, 1);
  }
}

template <typename Body>
void run_in_teams(const Body& body, const Launch& launch) {
  std::barrier<> all(kTeam * kTeams);
  std::vector<std::vector<float>> shared(kTeams, shared_of(launch));
  double meeting[kTeams][kTeam] = {};
  Meeting barrier[kTeams];
  std::vector<std::thread> threads;
  for (int i = 0; i < kTeam * kTeams; ++i) {
    threads.emplace_back([&, team = i / kTeam, lane = i % kTeam] {
      Block<kTeam> block;
      block.lane = lane;
      block.shared = shared[static_cast<size_t>(team)].data();
      block.meeting = meeting[team];
      block.barrier = &barrier[team];
      for (; block.step < launch.repeat; ++block.step) {
        run_step(body, launch, block, team, kTeams);
        all.arrive_and_wait();
      }
    });
  }
  for (std::thread& t : threads) {
    t.join();
  }
}

template <typename Body>
void run_at_full_width(const Body& body, const Launch& launch) {
  std::vector<float> shared = shared_of(launch);
  double meeting[Body::kLanes] = {};
  static thread_local Fibers fibers(Body::kLanes);
  for (int step = 0; step < launch.repeat; ++step) {
    const bool all = fibers.run([&](int lane) {
      Block<Body::kLanes> block;
      block.step = step;
      block.lane = lane;
      block.shared = shared.data();
      block.meeting = meeting;
      block.barrier = &fibers;
      run_step(body, launch, block, 0, 1);
    });
    rule(all, "all threads of a block reach its barriers");
  }
}

template <typename Body>
void run_body(const Launch& launch, HostDriver::Threads threads) {
  alignas(Body) unsigned char bytes[sizeof(Body)];
  std::memcpy(bytes, launch.arguments, sizeof(Body));
  const Body& body = *reinterpret_cast<const Body*>(bytes);
  switch (threads) {
    case HostDriver::Threads::kOne:
      return run_alone(body, launch);
    case HostDriver::Threads::kTeams:
      return run_in_teams(body, launch);
    case HostDriver::Threads::kAll:
      return run_at_full_width(body, launch);
  }
}

void check_launch(const Launch& launch) {
  constexpr int32_t kMostBlocksYZ = 65535;
  constexpr int32_t kMostSharedBytes = 48 * 1024 - 8 * cuda::kMostLanes;  // but for join()'s
  for (const int32_t blocks : launch.blocks) {
    rule(blocks > 0, "a grid has blocks");
  }
  rule(launch.blocks[1] <= kMostBlocksYZ && launch.blocks[2] <= kMostBlocksYZ,
       "a grid's second and third side have at most 65535 blocks");
  rule(launch.shared_bytes <= kMostSharedBytes, "a block has at most 48 KB of shared memory");
}

void run_launch(const Launch& launch, HostDriver::Threads threads) {
  check_launch(launch);
  using namespace cuda;  // the names in the list
  switch (launch.kernel) {
#define LIGERO_RUN(name, type)       \
  case Kernel::name:                 \
    run_body<type>(launch, threads); \
    return;
    LIGERO_CUDA_PRODUCT_KERNELS(LIGERO_RUN)
    LIGERO_CUDA_OTHER_KERNELS(LIGERO_RUN)
#undef LIGERO_RUN
    case Kernel::count:
      return;
  }
}

class HostQueue final : public cuda::Queue {
 public:
  explicit HostQueue(HostDriver* driver) : driver_(*driver) {}
  ~HostQueue() override {
    rule(!capturing_, "a stream is not destroyed while it is captured");
    driver_.set_busy(this, false);
  }

  Fault upload(void* device, const void* host, size_t bytes) noexcept override {
    driver_.check_copy(device, host, bytes);
    return work([=] { std::memcpy(device, host, bytes); });
  }
  Fault download(void* host, const void* device, size_t bytes) noexcept override {
    driver_.check_copy(device, host, bytes);
    return work([=] { std::memcpy(host, device, bytes); });
  }
  Fault zero(void* device, size_t bytes) noexcept override {
    driver_.check_copy(device, nullptr, bytes);
    return work([=] { std::memset(device, 0, bytes); });
  }
  Fault launch(const Launch& launch) noexcept override {
    return work([this, launch] {
      ++driver_.launches;
      driver_.note(launch.kernel);
      run_launch(launch, driver_.threads());
    });
  }
  Fault capture() noexcept override {
    capturing_ = true;
    ++capturing;
    captured_.clear();
    return 0;
  }
  Fault captured() noexcept override {
    capturing_ = false;
    --capturing;
    return 0;
  }
  Fault replay() noexcept override {
    ++driver_.replays;
    for (const auto& step : captured_) {
      if (const Fault fault = work(step); fault != 0) {
        return fault;
      }
    }
    return 0;
  }
  Fault wait() noexcept override {
    rule(!capturing_, "a stream is not waited for while it is captured");
    driver_.set_busy(this, false);
    return driver_.fault();
  }

 private:
  Fault work(std::function<void()> step) {
    if (capturing_) {
      if (driver_.captures_left <= 0) {
        return HostDriver::kLost;
      }
      --driver_.captures_left;
      captured_.push_back(std::move(step));
      return 0;
    }
    if (driver_.calls_left <= 0) {
      return HostDriver::kLost;
    }
    --driver_.calls_left;
    driver_.set_busy(this, true);
    step();
    return 0;
  }

  HostDriver& driver_;
  bool capturing_ = false;
  std::vector<std::function<void()>> captured_;
};

}  // namespace

void* HostDriver::allocate(size_t bytes) noexcept {
  rule(capturing == 0, "no memory is asked for in a capture");
  const std::lock_guard<std::mutex> lock(mutex_);
  if (fault() != 0 || static_cast<int64_t>(bytes) > bytes_left) {
    return nullptr;
  }
  bytes_left -= static_cast<int64_t>(bytes);
  device_bytes += static_cast<int64_t>(bytes);
  ++allocations;
  void* p = ::operator new(bytes, kAlign);
  std::memset(p, 0xFF, bytes);  // NaN: memory of a GPU is not cleared
  device_[p] = bytes;
  return p;
}

void HostDriver::release(void* device) noexcept {
  check_release();
  const std::lock_guard<std::mutex> lock(mutex_);
  const size_t bytes = device_[device];
  device_.erase(device);
  bytes_left += static_cast<int64_t>(bytes);
  device_bytes -= static_cast<int64_t>(bytes);
  ::operator delete(device, kAlign);
}

void* HostDriver::allocate_host(size_t bytes) noexcept {
  rule(capturing == 0, "no memory is asked for in a capture");
  const std::lock_guard<std::mutex> lock(mutex_);
  if (fault() != 0) {
    return nullptr;
  }
  void* p = ::operator new(bytes, kAlign);
  host_[p] = bytes;
  return p;
}

void HostDriver::release_host(void* host) noexcept {
  check_release();
  const std::lock_guard<std::mutex> lock(mutex_);
  host_.erase(host);
  ::operator delete(host, kAlign);
}

std::unique_ptr<cuda::Queue> HostDriver::make_queue() noexcept {
  return fault() == 0 ? std::make_unique<HostQueue>(this) : nullptr;
}

void HostDriver::set_busy(const cuda::Queue* queue, bool busy) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (busy) {
    busy_[queue] = std::this_thread::get_id();
  } else {
    busy_.erase(queue);
  }
}

void HostDriver::note(cuda::Kernel kernel) {
  const std::lock_guard<std::mutex> lock(mutex_);
  ran.insert(kernel);
}

void HostDriver::check_release() {
  rule(capturing == 0, "no memory is given back in a capture");
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto mine = [](const auto& b) { return b.second == std::this_thread::get_id(); };
  rule(std::none_of(busy_.begin(), busy_.end(), mine),
       "no memory is given back while the work on it goes on");
}

void HostDriver::check_copy(const void* device, const void* host, size_t bytes) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto inside = [bytes](const std::map<const void*, size_t>& blocks, const void* p) {
    auto block = blocks.upper_bound(p);
    if (block == blocks.begin()) {
      return false;
    }
    --block;
    const auto begin = reinterpret_cast<uintptr_t>(p) - reinterpret_cast<uintptr_t>(block->first);
    return begin + bytes <= block->second;
  };
  rule(inside(device_, device), "copies stay inside a block of device memory");
  rule(host == nullptr || inside(host_, host), "copies on the host's side are of pinned memory");
}

}  // namespace ligero::testing
