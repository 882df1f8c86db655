// SPDX-License-Identifier: Apache-2.0
// The thread pool: every index once, any count, any grain; refusals.
#include "runtime/pool.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <atomic>
#include <vector>

namespace ligero {
namespace {

TEST_CASE("pool: every index is worked on exactly once") {
  const int most = static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
  for (int threads = 1; threads <= most; ++threads) {
    auto pool = ThreadPool::create(threads);
    REQUIRE(pool.ok());
    CHECK(pool.value()->threads() == threads);
    for (int count : {0, 1, 7, 64, 1000}) {
      for (int grain : {1, 3, 16}) {
        std::vector<std::atomic<int>> hits(static_cast<size_t>(count));
        parallel_for(pool.value().get(), count, grain, [&](int begin, int end) {
          for (int i = begin; i < end; ++i) {
            ++hits[static_cast<size_t>(i)];
          }
        });
        for (const auto& h : hits) {
          REQUIRE(h == 1);
        }
      }
    }
  }
}

TEST_CASE("pool: no threads, or more than the machine has, are refused") {
  CHECK(ThreadPool::create(0).status().code == Code::kBadArgument);
  CHECK(ThreadPool::create(100000).status().code == Code::kBadArgument);
}

}  // namespace
}  // namespace ligero
