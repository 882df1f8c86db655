// SPDX-License-Identifier: Apache-2.0
// enroll() and extract(): samples to hops, one offline run, and back. Not: what the networks
// compute.
#include "model/session/recording.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <utility>

#include "model/session/low_cut.h"
#include "runtime/base/checked.h"

namespace ligero {
namespace {

constexpr double kLowestDb = -200.0;
constexpr size_t kSettledShare = 20;  // of a second: then no step of an offset is left in LowCut

double level_db(double squares, int64_t samples) {
  const double power = samples > 0 ? squares / static_cast<double>(samples) : 0.0;
  return power > 0.0 ? std::max(kLowestDb, 10.0 * std::log10(power)) : kLowestDb;
}

Status check_anchors(std::span<const std::span<const float>> anchors,
                     int32_t rate_hz,
                     int64_t* samples) {
  LIGERO_CHECK(!anchors.empty(), Code::kBadArgument, "no anchor recording");
  *samples = 0;
  for (size_t i = 0; i < anchors.size(); ++i) {
    const int32_t index = static_cast<int32_t>(i);
    const int64_t size = static_cast<int64_t>(anchors[i].size());
    LIGERO_CHECK(size >= int64_t{kMinAnchorSeconds} * rate_hz,
                 Code::kBadArgument,
                 "the anchor is shorter than 1 s",
                 index,
                 size);
    int64_t cleaned = 0;  // counted later
    LowCut cut(rate_hz);
    const size_t settled = static_cast<size_t>(rate_hz) / kSettledShare;
    hear(anchors[i].first(settled), &cut, nullptr, &cleaned);
    const double squares = hear(anchors[i].subspan(settled), &cut, nullptr, &cleaned);
    LIGERO_CHECK(level_db(squares, size) > kMinAnchorDb,
                 Code::kBadArgument,
                 "the anchor is silent: its level is below -70 dB of full scale",
                 index,
                 size);
    *samples += size;
  }
  return {};
}

/// One run over a whole recording.
struct Whole {
  std::unique_ptr<Run> run;
  Turn turn;
  int32_t frames = 0;
};

Result<Whole> open(const Ports& ports,
                   int64_t samples,
                   const Processor& processor,
                   RecordingReport* report) {
  const int64_t frames = ports.rows_of(samples);
  LIGERO_CHECK(frames <= std::numeric_limits<int32_t>::max(),
               Code::kBadArgument,
               "the recording is too long",
               -1,
               samples);
  report->samples = samples;
  report->frames = frames;
  Whole whole;
  whole.frames = static_cast<int32_t>(frames);
  whole.turn.extent = {frames, samples};
  Result<std::unique_ptr<Run>> run = processor.open(*ports.graph, {.max_frames = whole.frames});
  LIGERO_RETURN_IF_ERROR(run.status());
  whole.run = std::move(run.value());
  report->memory = whole.run->plan().memory;
  return whole;
}

bool all_finite(const float* values, size_t count) {
  return std::all_of(values, values + count, [](float v) { return std::isfinite(v); });
}

/// What the enroll graph has computed, as a profile.
Result<Profile> collect(const Model& model, const Graph& graph, const Run& run) {
  Array<Tensor> tensors;
  LIGERO_CHECK(tensors.allocate(graph.outputs.size()),
               Code::kTooLittleMemory,
               "not enough memory for a profile");
  for (size_t k = 0; k < graph.outputs.size(); ++k) {
    const int32_t t = graph.outputs[k];
    tensors[k] = graph.tensors[static_cast<size_t>(t)];
    tensors[k].data = run.output(0, k);
    LIGERO_CHECK(all_finite(tensors[k].f32(), static_cast<size_t>(tensors[k].elements())),
                 Code::kInternal,
                 "the network has given a value that is not finite",
                 t);
  }
  return Profile::create(model.family(), tensors.span());
}

void set_profile(const Ports& ports, const Profile& profile, Run* run) {
  for (size_t k = 0; k < ports.graph->inputs.size(); ++k) {
    if (k != ports.hops_in) {
      const Tensor& t = ports.graph->tensors[static_cast<size_t>(ports.graph->inputs[k])];
      const std::span<const float> values = profile.find(t.name);
      std::copy(values.begin(), values.end(), run->input(0, k));
    }
  }
}

Status collect_side(const Ports& ports, const Run& run, int64_t hops, SideSignals* side) {
  side->hops = hops;
  LIGERO_CHECK(side->values.allocate(ports.num_side_outputs * static_cast<size_t>(hops)),
               Code::kTooLittleMemory,
               "not enough memory for the side outputs",
               -1,
               hops);
  for (size_t k = 0; k < ports.num_side_outputs; ++k) {
    const float* rows = run.output(0, ports.side_outputs[k].port) + ports.side_outputs[k].lag_hops;
    LIGERO_CHECK(all_finite(rows, static_cast<size_t>(hops)),
                 Code::kInternal,
                 "the network has given a value that is not finite");
    std::copy(rows, rows + hops, side->values.data() + k * static_cast<size_t>(hops));
  }
  return {};
}

}  // namespace

Result<Profile> enroll(const Model& model,
                       std::span<const std::span<const float>> anchors,
                       const Processor& processor,
                       RecordingReport* report) {
  RecordingReport unread;
  RecordingReport& told = report == nullptr ? unread : *report;
  told = RecordingReport{};
  const Result<Ports> found = enroll_ports(model);
  LIGERO_RETURN_IF_ERROR(found.status());
  const Ports& ports = found.value();
  int64_t samples = 0;
  LIGERO_RETURN_IF_ERROR(check_anchors(anchors, ports.rate_hz, &samples));
  Result<Whole> opened = open(ports, samples, processor, &told);
  LIGERO_RETURN_IF_ERROR(opened.status());
  Whole& whole = opened.value();
  float* to = whole.run->input(0, ports.hops_in);
  float* const end = to + told.frames * ports.hop_samples;
  double squares = 0.0;
  LowCut cut(ports.rate_hz);  // of all, as of anchors that the caller has joined
  for (std::span<const float> anchor : anchors) {
    squares += hear(anchor, &cut, to, &told.cleaned_samples);
    to += anchor.size();
  }
  std::fill(to, end, 0.0f);
  told.level_db = level_db(squares, samples);
  LIGERO_RETURN_IF_ERROR(whole.run->run({&whole.turn, 1}));
  return collect(model, *ports.graph, *whole.run);
}

Result<Profile> enroll(const Model& model,
                       std::span<const float> anchor,
                       const Processor& processor,
                       RecordingReport* report) {
  return enroll(model, std::span<const std::span<const float>>(&anchor, 1), processor, report);
}

Status extract(const Model& model,
               const Profile* profile,
               std::span<const float> mixture,
               std::span<float> voice,
               const Processor& processor,
               RecordingReport* report,
               SideSignals* side) {
  RecordingReport unread;
  RecordingReport& told = report == nullptr ? unread : *report;
  told = RecordingReport{};
  LIGERO_CHECK(!mixture.empty(), Code::kBadArgument, "the recording is empty");
  LIGERO_CHECK(mixture.size() == voice.size(),
               Code::kBadArgument,
               "the output has not the input's length",
               -1,
               static_cast<int64_t>(voice.size()));
  const Result<Ports> found = extract_ports(model);
  LIGERO_RETURN_IF_ERROR(found.status());
  const Ports& ports = found.value();
  if (profile != nullptr) {
    LIGERO_RETURN_IF_ERROR(check_profile(model, ports, *profile));
  }
  LIGERO_CHECK(profile != nullptr || !ports.takes_profile(),
               Code::kBadArgument,
               "the network needs a profile: enrol the person first");
  Result<Whole> opened = open(ports, static_cast<int64_t>(mixture.size()), processor, &told);
  LIGERO_RETURN_IF_ERROR(opened.status());
  Whole& whole = opened.value();
  if (profile != nullptr) {
    set_profile(ports, *profile, whole.run.get());
  }
  float* to = whole.run->input(0, ports.hops_in);
  LowCut cut(ports.rate_hz);
  const double squares = hear(mixture, &cut, to, &told.cleaned_samples);
  std::fill(to + mixture.size(), to + told.frames * ports.hop_samples, 0.0f);
  told.level_db = level_db(squares, told.samples);
  LIGERO_RETURN_IF_ERROR(whole.run->run({&whole.turn, 1}));
  const float* out = whole.run->output(0, ports.hops_out);
  const size_t early = static_cast<size_t>(ports.lag_hops) * static_cast<size_t>(ports.hop_samples);
  LIGERO_CHECK(all_finite(out, early + voice.size()),
               Code::kInternal,
               "the network has given a value that is not finite");
  if (side != nullptr) {
    const int64_t hops = ceil_div(static_cast<int64_t>(mixture.size()), ports.hop_samples);
    LIGERO_RETURN_IF_ERROR(collect_side(ports, *whole.run, hops, side));
  }
  restore({out, early + voice.size()}, ports.rate_hz, voice);
  return {};
}

}  // namespace ligero
