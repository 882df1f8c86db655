// SPDX-License-Identifier: Apache-2.0
// `ligero live` where there is PortAudio: devices, the audio callback, enrolment, the meter. Not:
// options (live.cc).
#if defined(LIGERO_WITH_PORTAUDIO)

#include <fcntl.h>
#include <portaudio.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <memory>
#include <numeric>
#include <vector>

#include "model/session/recording.h"
#include "model/session/resampler.h"
#include "platforms/cli/commands/enrolment.h"
#include "platforms/cli/files.h"
#include "platforms/cli/live/live_file.h"
#include "platforms/cli/live/live_options.h"
#include "platforms/cli/live/live_worker.h"
#include "platforms/cli/model_file.h"
#include "platforms/cli/refusal.h"
#include "platforms/cli/sound/level.h"

namespace ligero::cli {

namespace {

constexpr int kMeterMs = 100;
constexpr int kMeterCells = 24;
constexpr double kMeterFloorDb = -60.0;
constexpr double kMostLatencyS = 10.0;  // some hosts report nonsense

std::atomic<bool> stop_asked{false};

void ask_to_stop(int) {
  stop_asked.store(true);
}

void check(PaError code, const char* what) {
  if (code != paNoError) {
    refuse(what, ": ", Pa_GetErrorText(code));
  }
}

/// Nothing that anybody writes to stderr is seen as long as this lives.
class Quiet {
 public:
  Quiet() : stderr_(::dup(STDERR_FILENO)) {
    std::fflush(stderr);
    const int nothing = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (stderr_ >= 0 && nothing >= 0) {
      ::dup2(nothing, STDERR_FILENO);
    }
    if (nothing >= 0) {
      ::close(nothing);
    }
  }
  ~Quiet() {
    if (stderr_ >= 0) {
      ::dup2(stderr_, STDERR_FILENO);
      ::close(stderr_);
    }
  }
  Quiet(const Quiet&) = delete;
  Quiet& operator=(const Quiet&) = delete;

 private:
  int stderr_;
};

/// Calls PortAudio, which tries every device. ALSA and JACK write to stderr about each that is not
/// there; what is wrong with the wanted one is in the code that comes back.
template <typename Call>
PaError quietly(Call call) {
  const Quiet quiet;
  return call();
}

/// PortAudio, as long as it is needed.
class Audio {
 public:
  Audio() {
    check(quietly(Pa_Initialize), "cannot start PortAudio");
  }
  ~Audio() {
    quietly(Pa_Terminate);
  }
  Audio(const Audio&) = delete;
  Audio& operator=(const Audio&) = delete;
};

void list_devices() {
  const int count = Pa_GetDeviceCount();
  if (count < 1) {
    std::printf("no audio devices\n");
  }
  for (int i = 0; i < count; ++i) {
    const PaDeviceInfo* d = Pa_GetDeviceInfo(i);
    std::printf("%3d  %2d in %2d out  %6.0f Hz  %s%s%s\n",
                i,
                d->maxInputChannels,
                d->maxOutputChannels,
                d->defaultSampleRate,
                d->name,
                i == Pa_GetDefaultInputDevice() ? "  (default input)" : "",
                i == Pa_GetDefaultOutputDevice() ? "  (default output)" : "");
  }
}

const PaDeviceInfo& device(int index, const char* which) {
  const PaDeviceInfo* info = index >= 0 ? Pa_GetDeviceInfo(index) : nullptr;
  if (info == nullptr) {
    refuse("there is no ",
           which,
           " device",
           index >= 0 ? text(" ", index) : "",
           "; `ligero live --devices` lists those there are");
  }
  return *info;
}

struct Devices {
  PaStreamParameters in = {};
  PaStreamParameters out = {};
  double rate_hz = 0.0;
};

Devices choose_devices(const LiveOptions& options) {
  Devices d;
  d.in.device = options.input >= 0 ? options.input : Pa_GetDefaultInputDevice();
  d.out.device = options.output >= 0 ? options.output : Pa_GetDefaultOutputDevice();
  const PaDeviceInfo& in = device(d.in.device, "input");
  const PaDeviceInfo& out = device(d.out.device, "output");
  if (in.maxInputChannels < 1 || out.maxOutputChannels < 1) {
    refuse("'", in.name, "' has no input or '", out.name, "' no output");
  }
  d.in.channelCount = std::max(1, options.channel);
  if (d.in.channelCount > in.maxInputChannels) {
    refuse("'",
           in.name,
           "' has ",
           in.maxInputChannels,
           " channels; expected --channel 1 to ",
           in.maxInputChannels);
  }
  d.in.suggestedLatency = in.defaultLowInputLatency;
  d.out.channelCount = std::min(2, out.maxOutputChannels);
  d.out.suggestedLatency = out.defaultLowOutputLatency;
  d.in.sampleFormat = d.out.sampleFormat = paFloat32 | paNonInterleaved;
  d.rate_hz = options.rate_hz > 0 ? options.rate_hz : in.defaultSampleRate;
  return d;
}

double to_db(double mean_square) {
  return mean_square > 1e-12 ? 10.0 * std::log10(mean_square) : -120.0;
}

/// What the audio thread tells the other one, of the time since it last asked.
struct Meter {
  std::atomic<double> in_sum{0.0};
  std::atomic<double> in_square{0.0};
  std::atomic<double> out_square{0.0};
  std::atomic<double> busy_s{0.0};
  std::atomic<double> longest_s{0.0};
  std::atomic<int64_t> samples{0};
  std::atomic<int64_t> xruns{0};
  double loudest = 0.0;  ///< mean square of the input, in the loudest time between two prints
};

/// Everything that the callback touches.
struct Engine {
  LiveSession live;
  std::unique_ptr<LiveWorker> worker;  ///< block by block only
  int out_channels = 1;
  int in_channel = 0;  ///< of those that the device gives
  Meter meter;

  size_t latency_samples() const {
    return static_cast<size_t>(live.session().latency_samples()) +
           (worker != nullptr ? worker->spare_samples() : 0);
  }
};

double sum_of(const float* x, unsigned long n) {
  return std::accumulate(x, x + n, 0.0);
}

double sum_of_squares(const float* x, unsigned long n) {
  double sum = 0.0;
  for (unsigned long i = 0; i < n; ++i) {
    sum += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  }
  return sum;
}

void add(std::atomic<double>& to, double amount) {
  to.store(to.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
}

int on_audio(const void* input,
             void* output,
             unsigned long frames,
             const PaStreamCallbackTimeInfo*,
             PaStreamCallbackFlags flags,
             void* user) {
  Engine& engine = *static_cast<Engine*>(user);
  const float* const* in = static_cast<const float* const*>(input) + engine.in_channel;
  float* const* out = static_cast<float* const*>(output);
  const auto start = std::chrono::steady_clock::now();
  if (engine.worker != nullptr) {
    engine.worker->process(in[0], out[0], frames);
  } else {
    engine.live.group.process(in, out, static_cast<int32_t>(frames));
  }
  for (int c = 1; c < engine.out_channels; ++c) {
    std::copy(out[0], out[0] + frames, out[c]);
  }
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
  Meter& meter = engine.meter;
  add(meter.in_sum, sum_of(in[0], frames));
  add(meter.in_square, sum_of_squares(in[0], frames));
  add(meter.out_square, sum_of_squares(out[0], frames));
  add(meter.busy_s, taken.count());
  meter.longest_s.store(std::max(meter.longest_s.load(), taken.count()));
  meter.samples.fetch_add(static_cast<int64_t>(frames));
  constexpr PaStreamCallbackFlags kXruns =
      paInputOverflow | paInputUnderflow | paOutputOverflow | paOutputUnderflow;
  meter.xruns.fetch_add((flags & kXruns) != 0 ? 1 : 0);
  return paContinue;
}

std::string bar(double db) {
  const double share = std::clamp(1.0 - db / kMeterFloorDb, 0.0, 1.0);
  const size_t full = static_cast<size_t>(share * kMeterCells);
  return std::string(full, '#') + std::string(kMeterCells - full, ' ');
}

/// How sure the network is that the person speaks; nothing where it does not tell.
std::string told_activity(const Engine& engine) {
  const int32_t k = engine.live.group.ports().find_side_output(kActivity);
  if (k < 0) {
    return {};
  }
  const float activity = engine.live.session().side_output(static_cast<size_t>(k));
  char out[32];  // always as long, so that a line covers the one before it
  std::snprintf(out, sizeof(out), "speaks %3ld %% ", std::lround(100.0f * activity));
  return out;
}

/// One line of levels and load, written over itself.
void print_meter(Engine& engine, double rate_hz) {
  Meter& meter = engine.meter;
  const double n = static_cast<double>(std::max<int64_t>(meter.samples.exchange(0), 1));
  const double offset = meter.in_sum.exchange(0.0) / n;
  const double in_square = meter.in_square.exchange(0.0) / n - offset * offset;
  meter.loudest = std::max(meter.loudest, in_square);
  const double in_db = to_db(in_square);
  const double out_db = to_db(meter.out_square.exchange(0.0) / n);
  std::printf(
      "\rin %6.1f dB |%s| out %6.1f dB |%s| %sreal-time factor %.3f, longest call %.2f ms, "
      "xruns %lld ",
      in_db,
      bar(in_db).c_str(),
      out_db,
      bar(out_db).c_str(),
      told_activity(engine).c_str(),
      meter.busy_s.exchange(0.0) * rate_hz / n,
      1e3 * meter.longest_s.load(),
      static_cast<long long>(meter.xruns.load()));
  std::fflush(stdout);
}

bool pause_until(double seconds, double begun_s) {
  Pa_Sleep(kMeterMs);
  const std::chrono::duration<double> now = std::chrono::steady_clock::now().time_since_epoch();
  return !stop_asked.load() && (seconds <= 0.0 || now.count() - begun_s < seconds);
}

/// What the recording callback fills.
struct Recording {
  std::vector<float> samples;
  int channel = 0;  ///< of those that the device gives
  std::atomic<size_t> filled{0};
};

int on_record(const void* input,
              void*,
              unsigned long frames,
              const PaStreamCallbackTimeInfo*,
              PaStreamCallbackFlags,
              void* user) {
  Recording& recording = *static_cast<Recording*>(user);
  const float* in = static_cast<const float* const*>(input)[recording.channel];
  const size_t filled = recording.filled.load();
  const size_t n = std::min<size_t>(frames, recording.samples.size() - filled);
  std::copy(in, in + n, recording.samples.data() + filled);
  recording.filled.store(filled + n);
  return filled + n < recording.samples.size() ? paContinue : paComplete;
}

/// Fills `recording` from the input device, or as far as it came at Ctrl-C.
void record(const Devices& devices, Recording* recording) {
  PaStream* stream = nullptr;
  check(quietly([&] {
          return Pa_OpenStream(&stream,
                               &devices.in,
                               nullptr,
                               devices.rate_hz,
                               paFramesPerBufferUnspecified,
                               paNoFlag,
                               on_record,
                               recording);
        }),
        "cannot record from the input device");
  const PaError started = Pa_StartStream(stream);
  while (started == paNoError && Pa_IsStreamActive(stream) == 1 && !stop_asked.load()) {
    Pa_Sleep(kMeterMs);
  }
  Pa_CloseStream(stream);
  check(started, "cannot record from the input device");
  recording->samples.resize(recording->filled.load());
}

/// Records the person to pass, at the device's rate, and enrols.
Profile record_profile(const LiveOptions& options, const ModelFile& model, const Devices& devices) {
  std::printf("enrolment: speak for %.0f s, as you will in the call, alone ...\n",
              options.enroll_seconds);
  std::fflush(stdout);
  const int rate_hz = static_cast<int>(devices.rate_hz);
  Recording recording;
  recording.samples.resize(static_cast<size_t>(options.enroll_seconds * rate_hz));
  recording.channel = devices.in.channelCount - 1;
  record(devices, &recording);
  Array<float> samples;
  if (const Status status =
          resample_recording(recording.samples, 1, rate_hz, model.model.rate_hz(), &samples);
      !status.ok()) {
    refuse_status("cannot enrol from the microphone", status);
  }
  print_quality("microphone", {samples.data(), samples.size()}, model.model.rate_hz());
  Processor processor;
  processor.accelerator = options.device.find();
  Result<Profile> profile =
      enroll(model.model, std::span<const float>(samples.data(), samples.size()), processor);
  if (!profile.ok()) {
    refuse_status("cannot enrol from the microphone", profile.status());
  }
  if (!options.profile.empty()) {
    write_output(options.profile, profile.value().bytes());
    std::printf("profile: '%s'\n", options.profile.c_str());
  }
  return std::move(profile.value());
}

void run_live(const LiveOptions& options, const Devices& devices, Engine* engine) {
  engine->out_channels = devices.out.channelCount;
  engine->in_channel = devices.in.channelCount - 1;
  const Ports& ports = engine->live.group.ports();
  const unsigned long period =
      options.period > 0
          ? static_cast<unsigned long>(options.period)
          : static_cast<unsigned long>(devices.rate_hz * ports.hop_samples / ports.rate_hz);
  PaStream* stream = nullptr;
  check(quietly([&] {
          return Pa_OpenStream(&stream,
                               &devices.in,
                               &devices.out,
                               devices.rate_hz,
                               period,
                               paNoFlag,
                               on_audio,
                               engine);
        }),
        "cannot open the devices");
  const PaError started = Pa_StartStream(stream);
  if (started == paNoError) {
    const PaStreamInfo* info = Pa_GetStreamInfo(stream);
    const double devices_s = info->inputLatency + info->outputLatency;
    std::printf("live at %.0f Hz: %.1f ms of ligero, %s ms of the devices; Ctrl-C ends\n",
                info->sampleRate,
                1e3 * static_cast<double>(engine->latency_samples()) / info->sampleRate,
                devices_s < kMostLatencyS ? text(1e3 * devices_s).c_str() : "unknown");
    const std::chrono::duration<double> begun = std::chrono::steady_clock::now().time_since_epoch();
    while (pause_until(options.seconds, begun.count()) && Pa_IsStreamActive(stream) == 1) {
      print_meter(*engine, info->sampleRate);
    }
    std::printf("\n");
  }
  Pa_CloseStream(stream);
  check(started, "cannot start the devices");
}

}  // namespace

void live_command(const LiveOptions& options) {
  if (options.list_devices) {
    const Audio audio;
    list_devices();
    return;
  }
  const ModelFile model = open_model(options.model);
  check_takes_profile(model,
                      !options.profile.empty() || options.enroll_seconds > 0.0,
                      "--profile FILE or --enroll SECONDS");
  const Audio audio;
  std::signal(SIGINT, ask_to_stop);
  const Devices devices = choose_devices(options);
  const bool has_profile = !options.profile.empty() || options.enroll_seconds > 0.0;
  const Profile profile = options.enroll_seconds > 0.0 ? record_profile(options, model, devices)
                          : has_profile                ? load_profile(options.profile)
                                                       : Profile();
  SessionConfig config;
  config.rate_hz = static_cast<int32_t>(devices.rate_hz);
  config.bandwidth = options.bandwidth;
  config.block = live_blocks(model, options.block);
  config.processor.accelerator = options.device.find();
  Engine engine = {{model, config, has_profile ? &profile : nullptr}, nullptr, 1, 0, {}};
  engine.live.session().set_strength(1.0f, static_cast<float>(options.limit_db));
  if (config.block.hops > 0) {
    const double block_s =
        static_cast<double>(config.block.hops) * model.model.hop_samples() / model.model.rate_hz();
    engine.worker = std::make_unique<LiveWorker>(&engine.live.group,
                                                 static_cast<size_t>(block_s * devices.rate_hz));
  }
  run_live(options, devices, &engine);
  engine.live.report("the input");
  report_quiet("the input", engine.meter.loudest);
}

}  // namespace ligero::cli

#endif  // LIGERO_WITH_PORTAUDIO
