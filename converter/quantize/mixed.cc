// Runs the model with one matrix after another as int8, and chooses. Not: reading recordings.
#include "converter/quantize/mixed.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "converter/graph_edit.h"
#include "converter/open_draft.h"
#include "converter/passes/passes.h"
#include "model/format/profile.h"
#include "model/speech/session.h"
#include "model/systems/checkpoint.h"

namespace ligero {
namespace {

constexpr size_t kMostSamples = size_t{4} * kSampleRateHz;
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

std::vector<Profile> enroll_all(const Model& model, std::span<const CalibrationItem> items) {
  std::vector<Profile> profiles;
  for (const CalibrationItem& item : items) {
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
    check(extract(model, profiles[i], items[i].mixture, voices.back()), "extraction");
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

/// A matrix that could be int8, by its place in the draft.
struct Matrix {
  size_t graph;
  int tensor;
  double error;  ///< what it does to the voices as int8
  MatrixChoice choice;
};

/// Every matrix that can be int8; the others become f16 at once.
std::vector<Matrix> find_matrices(ModelDraft* model) {
  std::vector<Matrix> found;
  for (size_t g = 0; g < model->graphs.size(); ++g) {
    GraphEdit edit(&model->graphs[g]);
    for (size_t i = 0; i < model->graphs[g].tensors.size(); ++i) {
      const int index = static_cast<int>(i);
      TensorDraft& t = edit.tensor(index);
      if (t.kind != Kind::kWeight || t.layout != Layout::kPanels) {
        continue;
      }
      t.type = Type::kF16;
      if (possible_type(edit, index, Type::kQ8) == Type::kQ8) {
        const int64_t saved = int64_t{t.dims[0]} * t.dims[1] - int64_t{4} * t.dims[1];
        found.push_back({g,
                         index,
                         0.0,
                         {model->graphs[g].name, t.name, t.dims[0], t.dims[1], saved, 0.0, true}});
      }
    }
  }
  return found;
}

double decibels(double share) {
  return 10.0 * std::log10(1.0 + share);
}

}  // namespace

std::vector<CalibrationItem> calibration_items(std::span<const std::vector<float>> recordings) {
  std::vector<std::span<const float>> usable;
  for (const std::vector<float>& r : recordings) {
    const double samples = std::max(1.0, static_cast<double>(r.size()));
    const double level = 10.0 * std::log10(power(r) / samples + kSmallest);
    if (std::ssize(r) >= int64_t{kMinCalibrationSeconds} * kSampleRateHz && level > kMinAnchorDb) {
      usable.emplace_back(r);
    }
  }
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

MixedChoice choose_mixed(ModelDraft* model,
                         std::span<const CalibrationItem> items,
                         double most_lost_db,
                         const std::function<void(double)>& progress) {
  std::vector<Profile> profiles;
  Voices wanted;
  {
    const OpenDraft full(*model);
    profiles = enroll_all(full.model(), items);
    wanted = extract_all(full.model(), profiles, items);
  }
  std::vector<double> own_errors;
  for (size_t i = 0; i < items.size(); ++i) {
    own_errors.push_back(error_share(wanted[i], items[i].target));
  }
  std::vector<Matrix> matrices = find_matrices(model);
  const auto type_of = [&](const Matrix& m) -> Type& {
    return model->graphs[m.graph].tensors[static_cast<size_t>(m.tensor)].type;
  };
  for (size_t i = 0; i < matrices.size(); ++i) {
    Matrix& m = matrices[i];
    if (progress) {
      progress(static_cast<double>(i) / static_cast<double>(matrices.size()));
    }
    type_of(m) = Type::kQ8;
    const OpenDraft tried(*model);
    std::vector<Profile> own_profiles;
    if (model->graphs[m.graph].name == "enroll") {
      own_profiles = enroll_all(tried.model(), items);
    }
    m.error = mean_difference(
        extract_all(tried.model(), own_profiles.empty() ? profiles : own_profiles, items), wanted,
        own_errors);
    m.choice.lost_db = decibels(m.error);
    type_of(m) = Type::kF16;
  }
  std::sort(matrices.begin(), matrices.end(), [](const Matrix& a, const Matrix& b) {
    const auto price = [](const Matrix& m) {
      return m.error / static_cast<double>(std::max<int64_t>(1, m.choice.saved_bytes));
    };
    return price(a) > price(b);
  });
  double error = 0.0;
  for (const Matrix& m : matrices) {
    error += m.error;
  }
  for (Matrix& m : matrices) {
    m.choice.int8 = decibels(error) <= most_lost_db;
    error -= m.choice.int8 ? 0.0 : m.error;
    type_of(m) = m.choice.int8 ? Type::kQ8 : Type::kF16;
  }
  MixedChoice choice;
  choice.items = items.size();
  choice.predicted_db = decibels(error);
  const OpenDraft chosen(*model);
  const Voices voices = extract_all(chosen.model(), enroll_all(chosen.model(), items), items);
  double difference = 0.0;
  for (size_t i = 0; i < items.size(); ++i) {
    choice.lost_db += 10.0 * std::log10(error_share(voices[i], items[i].target) / own_errors[i]) /
                      static_cast<double>(items.size());
    difference += difference_share(voices[i], wanted[i]) / static_cast<double>(items.size());
  }
  choice.snr_db = -10.0 * std::log10(difference + kSmallest);
  for (Matrix& m : matrices) {
    choice.matrices.push_back(std::move(m.choice));
  }
  return choice;
}

}  // namespace ligero
