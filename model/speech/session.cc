// enroll() and extract(): samples to hops, one offline run, and back. Not: what the networks
// compute.
#include "model/speech/session.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace ligero {
namespace {

constexpr double kLowestDb = -200.0;

/// Writes `from` to `to`, NaN and infinities as zero, which are counted; returns the sum of
/// squares.
double copy_clean(std::span<const float> from, float* to, int64_t* cleaned) {
  double squares = 0.0;
  for (size_t i = 0; i < from.size(); ++i) {
    const bool good = std::isfinite(from[i]);
    to[i] = good ? from[i] : 0.0f;
    *cleaned += good ? 0 : 1;
    squares += static_cast<double>(to[i]) * static_cast<double>(to[i]);
  }
  return squares;
}

double level_db(double squares, int64_t samples) {
  const double power = samples > 0 ? squares / static_cast<double>(samples) : 0.0;
  return power > 0.0 ? std::max(kLowestDb, 10.0 * std::log10(power)) : kLowestDb;
}

double sum_of_squares(std::span<const float> samples) {
  double squares = 0.0;
  for (float x : samples) {
    squares += std::isfinite(x) ? static_cast<double>(x) * static_cast<double>(x) : 0.0;
  }
  return squares;
}

bool is_hops(const Tensor& t) {
  return t.kind == Kind::kSequence && t.bins() == 1 && t.channels() == kHopSamples;
}

/// Position among the graph's inputs of the one sequence, which must be hops; -1 where it is not
/// so.
int32_t hops_input(const Graph& graph) {
  int32_t found = -1;
  for (size_t k = 0; k < graph.inputs.size(); ++k) {
    const Tensor& t = graph.tensors[static_cast<size_t>(graph.inputs[k])];
    if (t.kind != Kind::kSequence) {
      continue;
    }
    if (found >= 0 || !is_hops(t)) {
      return -1;
    }
    found = static_cast<int32_t>(k);
  }
  return found;
}

Status check_anchors(std::span<const std::span<const float>> anchors, int64_t* samples) {
  LIGERO_CHECK(!anchors.empty(), Code::kBadArgument, "no anchor recording");
  *samples = 0;
  for (size_t i = 0; i < anchors.size(); ++i) {
    const int32_t index = static_cast<int32_t>(i);
    const int64_t size = static_cast<int64_t>(anchors[i].size());
    LIGERO_CHECK(size >= kMinAnchorSamples,
                 Code::kBadArgument,
                 "the anchor is shorter than 1 s",
                 index,
                 size);
    LIGERO_CHECK(level_db(sum_of_squares(anchors[i]), size) > kMinAnchorDb,
                 Code::kBadArgument,
                 "the anchor is silent: its level is below -70 dB of full scale",
                 index,
                 size);
    *samples += size;
  }
  return {};
}

Result<GraphRun> prepare(const Graph& graph,
                         int64_t samples,
                         const RunOptions& options,
                         SessionReport* report) {
  const int64_t frames = hops_of(samples);
  LIGERO_CHECK(frames <= std::numeric_limits<int32_t>::max(),
               Code::kBadArgument,
               "the recording is too long",
               -1,
               samples);
  report->samples = samples;
  report->frames = frames;
  Result<GraphRun> run = GraphRun::prepare(
      graph, static_cast<int32_t>(frames), samples, GraphRun::Keep::kOutputs, options);
  if (run.ok()) {
    report->block_bytes = run.value().block_bytes();
    report->memory = run.value().memory();
  }
  return run;
}

Status check_extract(const Graph& graph) {
  LIGERO_CHECK(hops_input(graph) >= 0 && graph.outputs.size() == 1 &&
                   is_hops(graph.tensors[static_cast<size_t>(graph.outputs[0])]),
               Code::kUnsupportedModel,
               "the graph \"extract\" does not map hops of 160 samples to hops");
  return {};
}

bool all_finite(const float* values, size_t count) {
  return std::all_of(values, values + count, [](float v) { return std::isfinite(v); });
}

/// What the enroll graph has computed, as a profile.
Result<Profile> collect(const Model& model, const Graph& graph, const GraphRun& run) {
  Array<Tensor> tensors;
  int64_t total = 0;
  for (int32_t t : graph.outputs) {
    total += run.values(t);
  }
  Array<float> values;
  LIGERO_CHECK(
      tensors.allocate(graph.outputs.size()) && values.allocate(static_cast<size_t>(total)),
      Code::kTooLittleMemory,
      "not enough memory for a profile",
      -1,
      total);
  float* next = values.data();
  for (size_t k = 0; k < graph.outputs.size(); ++k) {
    const int32_t t = graph.outputs[k];
    const size_t size = static_cast<size_t>(run.values(t));
    LIGERO_RETURN_IF_ERROR(run.read(t, {next, size}));
    LIGERO_CHECK(all_finite(next, size),
                 Code::kInternal,
                 "the network has given a value that is not finite",
                 t);
    tensors[k] = graph.tensors[static_cast<size_t>(t)];
    tensors[k].data = next;
    next += size;
  }
  return Profile::create(model.family(), tensors.span());
}

}  // namespace

Result<Profile> enroll(const Model& model,
                       std::span<const std::span<const float>> anchors,
                       const RunOptions& options,
                       SessionReport* report) {
  SessionReport unread;
  SessionReport& told = report == nullptr ? unread : *report;
  told = SessionReport{};
  const Graph* graph = model.graph("enroll");
  LIGERO_CHECK(graph != nullptr,
               Code::kBadArgument,
               "the model has no graph \"enroll\": it was converted for extraction only");
  const int32_t hops = hops_input(*graph);
  const bool to_constants =
      std::all_of(graph->outputs.begin(), graph->outputs.end(), [&](int32_t t) {
        return graph->tensors[static_cast<size_t>(t)].kind == Kind::kConstant;
      });
  LIGERO_CHECK(hops >= 0 && graph->inputs.size() == 1 && to_constants,
               Code::kUnsupportedModel,
               "the graph \"enroll\" does not map hops of 160 samples to constants");
  int64_t samples = 0;
  LIGERO_RETURN_IF_ERROR(check_anchors(anchors, &samples));
  Result<GraphRun> run = prepare(*graph, samples, options, &told);
  if (!run.ok()) {
    return run.status();
  }
  float* to = run.value().input(static_cast<size_t>(hops));
  float* const end = to + told.frames * kHopSamples;
  double squares = 0.0;
  for (std::span<const float> anchor : anchors) {
    squares += copy_clean(anchor, to, &told.cleaned_samples);
    to += anchor.size();
  }
  std::fill(to, end, 0.0f);
  told.level_db = level_db(squares, samples);
  LIGERO_RETURN_IF_ERROR(run.value().run());
  return collect(model, *graph, run.value());
}

Result<Profile> enroll(const Model& model,
                       std::span<const float> anchor,
                       const RunOptions& options,
                       SessionReport* report) {
  return enroll(model, std::span<const std::span<const float>>(&anchor, 1), options, report);
}

Status extract(const Model& model,
               const Profile& profile,
               std::span<const float> mixture,
               std::span<float> voice,
               const RunOptions& options,
               SessionReport* report) {
  SessionReport unread;
  SessionReport& told = report == nullptr ? unread : *report;
  told = SessionReport{};
  LIGERO_CHECK(!mixture.empty(), Code::kBadArgument, "the recording is empty");
  LIGERO_CHECK(mixture.size() == voice.size(),
               Code::kBadArgument,
               "the output has not the input's length",
               -1,
               static_cast<int64_t>(voice.size()));
  const Graph* graph = model.graph("extract");
  LIGERO_CHECK(graph != nullptr, Code::kBadArgument, "the model has no graph \"extract\"");
  LIGERO_RETURN_IF_ERROR(check_extract(*graph));
  LIGERO_RETURN_IF_ERROR(profile.bind(model, *graph));
  const Result<OutputTiming> timing = output_timing(*graph, 0);
  if (!timing.ok()) {
    return timing.status();
  }
  const int32_t lag = timing.value().lag;
  LIGERO_CHECK(lag == 0 || lag == 1,
               Code::kUnsupportedModel,
               "the output lags by more than the one hop of an inverse STFT",
               -1,
               lag);
  Result<GraphRun> prepared = prepare(*graph, static_cast<int64_t>(mixture.size()), options, &told);
  if (!prepared.ok()) {
    return prepared.status();
  }
  GraphRun& run = prepared.value();
  for (size_t k = 0; k < graph->inputs.size(); ++k) {
    const Tensor& t = graph->tensors[static_cast<size_t>(graph->inputs[k])];
    if (t.kind == Kind::kConstant) {
      LIGERO_RETURN_IF_ERROR(run.set_input(t.name, profile.find(t.name)));
    }
  }
  float* to = run.input(static_cast<size_t>(hops_input(*graph)));
  const double squares = copy_clean(mixture, to, &told.cleaned_samples);
  std::fill(to + mixture.size(), to + told.frames * kHopSamples, 0.0f);
  told.level_db = level_db(squares, told.samples);
  LIGERO_RETURN_IF_ERROR(run.run());
  const float* from = run.output(0) + lag * kHopSamples;
  LIGERO_CHECK(all_finite(from, voice.size()),
               Code::kInternal,
               "the network has given a value that is not finite");
  std::copy(from, from + voice.size(), voice.begin());
  return {};
}

}  // namespace ligero
