// Blocks one after another on this thread, or two at a time on four threads each.
#include "tests/cuda/host_driver.h"

#include <barrier>
#include <functional>
#include <new>
#include <thread>
#include <vector>

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
void run_body(const Launch& launch, bool alone) {
  alignas(Body) unsigned char bytes[sizeof(Body)];
  std::memcpy(bytes, launch.arguments, sizeof(Body));
  const Body& body = *reinterpret_cast<const Body*>(bytes);
  if (alone) {
    run_alone(body, launch);
  } else {
    run_in_teams(body, launch);
  }
}

void run_launch(const Launch& launch, bool alone) {
  using namespace cuda;  // the names in the list
  switch (launch.kernel) {
#define LIGERO_RUN(name, type)     \
  case Kernel::name:               \
    run_body<type>(launch, alone); \
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

  Fault upload(void* device, const void* host, size_t bytes) noexcept override {
    return work([=] { std::memcpy(device, host, bytes); });
  }
  Fault download(void* host, const void* device, size_t bytes) noexcept override {
    return work([=] { std::memcpy(host, device, bytes); });
  }
  Fault zero(void* device, size_t bytes) noexcept override {
    return work([=] { std::memset(device, 0, bytes); });
  }
  Fault launch(const Launch& launch) noexcept override {
    return work([this, launch] {
      ++driver_.launches;
      run_launch(launch, driver_.threads() == HostDriver::Threads::kOne);
    });
  }
  Fault capture() noexcept override {
    capturing_ = true;
    captured_.clear();
    return 0;
  }
  Fault captured() noexcept override {
    capturing_ = false;
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
    return driver_.calls_left > 0 ? 0 : HostDriver::kLost;
  }

 private:
  Fault work(std::function<void()> step) {
    if (capturing_) {
      captured_.push_back(std::move(step));
      return 0;
    }
    if (driver_.calls_left <= 0) {
      return HostDriver::kLost;
    }
    --driver_.calls_left;
    step();
    return 0;
  }

  HostDriver& driver_;
  bool capturing_ = false;
  std::vector<std::function<void()>> captured_;
};

}  // namespace

void* HostDriver::allocate(size_t bytes) noexcept {
  if (static_cast<int64_t>(bytes) > bytes_left) {
    return nullptr;
  }
  bytes_left -= static_cast<int64_t>(bytes);
  device_bytes += static_cast<int64_t>(bytes);
  ++allocations;
  void* p = allocate_host(bytes);
  std::memset(p, 0xFF, bytes);  // NaN: memory of a GPU is not cleared
  sizes_[p] = bytes;
  return p;
}

void HostDriver::release(void* device) noexcept {
  const size_t bytes = sizes_[device];
  sizes_.erase(device);
  bytes_left += static_cast<int64_t>(bytes);
  device_bytes -= static_cast<int64_t>(bytes);
  release_host(device);
}

void* HostDriver::allocate_host(size_t bytes) noexcept {
  return ::operator new(bytes, kAlign);
}

void HostDriver::release_host(void* host) noexcept {
  ::operator delete(host, kAlign);
}

std::unique_ptr<cuda::Queue> HostDriver::make_queue() noexcept {
  return std::make_unique<HostQueue>(this);
}

}  // namespace ligero::testing
