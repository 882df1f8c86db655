// SPDX-License-Identifier: Apache-2.0
// One message per thread.
#include "platforms/capi/refusal.h"

#include <cstdio>

namespace ligero::capi {
namespace {

thread_local char last[512] = "no error";

}  // namespace

ligero_status refuse(Code code, const char* what, const char* where) {
  std::snprintf(last, sizeof(last), "%s%s%s", what, *where ? ": " : "", where);
  return static_cast<ligero_status>(code);
}

ligero_status refuse(const Status& status, const char* where) {
  char detail[320] = "";
  if (*where) {
    std::snprintf(detail, sizeof(detail), "%s", where);
  } else if (status.index >= 0) {
    std::snprintf(detail,
                  sizeof(detail),
                  "index %d, value %lld",
                  static_cast<int>(status.index),
                  static_cast<long long>(status.where));
  } else if (status.where >= 0) {
    const char* form = status.code == Code::kTooLittleMemory ? "%lld bytes needed" : "%lld";
    std::snprintf(detail, sizeof(detail), form, static_cast<long long>(status.where));
  }
  return refuse(status.code, status.message, detail);
}

ligero_status null_argument(const char* name) {
  return refuse(Code::kBadArgument, "an argument must not be null", name);
}

const char* last_error() {
  return last;
}

}  // namespace ligero::capi
