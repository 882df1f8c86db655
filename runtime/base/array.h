// SPDX-License-Identifier: Apache-2.0
// Array: owned, fixed-size storage whose allocation can fail without an exception.
#ifndef LIGERO_RUNTIME_BASE_ARRAY_H_
#define LIGERO_RUNTIME_BASE_ARRAY_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>

#include "runtime/base/arena.h"
#include "runtime/base/checked.h"

namespace ligero {

/// `size` value-initialised elements of a trivial type. Empty until allocate() succeeds.
template <typename T>
class Array {
  static_assert(std::is_trivially_destructible_v<T> && alignof(T) <= kNewAlignment);

 public:
  Array() = default;
  Array(Array&& other) noexcept
      : data_(std::move(other.data_)), size_(std::exchange(other.size_, 0)) {}
  Array& operator=(Array&& other) noexcept {
    data_ = std::move(other.data_);
    size_ = std::exchange(other.size_, 0);
    return *this;
  }

  /// False, and the array empty, where there is no such memory.
  [[nodiscard]] bool allocate(size_t size) {
    const size_t count = size == 0 ? 1 : size;
    auto* data = static_cast<T*>(take_bytes(bytes_of(static_cast<int64_t>(count), sizeof(T))));
    if (data != nullptr) {
      std::uninitialized_value_construct_n(data, count);
    }
    data_.reset(data);
    size_ = data_ ? size : 0;
    return data_ != nullptr;
  }
  T& operator[](size_t i) {
    return data_[i];
  }
  const T& operator[](size_t i) const {
    return data_[i];
  }
  T* data() {
    return data_.get();
  }
  const T* data() const {
    return data_.get();
  }
  size_t size() const {
    return size_;
  }
  T* begin() {
    return data_.get();
  }
  T* end() {
    return data_.get() + size_;
  }
  const T* begin() const {
    return data_.get();
  }
  const T* end() const {
    return data_.get() + size_;
  }
  std::span<const T> span() const {
    return {data_.get(), size_};
  }

 private:
  struct GiveBack {
    void operator()(T* data) const {
      give_back(data);
    }
  };
  std::unique_ptr<T[], GiveBack> data_;
  size_t size_ = 0;
};

}  // namespace ligero

#endif  // LIGERO_RUNTIME_BASE_ARRAY_H_
