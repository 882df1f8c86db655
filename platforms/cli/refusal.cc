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
  const bool has_errno = status.code == Code::kBadArgument && status.where > 0;
  refuse_status(subject, status, has_errno ? std::strerror(static_cast<int>(status.where)) : "");
}

}  // namespace ligero::cli
