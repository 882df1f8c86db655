// SPDX-License-Identifier: Apache-2.0
// Queues between the caller's blocks and the network's.
#include "model/session/signal.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace ligero {
namespace {

constexpr int32_t kMaxChannels = 32;
constexpr int32_t kChunk = 256;        // samples that are worked on at a time
constexpr double kFadeSeconds = 0.01;  // of every change of gain
constexpr float kNoLimitDb = 100.0f;
constexpr int64_t kResamplerSlack = 4;  // input samples by which a resampler's count may be ahead

/// A bit for each of 1 to kMaxChannels channels.
uint32_t all_channels(int32_t channels) {
  return ~uint32_t{0} >> (kMaxChannels - channels);
}

}  // namespace

Result<SignalSizes> Signal::sizes(const SessionConfig& config,
                                  const Ports& ports,
                                  int32_t block_hops,
                                  int32_t network_hops) {
  LIGERO_CHECK(config.channels >= 1 && config.channels <= kMaxChannels,
               Code::kBadArgument,
               "channels must be 1 to 32",
               -1,
               config.channels);
  LIGERO_CHECK((config.channel_mask & ~all_channels(config.channels)) == 0,
               Code::kBadArgument,
               "the channel mask names a channel that the session does not have",
               -1,
               config.channel_mask);
  const Result<Resampler> to = Resampler::create(config.rate_hz, ports.rate_hz);
  LIGERO_RETURN_IF_ERROR(to.status());
  const Result<TopBand> from = TopBand::create(ports.rate_hz, config.rate_hz, config.bandwidth);
  LIGERO_RETURN_IF_ERROR(from.status());
  constexpr int64_t kMostSamples = int64_t{1} << 28;  // of a delay or a block: more than an hour
  const double ratio = static_cast<double>(config.rate_hz) / ports.rate_hz;
  const int64_t waiting = (int64_t{network_hops} + block_hops) * ports.hop_samples;
  LIGERO_CHECK(
      network_hops >= 0 && static_cast<double>(waiting) * std::max(ratio, 1.0) < kMostSamples,
      Code::kBadModel,
      "the network's delay is longer than a session can hold: 'where' is its hops",
      -1,
      network_hops);
  SignalSizes s;
  s.block_samples = block_hops * ports.hop_samples;
  // A block waits until it is full; a resampler may keep one sample back in each direction.
  const bool resamples = config.rate_hz != ports.rate_hz;
  s.primed = static_cast<int32_t>(std::ceil(s.block_samples * ratio)) +
             (resamples ? static_cast<int32_t>(std::ceil(ratio)) + 1 : 0);
  const double network_s = static_cast<double>(network_hops) * ports.hop_samples / ports.rate_hz;
  s.latency =
      s.primed + static_cast<int32_t>(std::lround(
                     (network_s + to.value().delay_s() + from.value().delay_s()) * config.rate_hz));
  s.most_resampled = std::max(
      {to.value().most_output(kChunk), from.value().most_output(ports.hop_samples), kChunk});
  s.model_in = s.block_samples + to.value().most_output(kChunk);
  const int32_t most_hops = (kChunk / s.block_samples + 2) * block_hops;  // of a chunk
  s.voice = s.primed + kChunk + most_hops * from.value().most_output(ports.hop_samples);
  s.dry = s.latency + kChunk;
  if (from.value().keeps()) {
    s.late = network_hops * ports.hop_samples;
    s.heard = s.late + s.model_in;
    s.track = static_cast<int32_t>(from.value().memory_floats());
  }
  return s;
}

Status Signal::start(const SessionConfig& config,
                     const Ports& ports,
                     const SignalSizes& sizes,
                     Carver* carver) {
  mono_ = carver->floats(kChunk);
  resampled_ = carver->floats(static_cast<size_t>(sizes.most_resampled));
  float* const model_in = carver->floats(static_cast<size_t>(sizes.model_in));
  float* const voice = carver->floats(static_cast<size_t>(sizes.voice));
  float* const dry = carver->floats(static_cast<size_t>(sizes.dry));
  const bool top = sizes.heard > 0;
  float* const track = carver->floats(static_cast<size_t>(sizes.track));
  float* const heard = carver->floats(static_cast<size_t>(sizes.heard));
  float* const share = carver->floats(top ? static_cast<size_t>(sizes.voice) : 0);
  below_ = carver->floats(top ? kChunk : 0);
  shares_ = carver->floats(top ? static_cast<size_t>(sizes.most_resampled) : 0);
  if (model_in == nullptr) {
    return {};
  }
  Result<Resampler> to = Resampler::create(config.rate_hz, ports.rate_hz);
  LIGERO_RETURN_IF_ERROR(to.status());
  Result<TopBand> from = TopBand::create(ports.rate_hz, config.rate_hz, config.bandwidth);
  LIGERO_RETURN_IF_ERROR(from.status());
  to_model_ = std::move(to.value());
  from_model_ = std::move(from.value());
  cut_ = LowCut(ports.rate_hz);
  restore_ = LowRestore(ports.rate_hz);
  rate_hz_ = config.rate_hz;
  channels_ = config.channels;
  channel_mask_ = config.channel_mask != 0 ? config.channel_mask : all_channels(channels_);
  // Not std::popcount, which is a call of libgcc on processors without the instruction.
  heard_channels_ = 0;
  for (int32_t c = 0; c < channels_; ++c) {
    heard_channels_ += static_cast<int32_t>(channel_mask_ >> c & 1);
  }
  pass_without_target_ = config.pass_without_target;
  sizes_ = sizes;
  model_rate_hz_ = ports.rate_hz;
  hop_samples_ = ports.hop_samples;
  model_in_.set_memory(model_in, sizes.model_in);
  voice_.set_memory(voice, sizes.voice);
  dry_.set_memory(dry, sizes.dry);
  from_model_.set_memory(track);
  if (top) {
    heard_.set_memory(heard, sizes.heard);
    share_.set_memory(share, sizes.voice);
  }
  reset();
  return {};
}

void Signal::reset() noexcept {
  to_model_.reset();
  from_model_.reset();
  cut_.reset();
  restore_.reset();
  model_in_.clear(0);
  voice_.clear(sizes_.primed);
  dry_.clear(sizes_.latency);
  if (from_model_.keeps()) {
    heard_.clear(sizes_.late);
    share_.clear(sizes_.primed);
  }
  dry_gain_ = 0.0f;
  voice_gain_ = 0.0f;
  cleaned_.store(0, std::memory_order_relaxed);
}

void Signal::set_strength(float strength, float limit_db) noexcept {
  const float wet = std::isfinite(strength) ? std::clamp(strength, 0.0f, 1.0f) : 1.0f;
  const float limit = limit_db >= kNoLimitDb || !std::isfinite(limit_db)
                          ? 0.0f
                          : std::pow(10.0f, -std::max(limit_db, 0.0f) / 20.0f);
  dry_gain_goal_.store(std::max(1.0f - wet, limit), std::memory_order_relaxed);
}

int64_t Signal::finish() noexcept {
  if (rate_hz_ == model_rate_hz_) {
    cut_.reset();  // no tail of the filter; a resampler still holds samples of the signal
  }
  return model_in_.size() + std::lround(to_model_.delay_s() * model_rate_hz_);
}

/// The mean of the channels that are heard in mono_; returns how many samples count as zero.
int32_t Signal::mix(const float* const* in, int32_t at, int32_t frames) noexcept {
  const float share = 1.0f / static_cast<float>(heard_channels_);
  int32_t cleaned = 0;
  std::fill(mono_, mono_ + frames, 0.0f);
  for (int32_t c = 0; c < channels_; ++c) {
    if ((channel_mask_ >> c & 1) == 0) {
      continue;
    }
    for (int32_t i = 0; i < frames; ++i) {
      const float x = in[c][at + i];
      const bool sound = std::fabs(x) <= kLoudestSample;  // false for NaN as well
      mono_[i] += sound ? x : 0.0f;
      cleaned += sound ? 0 : 1;
    }
  }
  for (int32_t i = 0; i < frames; ++i) {
    mono_[i] *= share;
  }
  return cleaned;
}

Piece Signal::take(const float* const* in, int32_t at, int32_t most, bool has_target) noexcept {
  // Up to where a block is full, so that a new target or gain takes effect at the same sample
  // whatever the caller's block size.
  const int64_t missing = sizes_.block_samples - model_in_.size();
  const int64_t safe =
      missing * rate_hz_ / model_rate_hz_ - (rate_hz_ == model_rate_hz_ ? 0 : kResamplerSlack);
  const auto n = static_cast<int32_t>(std::clamp<int64_t>(safe, 1, std::min(kChunk, most)));
  // Before the block that may end this piece: its changes count from the next piece on.
  const bool aside = bypass_.load(std::memory_order_relaxed);
  const float limit = dry_gain_goal_.load(std::memory_order_relaxed);
  const float dry_goal = aside ? 1.0f : has_target ? limit : (pass_without_target_ ? 1.0f : 0.0f);
  const float voice_goal = aside || !has_target ? 0.0f : 1.0f - limit;
  const int32_t cleaned = mix(in, at, n);
  if (cleaned != 0) {
    cleaned_.fetch_add(cleaned, std::memory_order_relaxed);
  }
  dry_.push(mono_, n);
  const int32_t converted = to_model_.process(mono_, n, resampled_);
  if (from_model_.keeps()) {
    heard_.push(resampled_, converted);
  }
  for (int32_t i = 0; i < converted; ++i) {
    resampled_[i] = cut_.next(resampled_[i]);
  }
  model_in_.push(resampled_, converted);
  return {n, dry_goal, voice_goal};
}

void Signal::push_voice(const float* hops) noexcept {
  if (hops == nullptr) {
    restore_.reset();
  }
  const int32_t step = std::min(hop_samples_, kChunk);
  for (int32_t done = 0; done < sizes_.block_samples; done += step) {
    const int32_t n = std::min(step, sizes_.block_samples - done);
    for (int32_t i = 0; i < n; ++i) {  // mono_ is free between take() and give()
      mono_[i] = hops != nullptr ? restore_.next(hops[done + i]) : 0.0f;
    }
    if (from_model_.keeps()) {
      heard_.pop(below_, n);
    }
    const int32_t made = from_model_.process(below_, mono_, n, resampled_, shares_);
    voice_.push(resampled_, made);
    if (from_model_.keeps()) {
      share_.push(shares_, made);
    }
  }
}

void Signal::give(const Piece& piece, float* const* out, int32_t at) noexcept {
  const auto& [n, dry_goal, voice_goal] = piece;
  float* const voice = resampled_;
  voice_.pop(voice, n);
  dry_.pop(mono_, n);
  if (from_model_.keeps()) {
    share_.pop(shares_, n);
    for (int32_t i = 0; i < n; ++i) {
      voice[i] += shares_[i] * mono_[i];
    }
  }
  const auto step = static_cast<float>(1.0 / (kFadeSeconds * rate_hz_));
  int32_t i = 0;
  for (; i < n && (dry_gain_ != dry_goal || voice_gain_ != voice_goal); ++i) {
    dry_gain_ += std::clamp(dry_goal - dry_gain_, -step, step);
    voice_gain_ += std::clamp(voice_goal - voice_gain_, -step, step);
    mono_[i] = voice_gain_ * voice[i] + dry_gain_ * mono_[i];
  }
  for (; i < n; ++i) {
    mono_[i] = voice_goal * voice[i] + dry_goal * mono_[i];
  }
  for (int32_t c = 0; c < channels_; ++c) {
    std::copy(mono_, mono_ + n, out[c] + at);
  }
}

}  // namespace ligero
