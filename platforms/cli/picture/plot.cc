// Short-time spectra as colours. A transform of its own: the picture's resolution is not the
// networks'. Not: files.
#include "platforms/cli/picture/plot.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstdio>
#include <numbers>

#include "platforms/cli/picture/font.h"
#include "platforms/cli/refusal.h"
#include "platforms/cli/sound/sound.h"

namespace ligero::cli {

namespace {

constexpr int kTransform = 512;        // 32 ms: harmonics and syllables both show
constexpr int kBins = kTransform / 2;  // one dot high each; 8 kHz itself is left out
constexpr int kColumns = 960;
constexpr int kLeft = 72;
constexpr int kRight = 92;
constexpr int kTop = 44;
constexpr int kPanelTitle = 36;
constexpr int kBottom = 52;
constexpr int kTick = 5;
constexpr int kMark = 4;  // height of the bar over marked stretches
constexpr int kScale = 2;
constexpr float kRangeDb = 70.0f;
constexpr float kSilenceDb = -200.0f;
constexpr Colour kPaper = {255, 255, 255};
constexpr Colour kInk = {40, 40, 48};
constexpr Colour kMarked = {24, 160, 88};

// Dark blue over red to pale yellow, brighter all the way, so that it survives a grey print.
constexpr Colour kStops[] = {{4, 4, 20},
                             {45, 17, 96},
                             {114, 31, 129},
                             {182, 54, 121},
                             {241, 96, 93},
                             {254, 175, 119},
                             {252, 253, 191}};

Colour colour_of(float level) {
  const int last = static_cast<int>(std::size(kStops)) - 1;
  const float at = std::clamp(level, 0.0f, 1.0f) * static_cast<float>(last);
  const int below = std::min(static_cast<int>(at), last - 1);
  const float part = at - static_cast<float>(below);
  const auto mix = [part](uint8_t a, uint8_t b) {
    return static_cast<uint8_t>(std::lround(a + part * (static_cast<float>(b) - a)));
  };
  const Colour& a = kStops[below];
  const Colour& b = kStops[below + 1];
  return {mix(a.red, b.red), mix(a.green, b.green), mix(a.blue, b.blue)};
}

// Radix 2, in place: x becomes its discrete Fourier transform.
void transform(std::vector<std::complex<float>>* values) {
  std::vector<std::complex<float>>& x = *values;
  const size_t n = x.size();
  for (size_t i = 1, j = 0; i < n; ++i) {
    size_t bit = n >> 1;
    for (; (j & bit) != 0; bit >>= 1) {
      j ^= bit;
    }
    j ^= bit;
    if (i < j) {
      std::swap(x[i], x[j]);
    }
  }
  for (size_t length = 2; length <= n; length *= 2) {
    const float angle = -2.0f * std::numbers::pi_v<float> / static_cast<float>(length);
    for (size_t k = 0; k < length / 2; ++k) {
      const std::complex<float> turn = std::polar(1.0f, angle * static_cast<float>(k));
      for (size_t start = k; start < n; start += length) {
        const std::complex<float> odd = x[start + length / 2] * turn;
        x[start + length / 2] = x[start] - odd;
        x[start] += odd;
      }
    }
  }
}

// Levels in dB, [kColumns][kBins]; column c is centred on sample c * hop.
std::vector<float> spectrogram(std::span<const float> samples, double hop) {
  std::vector<float> levels(static_cast<size_t>(kColumns) * kBins, kSilenceDb);
  std::vector<std::complex<float>> frame(kTransform);
  const int64_t total = static_cast<int64_t>(samples.size());
  for (int column = 0; column < kColumns; ++column) {
    const int64_t start = std::llround(column * hop) - kTransform / 2;
    for (int i = 0; i < kTransform; ++i) {
      const int64_t at = start + i;
      const float window = std::sin(std::numbers::pi_v<float> * static_cast<float>(i) / kTransform);
      frame[i] = at < 0 || at >= total ? 0.0f : samples[at] * window * window;
    }
    transform(&frame);
    for (int bin = 0; bin < kBins; ++bin) {
      levels[static_cast<size_t>(column) * kBins + bin] =
          10.0f * std::log10(std::norm(frame[bin]) + 1e-20f);
    }
  }
  return levels;
}

void draw_levels(Canvas* canvas, int top, const std::vector<float>& levels, float loudest_db) {
  for (int column = 0; column < kColumns; ++column) {
    for (int bin = 0; bin < kBins; ++bin) {
      const float db = levels[static_cast<size_t>(column) * kBins + bin] - loudest_db;
      canvas->dot(kLeft + column, top + kBins - 1 - bin, colour_of(1.0f + db / kRangeDb));
    }
  }
}

void draw_marks(Canvas* canvas, int top, const std::vector<Stretch>& marks, double hop) {
  for (const Stretch& mark : marks) {
    const int from = static_cast<int>(std::lround(static_cast<double>(mark.begin) / hop));
    const int to = static_cast<int>(std::lround(static_cast<double>(mark.end) / hop));
    canvas->fill(kLeft + from, top - kMark - 1, std::max(1, to - from), kMark, kMarked);
  }
}

void draw_frequency_axis(Canvas* canvas, int top, int32_t rate_hz) {
  constexpr int kHalfText = kGlyphRows * kScale / 2;
  for (int khz = 0; khz <= rate_hz / 2000; khz += 2) {
    const int y = top + kBins - khz * 2000 * kBins / rate_hz;
    canvas->fill(kLeft - kTick, std::min(y, top + kBins - 1), kTick, 1, kInk);
    const std::string label = std::to_string(khz);
    canvas->text(
        kLeft - 2 * kTick - Canvas::text_width(label, kScale), y - kHalfText, kScale, label, kInk);
  }
  canvas->text(4, top + kBins / 2 - kHalfText, kScale, "kHz", kInk);
}

void draw_time_axis(Canvas* canvas, int y, double seconds) {
  constexpr double kSteps[] = {0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60, 120, 300, 600};
  constexpr int kMostTicks = 10;
  double step = kSteps[0];
  for (const double candidate : kSteps) {
    step = candidate;
    if (seconds / candidate <= kMostTicks) {
      break;
    }
  }
  for (int k = 0; k * step <= seconds * (1 + 1e-9); ++k) {
    const int x = kLeft + static_cast<int>(std::lround(k * step / seconds * (kColumns - 1)));
    canvas->fill(x, y, 1, kTick, kInk);
    char label[32];
    std::snprintf(label, sizeof(label), step < 1 ? "%.1f" : "%.0f", k * step);
    canvas->text(x - Canvas::text_width(label, kScale) / 2, y + 2 * kTick, kScale, label, kInk);
  }
  const std::string unit = "time in s";
  canvas->text(
      kLeft + (kColumns - Canvas::text_width(unit, kScale)) / 2, y + 6 * kTick, kScale, unit, kInk);
}

// The scale of colours at the right of the first panel.
void draw_colour_scale(Canvas* canvas, int top) {
  const int x = kLeft + kColumns + 12;
  constexpr int kWidth = 12;
  for (int row = 0; row < kBins; ++row) {
    canvas->fill(x, top + row, kWidth, 1, colour_of(1.0f - static_cast<float>(row) / (kBins - 1)));
  }
  for (int db = 0; db <= static_cast<int>(kRangeDb); db += 35) {
    const int y = top + static_cast<int>(static_cast<float>(db) / kRangeDb * (kBins - 1));
    const int text_y =
        std::clamp(y - kGlyphRows * kScale / 2, top, top + kBins - kGlyphRows * kScale);
    canvas->text(x + kWidth + 6, text_y, kScale, db == 0 ? "0 dB" : text("-", db), kInk);
  }
}

}  // namespace

Canvas plot_spectrograms(const std::string& title, const std::vector<Panel>& panels) {
  size_t longest = 1;
  for (const Panel& panel : panels) {
    longest = std::max(longest, panel.samples.size());
  }
  const double hop = static_cast<double>(longest) / kColumns;
  std::vector<std::vector<float>> levels;
  float loudest_db = kSilenceDb;
  for (const Panel& panel : panels) {
    levels.push_back(spectrogram(panel.samples, hop));
    loudest_db =
        std::max(loudest_db, *std::max_element(levels.back().begin(), levels.back().end()));
  }
  const int panel_height = kPanelTitle + kBins;
  const int height = kTop + static_cast<int>(panels.size()) * panel_height + kBottom;
  Canvas canvas(kLeft + kColumns + kRight, height, kPaper);
  canvas.text(kLeft, 14, kScale, title, kInk);
  for (size_t i = 0; i < panels.size(); ++i) {
    const int top = kTop + static_cast<int>(i) * panel_height + kPanelTitle;
    canvas.text(kLeft, top - kPanelTitle + 10, kScale, panels[i].title, kInk);
    draw_levels(&canvas, top, levels[i], loudest_db);
    draw_marks(&canvas, top, panels[i].marks, hop);
    draw_frequency_axis(&canvas, top, panels[0].rate_hz);
  }
  draw_colour_scale(&canvas, kTop + kPanelTitle);
  draw_time_axis(&canvas, height - kBottom, static_cast<double>(longest) / panels[0].rate_hz);
  return canvas;
}

}  // namespace ligero::cli
