// The live session: queues around a planned graph that runs one hop or block at a time.
#include "model/speech/stream.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "model/speech/session.h"
#include "runtime/base/checked.h"
#include "runtime/base/fpmode.h"

namespace ligero {
namespace {

constexpr int32_t kMaxChannels = 32;
constexpr int32_t kMaxBlockHops = 6000;
constexpr int32_t kChunk = 256;       // frames that are worked on at a time
constexpr int32_t kRampHops = 5;      // over which one target becomes another
constexpr double kFadeSeconds = 0.01;  // of every change of gain
constexpr float kNoLimitDb = 100.0f;
constexpr int64_t kResamplerSlack = 4;  // input samples by which a resampler's count may be ahead

bool is_sequence(const Graph& graph, int32_t t) {
  return graph.tensors[static_cast<size_t>(t)].kind == Kind::kSequence;
}

/// The position of the one input that is a sequence of hops, or -1.
int32_t find_hops(const Graph& graph) {
  int32_t found = -1;
  for (size_t k = 0; k < graph.inputs.size(); ++k) {
    if (is_sequence(graph, graph.inputs[k])) {
      const bool hops = graph.tensors[static_cast<size_t>(graph.inputs[k])].elements() == kHopSamples;
      if (!hops || found >= 0) {
        return -1;
      }
      found = static_cast<int32_t>(k);
    }
  }
  return found;
}

Result<PlanOptions> options_of(const StreamConfig& config) {
  const BlockConfig& block = config.block;
  const int32_t threads = config.pool == nullptr ? 1 : config.pool->threads();
  if (block.hops == 0) {
    return PlanOptions{
        .mode = Mode::kStream, .max_frames = 1, .cpu = config.cpu, .threads = threads};
  }
  for (const auto& [hops, least] : {std::pair{block.hops, 1},
                                    std::pair{block.context_hops, 0},
                                    std::pair{block.look_ahead_hops, 0}}) {
    LIGERO_CHECK(hops >= least && hops <= kMaxBlockHops,
                 Code::kBadArgument,
                 "a block must have 1 to 6000 hops of 10 ms, its context and look-ahead 0 to 6000",
                 -1,
                 hops);
  }
  return PlanOptions{.mode = Mode::kBlocks,
                     .max_frames = block.hops,
                     .context_frames = block.context_hops,
                     .look_ahead_frames = block.look_ahead_hops,
                     .cpu = config.cpu,
                     .threads = threads};
}

/// Gives out parts of a block, one after another; with a null block it only counts.
class Carver {
 public:
  explicit Carver(std::byte* block) : block_(block) {}
  float* floats(size_t n) {
    float* p = reinterpret_cast<float*>(block_ + used_);
    used_ += align_up(n * sizeof(float));
    return p;
  }
  size_t used() const {
    return used_;
  }

 private:
  std::byte* block_;
  size_t used_ = 0;
};

/// Reads a byte of every page of the weights, so that no page of a mapped file, nor of the block, which
/// create() fills, is fetched on the audio thread.
void touch_weights(const Graph& graph) {
  constexpr int64_t kPageBytes = 4096;  // no processor has smaller ones
  const auto touch = [](const void* data, int64_t size) {
    const auto* bytes = static_cast<const volatile std::byte*>(data);
    for (int64_t at = 0; at < size; at += kPageBytes) {
      static_cast<void>(bytes[at]);
    }
  };
  for (const Tensor& t : graph.tensors) {
    if (t.kind == Kind::kWeight) {
      touch(t.data, stored_bytes(t));
      touch(t.scale, t.scale != nullptr ? t.dim[1] * int64_t{sizeof(float)} : 0);
    }
  }
}

}  // namespace

/// Everything whose size follows from model and configuration.
struct Stream::Layout {
  const Graph* graph = nullptr;
  Plan plan;
  Resampler to_model;
  Resampler from_model;
  size_t hops_input = 0;
  size_t profile_floats = 0;
  int32_t most_resampled = 0;
  int32_t primed = 0;
  int32_t latency = 0;
  int32_t network_hops = 0;  // from a hop in to the same hop out
};

Result<Stream::Layout> Stream::lay_out(const Model& model, const StreamConfig& config) {
  Layout l;
  if (config.channels < 1 || config.channels > kMaxChannels) {
    return error(Code::kBadArgument, "channels must be 1 to 32", -1, config.channels);
  }
  l.graph = model.graph("extract");
  const int32_t hops_input = l.graph != nullptr ? find_hops(*l.graph) : -1;
  if (hops_input < 0 || l.graph->outputs.size() != 1 || !is_sequence(*l.graph, l.graph->outputs[0]) ||
      l.graph->tensors[static_cast<size_t>(l.graph->outputs[0])].elements() != kHopSamples) {
    return error(Code::kBadModel, "the model has no graph \"extract\" of hops to hops");
  }
  l.hops_input = static_cast<size_t>(hops_input);
  Result<Resampler> to = Resampler::create(config.rate_hz, kSampleRateHz);
  LIGERO_RETURN_IF_ERROR(to.status());
  Result<Resampler> from = Resampler::create(kSampleRateHz, config.rate_hz);
  LIGERO_RETURN_IF_ERROR(from.status());
  l.to_model = std::move(to.value());
  l.from_model = std::move(from.value());
  const Result<PlanOptions> options = options_of(config);
  LIGERO_RETURN_IF_ERROR(options.status());
  Result<Plan> plan = make_plan(*l.graph, options.value());
  LIGERO_RETURN_IF_ERROR(plan.status());
  l.plan = std::move(plan.value());
  for (int32_t t : l.graph->inputs) {
    if (!is_sequence(*l.graph, t)) {
      l.profile_floats += static_cast<size_t>(l.graph->tensors[static_cast<size_t>(t)].elements());
    }
  }
  const Placement& out = l.plan.tensors[static_cast<size_t>(l.graph->outputs[0])];
  const double ratio = static_cast<double>(config.rate_hz) / kSampleRateHz;
  // A block waits until it is whole; a resampler may keep one sample back in each direction.
  const bool resamples = config.rate_hz != kSampleRateHz;
  l.primed = static_cast<int32_t>(std::ceil(l.plan.options.max_frames * kHopSamples * ratio)) +
             (resamples ? static_cast<int32_t>(std::ceil(ratio)) + 1 : 0);
  l.network_hops = out.delay + out.revised + out.lag;
  const double network_s = static_cast<double>(l.network_hops) * kHopSamples / kSampleRateHz;
  l.latency = l.primed + static_cast<int32_t>(std::lround(
                             (network_s + l.to_model.delay_s() + l.from_model.delay_s()) *
                             config.rate_hz));
  l.most_resampled =
      std::max({l.to_model.most_output(kChunk), l.from_model.most_output(kHopSamples), kChunk});
  return l;
}

Result<size_t> Stream::bytes_needed(const Model& model, const StreamConfig& config) {
  Stream measured;
  const Status status = measured.create(model, config, nullptr, 0);
  if (status.code == Code::kTooLittleMemory && status.where > 0) {
    return static_cast<size_t>(status.where);
  }
  return status;
}

Result<std::unique_ptr<DeviceRun>> Stream::open_device(const Model& model,
                                                       const StreamConfig& config,
                                                       int32_t sessions) {
  const Result<Layout> laid_out = lay_out(model, config);
  LIGERO_RETURN_IF_ERROR(laid_out.status());
  return config.device->open(*laid_out.value().graph, laid_out.value().plan.options, sessions);
}

Status Stream::create(const Model& model, const StreamConfig& config, void* block, size_t bytes) {
  std::unique_ptr<DeviceRun> run;
  if (config.device != nullptr && block != nullptr) {
    Result<std::unique_ptr<DeviceRun>> opened = open_device(model, config, 1);
    LIGERO_RETURN_IF_ERROR(opened.status());
    run = std::move(opened.value());
  }
  LIGERO_RETURN_IF_ERROR(prepare(model, config, block, bytes, run.get(), 0));
  own_run_ = std::move(run);
  return {};
}

Status Stream::prepare(const Model& model,
                       const StreamConfig& config,
                       void* block,
                       size_t bytes,
                       DeviceRun* run,
                       int32_t seat) {
  Result<Layout> laid_out = lay_out(model, config);
  LIGERO_RETURN_IF_ERROR(laid_out.status());
  Layout& l = laid_out.value();
  Carver carver(static_cast<std::byte*>(block));
  const size_t plan_bytes = l.plan.bytes();
  float* const plan_block = carver.floats(plan_bytes / sizeof(float));
  for (float*& slot : slot_) {
    slot = carver.floats(l.profile_floats);
  }
  mono_ = carver.floats(kChunk);
  resampled_ = carver.floats(static_cast<size_t>(l.most_resampled));
  const int32_t block_hops = l.plan.options.max_frames;
  const int32_t block_samples = block_hops * kHopSamples;
  const int32_t model_in_capacity = block_samples + l.to_model.most_output(kChunk);
  const int32_t most_hops = (kChunk / block_samples + 2) * block_hops;  // of a chunk
  const int32_t voice_capacity =
      l.primed + kChunk + most_hops * l.from_model.most_output(kHopSamples);
  const int32_t dry_capacity = l.latency + kChunk;
  float* const model_in = carver.floats(static_cast<size_t>(model_in_capacity));
  float* const voice = carver.floats(static_cast<size_t>(voice_capacity));
  float* const dry = carver.floats(static_cast<size_t>(dry_capacity));
  if (block == nullptr || bytes < carver.used()) {
    return error(Code::kTooLittleMemory,
                 "the block is too small",
                 -1,
                 static_cast<int64_t>(carver.used()));
  }
  std::memset(block, 0, carver.used());
  touch_weights(*l.graph);
  LIGERO_RETURN_IF_ERROR(
      interpreter_.prepare(*l.graph, std::move(l.plan), plan_block, plan_bytes, config.pool));
  interpreter_.set_watch(config.watch);
  device_run_ = run;
  seat_ = seat;
  place_.store(run != nullptr ? Place::kDevice : Place::kProcessor, std::memory_order_relaxed);
  model_in_.set_memory(model_in, model_in_capacity);
  voice_.set_memory(voice, voice_capacity);
  dry_.set_memory(dry, dry_capacity);
  config_ = config;
  model_ = &model;
  graph_ = l.graph;
  to_model_ = std::move(l.to_model);
  from_model_ = std::move(l.from_model);
  latency_ = l.latency;
  primed_ = l.primed;
  block_hops_ = block_hops;
  rest_after_ = kRestHops + l.network_hops;
  hops_input_ = l.hops_input;
  reset();
  return {};
}

Status Stream::set_target(const Profile& profile) noexcept {
  LIGERO_RETURN_IF_ERROR(profile.bind(*model_, *graph_));
  float* to = slot_[writing_];
  for (int32_t t : graph_->inputs) {
    if (!is_sequence(*graph_, t)) {
      const std::span<const float> values =
          profile.find(graph_->tensors[static_cast<size_t>(t)].name);
      to = std::copy(values.begin(), values.end(), to);
    }
  }
  slot_has_target_[writing_] = true;
  writing_ = between_.exchange(writing_ | kFresh, std::memory_order_acq_rel) & 3;
  return {};
}

void Stream::clear_target() noexcept {
  slot_has_target_[writing_] = false;
  writing_ = between_.exchange(writing_ | kFresh, std::memory_order_acq_rel) & 3;
}

void Stream::set_strength(float strength, float limit_db) noexcept {
  const float wet = std::isfinite(strength) ? std::clamp(strength, 0.0f, 1.0f) : 1.0f;
  const float limit = limit_db >= kNoLimitDb || !std::isfinite(limit_db)
                          ? 0.0f
                          : std::pow(10.0f, -std::max(limit_db, 0.0f) / 20.0f);
  dry_gain_goal_.store(std::max(1.0f - wet, limit), std::memory_order_relaxed);
}

void Stream::set_bypass(bool bypass) noexcept {
  bypass_.store(bypass, std::memory_order_relaxed);
}

StreamStatistics Stream::statistics() const noexcept {
  return {samples_.load(std::memory_order_relaxed),
          cleaned_.load(std::memory_order_relaxed),
          healed_.load(std::memory_order_relaxed),
          on_device(),
          place_.load(std::memory_order_relaxed) == Place::kLost};
}

/// What the network knows of the signal.
void Stream::forget() noexcept {
  interpreter_.reset();
  if (on_device()) {
    device_run_->reset(seat_);
  }
  hops_run_ = 0;
}

/// Where the hops of the next block go.
float* Stream::hops_in() noexcept {
  return on_device() ? device_run_->input(seat_, hops_input_) : interpreter_.input(hops_input_);
}

/// Computes the block in hops_in().
const float* Stream::run_network(const Extent& extent) noexcept {
  const Turn turn = {true, extent};
  return on_device() && device_run_->run({&turn, 1}).ok() ? device_output()
                                                          : run_on_processor(extent);
}

/// The same on the processor. A device is given up: this block is the first of a new signal.
const float* Stream::run_on_processor(const Extent& extent) noexcept {
  Extent rest = extent;
  if (on_device()) {
    const float* in = hops_in();
    place_.store(Place::kLost, std::memory_order_relaxed);
    const int64_t done = hops_run_;
    forget();
    std::copy(in, in + block_hops_ * kHopSamples, hops_in());
    if (extent.total_frames != kUnknown) {
      rest = {extent.total_frames - done, extent.total_samples - done * kHopSamples};
    }
  }
  interpreter_.run(block_hops_, rest);
  return interpreter_.output(0);
}

void Stream::finish() noexcept {
  const int64_t in_resampler = std::lround(to_model_.delay_s() * kSampleRateHz);
  left_.total_samples = model_in_.size() + in_resampler;
  left_.total_frames = hops_of(left_.total_samples);
}

void Stream::reset() noexcept {
  forget();
  silent_hops_ = 0;
  left_ = {};
  to_model_.reset();
  from_model_.reset();
  model_in_.clear(0);
  voice_.clear(primed_);
  dry_.clear(latency_);
  dry_gain_ = 0.0f;
  voice_gain_ = 0.0f;
  retake_ = retake_ || has_target_;
  has_target_ = false;
  samples_.store(0, std::memory_order_relaxed);
  cleaned_.store(0, std::memory_order_relaxed);
  healed_.store(0, std::memory_order_relaxed);
}

/// Takes over what the control thread has set since the last hop, or again what a reset has put back.
void Stream::take_target() noexcept {
  const bool fresh = (between_.load(std::memory_order_relaxed) & kFresh) != 0;
  if (!fresh && !retake_) {
    return;
  }
  retake_ = false;
  if (fresh) {
    reading_ = between_.exchange(reading_, std::memory_order_acq_rel) & 3;
  }
  const bool had_target = has_target_;
  has_target_ = slot_has_target_[reading_];
  if (!has_target_) {
    return;
  }
  if (!had_target) {
    forget();
  }
  ramp_steps_ = had_target ? std::max<int32_t>(1, kRampHops / block_hops_) : 1;
}

/// Moves the profile that the network sees one step nearer to the target's.
void Stream::step_target() noexcept {
  if (ramp_steps_ == 0) {
    return;
  }
  const float share = 1.0f / static_cast<float>(ramp_steps_);
  const float* goal = slot_[reading_];
  for (size_t k = 0; k < graph_->inputs.size(); ++k) {
    if (is_sequence(*graph_, graph_->inputs[k])) {
      continue;
    }
    float* now = interpreter_.input(k);
    const int64_t n = graph_->tensors[static_cast<size_t>(graph_->inputs[k])].elements();
    if (ramp_steps_ == 1) {
      std::copy(goal, goal + n, now);
    } else {
      for (int64_t i = 0; i < n; ++i) {
        now[i] += share * (goal[i] - now[i]);
      }
    }
    goal += n;
    if (on_device()) {
      std::copy(now, now + n, device_run_->input(seat_, k));
    }
  }
  interpreter_.constants_changed();
  if (on_device()) {
    device_run_->constants_changed(seat_);
  }
  --ramp_steps_;
}

/// Whether the session rests on these hops, and, when it begins to, forgets.
bool Stream::rests(const float* in) noexcept {
  const bool silent = std::all_of(in, in + block_hops_ * kHopSamples, [](float x) {
    return std::fabs(x) <= kSilentSample;
  });
  if (!silent) {
    silent_hops_ = 0;
    return false;
  }
  if (silent_hops_ < rest_after_) {
    silent_hops_ += block_hops_;
    return false;
  }
  if (hops_run_ > 0) {
    forget();
  }
  return true;
}

bool Stream::block_is_full() const noexcept {
  return model_in_.size() >= block_hops_ * kHopSamples;
}

/// Puts the block in hops_in(). Whether the network is to be run, and on which part of the signal.
bool Stream::open_block(Extent* extent) noexcept {
  take_target();
  float* const in = hops_in();
  model_in_.pop(in, block_hops_ * kHopSamples);
  const bool rest = rests(in);
  const bool heard = has_target_ || voice_gain_ > 0.0f;
  if (heard) {
    step_target();
  }
  *extent = {};
  if (left_.total_frames != kUnknown) {
    *extent = {hops_run_ + left_.total_frames, hops_run_ * kHopSamples + left_.total_samples};
  }
  return heard && !rest;
}

/// Takes what the network has made of it; null: it was not run.
void Stream::close_block(const float* voice) noexcept {
  if (voice != nullptr) {
    hops_run_ += block_hops_;
    float sum = 0.0f;
    for (int32_t i = 0; i < block_hops_ * kHopSamples; ++i) {
      sum += voice[i];
    }
    if (!std::isfinite(sum)) {
      forget();
      healed_.fetch_add(block_hops_, std::memory_order_relaxed);
      voice = nullptr;
    }
  }
  if (left_.total_frames != kUnknown) {
    left_.total_frames -= block_hops_;
    left_.total_samples -= block_hops_ * kHopSamples;
  }
  const float silence[kHopSamples] = {};
  for (int32_t hop = 0; hop < block_hops_; ++hop) {
    const float* x = voice != nullptr ? voice + hop * kHopSamples : silence;
    voice_.push(resampled_, from_model_.process(x, kHopSamples, resampled_));
  }
}

Stream::Piece Stream::take(const float* const* in, int32_t at, int32_t most) noexcept {
  // Up to where a block is full, so that a new target or gain takes effect at the same sample whatever
  // the block size.
  const int64_t missing = block_hops_ * kHopSamples - model_in_.size();
  const int64_t safe = missing * config_.rate_hz / kSampleRateHz -
                       (config_.rate_hz == kSampleRateHz ? 0 : kResamplerSlack);
  const auto n = static_cast<int32_t>(std::clamp<int64_t>(safe, 1, std::min(kChunk, most)));
  // Before the hop that may end this piece: what it changes counts from the next piece on.
  const bool aside = bypass_.load(std::memory_order_relaxed);
  const float limit = dry_gain_goal_.load(std::memory_order_relaxed);
  const float dry_goal = aside         ? 1.0f
                         : has_target_ ? limit
                                       : (config_.pass_without_target ? 1.0f : 0.0f);
  const float voice_goal = aside || !has_target_ ? 0.0f : 1.0f - limit;
  const float share = 1.0f / static_cast<float>(config_.channels);
  int32_t cleaned = 0;
  std::fill(mono_, mono_ + n, 0.0f);
  for (int32_t c = 0; c < config_.channels; ++c) {
    for (int32_t i = 0; i < n; ++i) {
      const float x = in[c][at + i];
      const bool sound = std::fabs(x) <= kLoudestSample;  // false for NaN as well
      mono_[i] += sound ? x : 0.0f;
      cleaned += sound ? 0 : 1;
    }
  }
  for (int32_t i = 0; i < n; ++i) {
    mono_[i] *= share;
  }
  if (cleaned != 0) {
    cleaned_.fetch_add(cleaned, std::memory_order_relaxed);
  }
  dry_.push(mono_, n);
  model_in_.push(resampled_, to_model_.process(mono_, n, resampled_));
  return {n, dry_goal, voice_goal};
}

void Stream::give(const Piece& piece, float* const* out, int32_t at) noexcept {
  const auto& [n, dry_goal, voice_goal] = piece;
  float* const voice = resampled_;
  voice_.pop(voice, n);
  dry_.pop(mono_, n);
  const auto step = static_cast<float>(1.0 / (kFadeSeconds * config_.rate_hz));
  int32_t i = 0;
  for (; i < n && (dry_gain_ != dry_goal || voice_gain_ != voice_goal); ++i) {
    dry_gain_ += std::clamp(dry_goal - dry_gain_, -step, step);
    voice_gain_ += std::clamp(voice_goal - voice_gain_, -step, step);
    mono_[i] = voice_gain_ * voice[i] + dry_gain_ * mono_[i];
  }
  for (; i < n; ++i) {
    mono_[i] = voice_goal * voice[i] + dry_goal * mono_[i];
  }
  for (int32_t c = 0; c < config_.channels; ++c) {
    std::copy(mono_, mono_ + n, out[c] + at);
  }
}

void Stream::count(int32_t frames) noexcept {
  samples_.fetch_add(std::max<int32_t>(frames, 0), std::memory_order_relaxed);
}

void Stream::process(const float* const* in, float* const* out, int32_t frames) noexcept {
  const FlushToZero mode;
  for (int32_t at = 0; at < frames;) {
    const Piece piece = take(in, at, frames - at);
    while (block_is_full()) {
      Extent extent;
      close_block(open_block(&extent) ? run_network(extent) : nullptr);
    }
    give(piece, out, at);
    at += piece.frames;
  }
  count(frames);
}

}  // namespace ligero
