// SPDX-License-Identifier: Apache-2.0
// A draft written to memory and opened, as a device opens the file. Not: running it.
#ifndef LIGERO_CONVERTER_OPEN_DRAFT_H_
#define LIGERO_CONVERTER_OPEN_DRAFT_H_

#include "model/draft.h"
#include "model/format/loader.h"
#include "runtime/cpu_run.h"

namespace ligero {

class OpenDraft {
 public:
  /// Throws SystemError where the loader refuses the draft.
  explicit OpenDraft(const ModelDraft& draft);
  const Model& model() const {
    return model_.value();
  }

 private:
  AlignedBlock file_;
  Result<Model> model_{Model()};
};

}  // namespace ligero

#endif  // LIGERO_CONVERTER_OPEN_DRAFT_H_
