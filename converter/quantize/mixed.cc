// SPDX-License-Identifier: Apache-2.0
// Runs the model with one matrix after another as int8, and chooses. Not: reading recordings.
#include "converter/quantize/mixed.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include "converter/graph_edit.h"
#include "converter/open_draft.h"
#include "converter/passes/passes.h"
#include "model/format/profile.h"
#include "model/session/recording.h"
#include "model/systems/checkpoint.h"

namespace ligero {
namespace {

constexpr int32_t kCalibrationRateHz = 16000;
constexpr size_t kMostSamples = size_t{4} * kCalibrationRateHz;
constexpr double kSmallest = 1e-12;

double power(std::span<const float> x) {
  double sum = 0.0;
  for (float v : x) {
    sum += double{v} * v;
  }
  return sum;
}

/// The power of `x` that is not along `reference`, over the power that is: 1 / SI-SNR.
double error_share(std::span<const float> x, std::span<const float> reference) {
  double dot = 0.0;
  for (size_t i = 0; i < x.size(); ++i) {
    dot += double{x[i]} * reference[i];
  }
  const double along = dot * dot / (power(reference) + kSmallest);
  return (power(x) - along + kSmallest) / (along + kSmallest);
}

/// The power by which `x` differs from `reference`, over the latter's.
double difference_share(std::span<const float> x, std::span<const float> reference) {
  double sum = 0.0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double d = double{x[i]} - reference[i];
    sum += d * d;
  }
  return sum / (power(reference) + kSmallest);
}

using Voices = std::vector<std::vector<float>>;

void check(const Status& status, const char* what) {
  if (!status.ok()) {
    throw SystemError(std::string("calibration: ") + what + ": " + status.message);
  }
}

/// One for each item; none of a model that takes no profile.
std::vector<Profile> enroll_all(const Model& model, std::span<const CalibrationItem> items) {
  std::vector<Profile> profiles;
  for (const CalibrationItem& item : model.graph("enroll") != nullptr ? items : items.first(0)) {
    Result<Profile> profile = enroll(model, item.anchor);
    check(profile.status(), "enrolment");
    profiles.push_back(std::move(profile.value()));
  }
  return profiles;
}

Voices extract_all(const Model& model,
                   std::span<const Profile> profiles,
                   std::span<const CalibrationItem> items) {
  Voices voices;
  for (size_t i = 0; i < items.size(); ++i) {
    voices.emplace_back(items[i].mixture.size());
    const Profile* profile = profiles.empty() ? nullptr : &profiles[i];
    check(extract(model, profile, items[i].mixture, voices.back()), "extraction");
  }
  return voices;
}

/// Mean power by which the voices differ from the reference, over that of its own errors.
double mean_difference(const Voices& voices,
                       const Voices& reference,
                       std::span<const double> own_errors) {
  double sum = 0.0;
  for (size_t i = 0; i < voices.size(); ++i) {
    sum += difference_share(voices[i], reference[i]) / own_errors[i];
  }
  return sum / static_cast<double>(voices.size());
}

/// A matrix of a draft: its graph and its tensor there.
using Place = std::pair<size_t, size_t>;

/// Makes every matrix f16; gives those that can be int8.
std::vector<Place> make_half(ModelDraft* model) {
  std::vector<Place> found;
  for (size_t g = 0; g < model->graphs.size(); ++g) {
    GraphDraft& graph = model->graphs[g];
    GraphEdit edit(&graph);
    for (size_t i = 0; i < graph.tensors.size(); ++i) {
      if (graph.tensors[i].kind == Kind::kWeight && graph.tensors[i].layout == Layout::kPanels) {
        graph.tensors[i].type = Type::kF16;
        if (possible_type(edit, static_cast<int>(i), Type::kQ8) == Type::kQ8) {
          found.emplace_back(g, i);
        }
      }
    }
  }
  return found;
}

double decibels(double share) {
  return 10.0 * std::log10(1.0 + share);
}

}  // namespace

bool of_use(std::span<const float> recording) {
  if (std::ssize(recording) < int64_t{kMinCalibrationSeconds} * kCalibrationRateHz) {
    return false;
  }
  const double samples = static_cast<double>(recording.size());
  return 10.0 * std::log10(power(recording) / samples + kSmallest) > kMinAnchorDb;
}

std::vector<CalibrationItem> calibration_items(std::span<const std::vector<float>> recordings) {
  std::vector<std::span<const float>> usable;
  std::copy_if(recordings.begin(), recordings.end(), std::back_inserter(usable), of_use);
  std::vector<CalibrationItem> items;
  for (size_t i = 0; usable.size() > 1 && i < std::min(usable.size(), kMaxCalibrationItems); ++i) {
    const std::span<const float> own = usable[i];
    const std::span<const float> other = usable[(i + usable.size() / 2) % usable.size()];
    const std::span<const float> first = own.first(own.size() / 2);
    const std::span<const float> second = own.last(own.size() - first.size());
    const size_t samples = std::min({second.size(), other.size(), kMostSamples});
    const std::span<const float> target = second.first(samples);
    const std::span<const float> interferer = other.first(samples);
    if (power(target) <= kSmallest || power(interferer) <= kSmallest) {
      continue;
    }
    const auto gain = static_cast<float>(std::sqrt(power(target) / power(interferer)));
    CalibrationItem item;
    const std::span<const float> anchor = first.first(std::min(first.size(), kMostSamples));
    item.anchor.assign(anchor.begin(), anchor.end());
    item.target.assign(target.begin(), target.end());
    item.mixture = item.target;
    for (size_t k = 0; k < samples; ++k) {
      item.mixture[k] += gain * interferer[k];
    }
    items.push_back(std::move(item));
  }
  return items;
}

Calibration::Calibration(ModelDraft model,
                         std::span<const CalibrationItem> items,
                         const std::function<void(double)>& progress)
    : items_(items) {
  if (model.rate_hz != kCalibrationRateHz) {
    throw SystemError("mixed weight types are chosen on recordings of 16000 Hz; the model hears " +
                      std::to_string(model.rate_hz) + " Hz");
  }
  std::vector<Profile> profiles;
  {
    const OpenDraft full(model);
    profiles = enroll_all(full.model(), items);
    wanted_ = extract_all(full.model(), profiles, items);
  }
  for (size_t i = 0; i < items.size(); ++i) {
    own_errors_.push_back(error_share(wanted_[i], items[i].target));
  }
  const std::vector<Place> places = make_half(&model);
  for (const auto& [g, tensor] : places) {
    if (progress) {
      progress(static_cast<double>(matrices_.size()) / static_cast<double>(places.size()));
    }
    TensorDraft& t = model.graphs[g].tensors[tensor];
    t.type = Type::kQ8;
    const OpenDraft tried(model);
    std::vector<Profile> own_profiles;
    if (model.graphs[g].name == "enroll") {
      own_profiles = enroll_all(tried.model(), items);
    }
    const double error = mean_difference(
        extract_all(tried.model(), own_profiles.empty() ? profiles : own_profiles, items),
        wanted_,
        own_errors_);
    const int64_t saved = int64_t{t.dims[0]} * t.dims[1] - int64_t{4} * t.dims[1];
    matrices_.push_back(
        {g,
         tensor,
         error,
         {model.graphs[g].name, t.name, t.dims[0], t.dims[1], saved, decibels(error), true}});
    t.type = Type::kF16;
  }
  std::sort(matrices_.begin(), matrices_.end(), [](const Matrix& a, const Matrix& b) {
    const auto price = [](const Matrix& m) {
      return m.error / static_cast<double>(std::max<int64_t>(1, m.choice.saved_bytes));
    };
    return price(a) > price(b);
  });
}

/// What all but the first `spared` matrices lose together.
double Calibration::predicted_db(size_t spared) const {
  double error = 0.0;
  for (size_t i = matrices_.size(); i > spared; --i) {
    error += matrices_[i - 1].error;
  }
  return decibels(error);
}

void Calibration::measure(const ModelDraft& model, MixedChoice* choice) const {
  const OpenDraft chosen(model);
  const Voices voices = extract_all(chosen.model(), enroll_all(chosen.model(), items_), items_);
  const auto count = static_cast<double>(items_.size());
  double difference = 0.0;
  choice->lost_db = 0.0;
  for (size_t i = 0; i < items_.size(); ++i) {
    const double error = error_share(voices[i], items_[i].target);
    choice->lost_db += 10.0 * std::log10(error / own_errors_[i]) / count;
    difference += difference_share(voices[i], wanted_[i]) / count;
  }
  choice->snr_db = -10.0 * std::log10(difference + kSmallest);
}

MixedChoice Calibration::choose(double most_lost_db, ModelDraft* model) const {
  MixedChoice choice;
  choice.items = items_.size();
  for (const Matrix& m : matrices_) {
    choice.matrices.push_back(m.choice);
  }
  make_half(model);
  double allowed_db = most_lost_db;
  for (size_t spared = 0;; ++spared) {
    while (spared < matrices_.size() && predicted_db(spared) > allowed_db) {
      ++spared;
    }
    for (size_t i = 0; i < matrices_.size(); ++i) {
      const Matrix& m = matrices_[i];
      choice.matrices[i].int8 = i >= spared;
      model->graphs[m.graph].tensors[m.tensor].type = i >= spared ? Type::kQ8 : Type::kF16;
    }
    choice.predicted_db = predicted_db(spared);
    measure(*model, &choice);
    if (choice.lost_db <= most_lost_db || spared == matrices_.size()) {
      return choice;
    }
    allowed_db =
        choice.predicted_db * most_lost_db / choice.lost_db;  // it was too small by as much
  }
}

}  // namespace ligero
