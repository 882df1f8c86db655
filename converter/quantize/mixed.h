// SPDX-License-Identifier: Apache-2.0
// Which matrices can be int8: by what each one alone costs the voice that comes out. Not: the
// rounding (model/format/writer.h), nor which ops take int8 (passes/choose_weight_types.cc).
#ifndef LIGERO_CONVERTER_QUANTIZE_MIXED_H_
#define LIGERO_CONVERTER_QUANTIZE_MIXED_H_

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "model/draft.h"

namespace ligero {

/// One calibration mixture, 16 kHz mono: a person's anchor, that person's voice, and the mixture of
/// that voice with somebody else's, as long as it.
struct CalibrationItem {
  std::vector<float> anchor;
  std::vector<float> target;
  std::vector<float> mixture;
};

/// A recording of one person alone must be so long to be of use.
inline constexpr int kMinCalibrationSeconds = 3;
/// So many mixtures at most; more recordings than these take are left.
inline constexpr size_t kMaxCalibrationItems = 12;

/// Whether a recording is long and loud enough to calibrate with.
bool of_use(std::span<const float> recording);

/// Mixtures at 0 dB from recordings of single talkers: the first half of each (at most 4 s) is the
/// anchor, the second the target (at most 4 s), and the recording half-way round interferes.
/// Recordings that are not of use are left out. Empty where fewer than two are left.
std::vector<CalibrationItem> calibration_items(std::span<const std::vector<float>> recordings);

/// What was found of one matrix.
struct MatrixChoice {
  std::string graph;
  std::string tensor;
  int32_t inner = 0;
  int32_t outputs = 0;
  int64_t saved_bytes = 0;  ///< by int8 against f16
  double lost_db = 0.0;     ///< of SI-SNR, by this matrix alone as int8
  bool int8 = false;        ///< chosen; else f16
};

struct MixedChoice {
  std::vector<MatrixChoice> matrices;  ///< those that could be int8, the costliest first
  size_t items = 0;
  double predicted_db = 0.0;  ///< lost by all the chosen together, as the sum of their errors
  double lost_db = 0.0;       ///< mean SI-SNR of the f32 model less that of the chosen one
  double snr_db = 0.0;        ///< the chosen model's voice against the f32 model's
};

/// What every matrix of a model costs as int8, and a choice for any loss that is allowed. An error
/// of a matrix is the power by which the voices differ from the f32 model's, over the power of that
/// model's own errors; errors add up, averaged over the mixtures. Host only.
class Calibration {
 public:
  /// Runs `model`, all f32, with one matrix after another as int8: minutes. `items` must outlive
  /// this. `progress`, which may be empty, hears the share that is done. Throws SystemError where
  /// the model has no graph "enroll" or refuses the recordings.
  Calibration(ModelDraft model,
              std::span<const CalibrationItem> items,
              const std::function<void(double)>& progress);

  /// Sets the types of the same model's matrices: int8 but for those that cost most for the bytes
  /// they save, which become f16, until the loss is at most `most_lost_db` as predicted and as
  /// measured; and those that can only be f16. Where MixedChoice::lost_db is larger in the end, no
  /// matrix is int8: f16 alone costs that.
  MixedChoice choose(double most_lost_db, ModelDraft* model) const;

 private:
  /// A matrix that could be int8, by its place in the draft.
  struct Matrix {
    size_t graph;
    size_t tensor;
    double error;  ///< what it does to the voices as int8
    MatrixChoice choice;
  };

  double predicted_db(size_t spared) const;
  void measure(const ModelDraft& model, MixedChoice* choice) const;

  std::span<const CalibrationItem> items_;
  std::vector<std::vector<float>> wanted_;  ///< the f32 model's voices
  std::vector<double> own_errors_;          ///< and their errors
  std::vector<Matrix> matrices_;            ///< the costliest first
};

}  // namespace ligero

#endif  // LIGERO_CONVERTER_QUANTIZE_MIXED_H_
