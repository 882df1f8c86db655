// SPDX-License-Identifier: Apache-2.0
// From a checkpoint and a configuration to a model: build, passes, checks, report. Not: files,
// options.
#ifndef LIGERO_CONVERTER_CONVERT_H_
#define LIGERO_CONVERTER_CONVERT_H_

#include <string>
#include <vector>

#include "converter/check.h"
#include "converter/passes/passes.h"
#include "converter/quantize/mixed.h"
#include "model/draft.h"
#include "model/systems/checkpoint.h"

namespace ligero {

/// What one pass did.
struct PassReport {
  const Pass* pass = nullptr;
  int changes = 0;
  double tolerance = 0.0;
  /// Where checks run: every node on the inputs of before, and on what the new graph gave it.
  Difference per_layer;
  Difference carried_on;
};

/// Hears how a conversion goes, from its thread.
class ConvertListener {
 public:
  virtual ~ConvertListener() = default;
  /// `step` (a pass, or the run before all passes) begins; `done` of `total` steps are done.
  virtual void begins(const std::string& step, double done, double total) = 0;
  /// A pass was run and checked.
  virtual void checked(const PassReport& report) = 0;
};

/// What int8 may cost, by default.
inline constexpr double kMostLostDb = 0.05;

/// What the converter does besides the passes.
struct ConvertOptions {
  PassOptions passes;
  /// Mixtures to choose the matrices' types by, in place of one type for all; empty: no.
  std::vector<CalibrationItem> calibration;
  double most_lost_db = kMostLostDb;    ///< of SI-SNR by that choice
  bool check = false;                   ///< run before and after each pass
  bool unfolded = false;                ///< run no pass: every node as PyTorch computes it
  bool only_extract = false;            ///< leave the speaker networks out
  ConvertListener* listener = nullptr;  ///< may be null
};

struct Conversion {
  ModelDraft model;
  std::vector<PassReport> reports;
  MixedChoice mixed;  ///< of no matrices where there was no calibration
};

/// 64 hexadecimal digits: SHA-256 over the options that decide what the network computes and the
/// checkpoint's tensors by name (counters apart).
std::string family_of(const std::string& identity, const Checkpoint& checkpoint);

/// Runs `pass`; with `before`, compares and replaces `*before` by the new activations.
/// Throws SystemError naming pass, node and error where a layer exceeds the tolerance.
PassReport run_pass(const Pass& pass,
                    const PassOptions& options,
                    ModelDraft* model,
                    Activations* before);

/// Converts. `source` names the configuration in messages. Throws SystemError.
Conversion convert(const std::string& config_text,
                   const std::string& source,
                   Checkpoint checkpoint,
                   const ConvertOptions& options);

/// The reports as JSON text.
std::string report_json(const Conversion& conversion);

}  // namespace ligero

#endif  // LIGERO_CONVERTER_CONVERT_H_
