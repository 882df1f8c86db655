// SPDX-License-Identifier: Apache-2.0
// Steps as widen_recording() takes them, so that pieces and the whole are the same samples.
#include "platforms/cli/sound/widener.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "platforms/cli/refusal.h"
#include "runtime/base/fpmode.h"

namespace ligero::cli {

namespace {

void drop(size_t n, std::vector<float>* from) {
  from->erase(from->begin(), from->begin() + static_cast<std::ptrdiff_t>(n));
}

}  // namespace

void add_bandwidth_option(CLI::App* command, Bandwidth* bandwidth) {
  const std::map<std::string, Bandwidth> names = {{"full", Bandwidth::kFull},
                                                  {"speech", Bandwidth::kSpeech}};
  command
      ->add_option(
          "--bandwidth",
          *bandwidth,
          "full: what lies above the band that the network hears follows the voice; speech: "
          "nothing above it")
      ->transform(CLI::CheckedTransformer(names).description(""))
      ->type_name("{full,speech}")
      ->default_str("full");
}

Widener::Widener(int32_t model_hz, int32_t file_hz, Bandwidth bandwidth)
    : step_(TopBand::recording_step(model_hz)) {
  Result<TopBand> made = TopBand::create(model_hz, file_hz, bandwidth);
  if (!made.ok()) {
    refuse_status(text("cannot convert ", model_hz, " Hz to ", file_hz, " Hz"), made.status());
  }
  top_ = std::move(made.value());
  track_.resize(top_.memory_floats());
  low_.resize(static_cast<size_t>(top_.most_output(step_)));
  share_.resize(low_.size(), 0.0f);
  top_.set_memory(track_.data());
  top_.skip_delay();
}

void Widener::take(std::span<const float> sound) {
  left_ += static_cast<int64_t>(sound.size());
  if (top_.keeps()) {
    sound_.insert(sound_.end(), sound.begin(), sound.end());
  }
}

void Widener::push(std::span<const float> heard,
                   std::span<const float> voice,
                   std::vector<float>* out) {
  heard_.insert(heard_.end(), heard.begin(), heard.end());
  voice_.insert(voice_.end(), voice.begin(), voice.end());
  const auto n = static_cast<size_t>(step_);
  while (std::min(heard_.size(), voice_.size()) >= n) {
    step(n, out);
  }
}

void Widener::step(size_t n, std::vector<float>* out) {
  const FlushToZero mode;
  const int32_t made = top_.process(
      heard_.data(), voice_.data(), static_cast<int32_t>(n), low_.data(), share_.data());
  const auto got = static_cast<size_t>(std::min<int64_t>(made, left_));
  sound_.resize(std::max(sound_.size(), got), 0.0f);
  for (size_t i = 0; i < got; ++i) {
    out->push_back(low_[i] + (top_.keeps() ? share_[i] * sound_[i] : 0.0f));
  }
  left_ -= static_cast<int64_t>(got);
  drop(got, &sound_);
  drop(n, &heard_);
  drop(n, &voice_);
}

void Widener::finish(std::vector<float>* out) {
  if (!voice_.empty()) {
    step(voice_.size(), out);
  }
  while (left_ > 0) {
    heard_.assign(static_cast<size_t>(step_), 0.0f);
    voice_ = heard_;
    step(voice_.size(), out);
  }
}

}  // namespace ligero::cli
