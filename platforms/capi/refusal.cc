// SPDX-License-Identifier: Apache-2.0
// One message per thread.
#include "platforms/capi/refusal.h"

#include "runtime/base/target.h"
#include "runtime/base/text.h"

namespace ligero::capi {
namespace {

LIGERO_THREAD_LOCAL char last[512];

Text fresh_message(const char* what) {
  return Text(last, sizeof(last)).add(what);
}

}  // namespace

ligero_status refuse(Code code, const char* what, const char* where) {
  Text text = fresh_message(what);
  if (*where) {
    text.add(": ").add(where);
  }
  return static_cast<ligero_status>(code);
}

ligero_status refuse(const Status& status, const char* where) {
  if (*where) {
    return refuse(status.code, status.message, where);
  }
  Text text = fresh_message(status.message);
  if (status.index >= 0) {
    text.add(": index ").add(status.index).add(", value ").add(status.where);
  } else if (status.where >= 0) {
    text.add(": ").add(status.where);
    text.add(status.code == Code::kTooLittleMemory ? " bytes needed" : "");
  }
  return static_cast<ligero_status>(status.code);
}

ligero_status null_argument(const char* name) {
  return refuse(Code::kBadArgument, "an argument must not be null", name);
}

const char* last_error() {
  return last[0] != '\0' ? last : "no error";
}

}  // namespace ligero::capi
