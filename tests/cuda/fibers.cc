// SPDX-License-Identifier: Apache-2.0
// Contexts of POSIX, one stack for each.
#include "tests/cuda/fibers.h"

#include <algorithm>

// Nobody goes back to where getcontext() was called: makecontext() says where a lane begins.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wclobbered"
#endif

namespace ligero::testing {
namespace {

constexpr size_t kStackBytes = 64 * 1024;

thread_local Fibers* running = nullptr;

}  // namespace

Fibers::Fibers(int count) : lanes_(static_cast<size_t>(count)), ended_(lanes_.size()) {
  for (size_t i = 0; i < lanes_.size(); ++i) {
    stacks_.push_back(std::make_unique<char[]>(kStackBytes));
  }
}

void Fibers::enter(int lane) {
  (*running->work_)(lane);
  running->ended_[static_cast<size_t>(lane)] = true;
}

void Fibers::wait() {
  swapcontext(&lanes_[current_], &home_);
}

bool Fibers::run(const std::function<void(int)>& f) {
  running = this;
  work_ = &f;
  for (size_t i = 0; i < lanes_.size(); ++i) {
    ended_[i] = false;
    getcontext(&lanes_[i]);
    lanes_[i].uc_stack.ss_sp = stacks_[i].get();
    lanes_[i].uc_stack.ss_size = kStackBytes;
    lanes_[i].uc_link = &home_;
    makecontext(&lanes_[i], reinterpret_cast<void (*)()>(&Fibers::enter), 1, static_cast<int>(i));
  }
  for (;;) {
    for (current_ = 0; current_ < lanes_.size(); ++current_) {
      swapcontext(&home_, &lanes_[current_]);
    }
    const auto ended = std::count(ended_.begin(), ended_.end(), true);
    if (ended != 0) {
      return ended == static_cast<std::ptrdiff_t>(lanes_.size());
    }
  }
}

}  // namespace ligero::testing
