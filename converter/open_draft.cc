// SPDX-License-Identifier: Apache-2.0
// Writes a draft to memory and opens it. Not: files.
#include "converter/open_draft.h"

#include <cstring>
#include <new>
#include <string>
#include <vector>

#include "model/format/writer.h"
#include "model/systems/checkpoint.h"
#include "ops/table.h"

namespace ligero {

OpenDraft::OpenDraft(const ModelDraft& draft) {
  const std::vector<std::byte> bytes = write_model(draft);
  if (!file_.allocate(bytes.size())) {
    throw std::bad_alloc();
  }
  std::memcpy(file_.data(), bytes.data(), bytes.size());
  Fault fault;
  model_ = Model::open({file_.data(), file_.size()}, all_ops(), Limits{}, &fault);
  if (!model_.ok()) {
    throw SystemError(std::string(fault.text) + ": " + model_.status().message);
  }
}

}  // namespace ligero
