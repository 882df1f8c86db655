// SPDX-License-Identifier: Apache-2.0
// Status and Result: how every library of ligero reports a refusal. No heap, no exceptions.
// Text that needs names is composed by the tools from the two integers a status carries.
#ifndef LIGERO_RUNTIME_BASE_STATUS_H_
#define LIGERO_RUNTIME_BASE_STATUS_H_

#include <cassert>
#include <cstdint>
#include <utility>

#include "runtime/base/target.h"

namespace ligero {

/// Codes by cause.
enum class Code : int32_t {
  kOk = 0,
  kBadArgument,       ///< the caller passed something a function does not take
  kBadState,          ///< called in the wrong order
  kBadModel,          ///< a model or profile file is damaged or contradicts itself
  kUnsupportedModel,  ///< a sound file that asks for something this build does not have
  kNewerModel,        ///< the file's version is newer than this build reads
  kTooLittleMemory,   ///< a block or budget is too small, or the heap is exhausted
  kUnsupportedHardware,
  kInternal,
};

/// A code, a message that lives for ever, and up to two integers (say a node index and a file
/// offset; -1 where unused) that say where.
struct [[nodiscard]] Status {
  Code code = Code::kOk;
  int32_t index = -1;
  const char* message = "ok";
  int64_t where = -1;

  bool ok() const {
    return code == Code::kOk;
  }
};
static_assert(sizeof(void*) != 8 || sizeof(Status) == 24);

inline Status error(Code code, const char* message, int32_t index = -1, int64_t where = -1) {
  return Status{code, index, message, where};
}

/// A value or a status that is not ok, never both.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}
  Result(Status status) : status_(status) {
    assert(!status.ok());
  }
  bool ok() const {
    return status_.ok();
  }
  const Status& status() const {
    return status_;
  }
  T& value() {
    assert(ok());
    return value_;
  }
  const T& value() const {
    assert(ok());
    return value_;
  }

 private:
  Status status_;
  T value_{};
};

}  // namespace ligero

/// Returns the status of `expression` from the enclosing function where it is not ok.
#define LIGERO_RETURN_IF_ERROR(expression)                            \
  do {                                                                \
    if (::ligero::Status status_ = (expression); !status_.ok()) {     \
      return status_;                                                 \
    }                                                                 \
  } while (false)

/// Returns error(code, message, ...) from the enclosing function where `condition` is false.
#define LIGERO_CHECK(condition, ...)       \
  do {                                     \
    if (!(condition)) {                    \
      return ::ligero::error(__VA_ARGS__); \
    }                                      \
  } while (false)

#endif  // LIGERO_RUNTIME_BASE_STATUS_H_
