// SPDX-License-Identifier: Apache-2.0
// Statuses in words. Not: what was tried.
#include "platforms/cli/refusal.h"

#include <cstring>

namespace ligero::cli {

namespace {

std::string integers_of(const Status& status) {
  if (status.code == Code::kTooLittleMemory && status.where >= 0) {
    return text(status.where, " bytes needed");
  }
  if (status.code == Code::kNewerModel && status.where >= 0) {
    return text("version ", status.where);
  }
  const bool damaged = status.code == Code::kBadModel;
  return status.where >= 0 ? text(damaged ? "at byte " : "value ", status.where) : "";
}

}  // namespace

void refuse_status(const std::string& subject, const Status& status, const std::string& detail) {
  const std::string more = detail.empty() ? integers_of(status) : detail;
  refuse(subject, ": ", status.message, more.empty() ? "" : " (", more, more.empty() ? "" : ")");
}

void refuse_system_status(const std::string& subject, const Status& status) {
  if (status.code != Code::kBadArgument) {
    refuse_status(subject, status);
  }
  const auto reason = static_cast<int>(status.where);
  refuse_status(
      subject, error(status.code, status.message), reason > 0 ? std::strerror(reason) : "");
}

}  // namespace ligero::cli
