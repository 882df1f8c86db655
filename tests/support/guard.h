// SPDX-License-Identifier: Apache-2.0
// Floats between two pages that may not be touched. Not: for anything but tests (POSIX).
#ifndef LIGERO_TESTS_SUPPORT_GUARD_H_
#define LIGERO_TESTS_SUPPORT_GUARD_H_

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <new>
#include <vector>

namespace ligero::testing {

enum class Edge {
  kEnd,    ///< one element past the end faults
  kStart,  ///< one element before the start faults
};

/// `size` elements of T that touch a guard page. At Edge::kEnd the address is whatever the size
/// makes it, so odd sizes are misaligned to every vector width.
template <typename T>
class Guarded {
 public:
  Guarded(size_t size, Edge edge) : size_(size) {
    const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    const size_t inside = (std::max<size_t>(size * sizeof(T), 1) + page - 1) / page * page;
    mapped_ = inside + 2 * page;
    void* memory = mmap(nullptr, mapped_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
      throw std::bad_alloc();
    }
    base_ = static_cast<unsigned char*>(memory);
    if (mprotect(base_ + page, inside, PROT_READ | PROT_WRITE) != 0) {
      throw std::bad_alloc();
    }
    unsigned char* start = base_ + page;
    data_ = reinterpret_cast<T*>(edge == Edge::kStart ? start : start + inside - size * sizeof(T));
  }
  Guarded(const std::vector<T>& values, Edge edge) : Guarded(values.size(), edge) {
    std::copy(values.begin(), values.end(), data_);
  }
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;
  ~Guarded() {
    munmap(base_, mapped_);
  }
  T* data() {
    return data_;
  }
  std::vector<T> values() const {
    return std::vector<T>(data_, data_ + size_);
  }

 private:
  unsigned char* base_ = nullptr;
  size_t mapped_ = 0;
  size_t size_;
  T* data_ = nullptr;
};

}  // namespace ligero::testing

#endif  // LIGERO_TESTS_SUPPORT_GUARD_H_
