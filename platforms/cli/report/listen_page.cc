// SPDX-License-Identifier: Apache-2.0
// The sound goes into the page as WAV in data URIs; the page's script (listen_script.cc) draws from
// it.
#include "platforms/cli/report/listen_page.h"

#include <algorithm>
#include <cmath>

#include "platforms/cli/refusal.h"
#include "platforms/cli/report/html.h"
#include "platforms/cli/report/listen_script.h"

namespace ligero::cli {

namespace {

constexpr const char* kStyle = R"(<style>
body { font: 15px/1.4 sans-serif; color: #282830; background: #fff; max-width: 1064px; margin: 1em auto;
  padding: 0 1em }
h1 { font-size: 1.2em } h2 { font-size: 1em; margin: 1.4em 0 .3em }
canvas, audio { display: block; width: 100% }
canvas { height: auto; cursor: pointer } audio { height: 36px }
</style>
)";

void append(uint32_t value, int bytes, std::string* out) {
  for (int i = 0; i < bytes; ++i) {
    out->push_back(static_cast<char>(value >> (8 * i) & 0xff));
  }
}

/// A WAV file of 16 bits, mono; what is beyond full scale is clipped.
std::string wav_of(std::span<const float> samples, int32_t rate_hz) {
  constexpr uint32_t kHeaderBehindSize = 36;
  constexpr int kFormatBytes = 16;
  const auto bytes = static_cast<uint32_t>(2 * samples.size());
  const auto rate = static_cast<uint32_t>(rate_hz);
  std::string out = "RIFF";
  append(kHeaderBehindSize + bytes, 4, &out);
  out += "WAVEfmt ";
  append(kFormatBytes, 4, &out);
  append(1, 2, &out);  // PCM
  append(1, 2, &out);  // channels
  append(rate, 4, &out);
  append(2 * rate, 4, &out);
  append(2, 2, &out);
  append(16, 2, &out);
  out += "data";
  append(bytes, 4, &out);
  for (const float x : samples) {
    const long level = std::clamp(std::lround(x * 32768.0f), -32768L, 32767L);
    append(static_cast<uint32_t>(level), 2, &out);
  }
  return out;
}

std::string base64(const std::string& bytes) {
  constexpr const char* kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve(bytes.size() / 3 * 4 + 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t n = std::min<size_t>(3, bytes.size() - i);
    uint32_t word = 0;
    for (size_t k = 0; k < 3; ++k) {
      word = word << 8 | (k < n ? static_cast<unsigned char>(bytes[i + k]) : 0u);
    }
    for (size_t k = 0; k < 4; ++k) {
      out.push_back(k <= n ? kDigits[word >> (18 - 6 * k) & 63u] : '=');
    }
  }
  return out;
}

/// "begin-end" of each mark in seconds, apart by spaces.
std::string marks_of(const Panel& panel) {
  std::string out;
  for (const Stretch& mark : panel.marks) {
    out += text(out.empty() ? "" : " ",
                static_cast<double>(mark.begin) / panel.rate_hz,
                "-",
                static_cast<double>(mark.end) / panel.rate_hz);
  }
  return out;
}

}  // namespace

std::string listen_page(const std::string& title, std::span<const Panel> panels) {
  std::string page =
      text("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n<title>",
           escaped(title),
           "</title>\n",
           kStyle,
           "</head><body>\n<h1>",
           escaped(title),
           "</h1>\n");
  bool cut = false;
  for (const Panel& panel : panels) {
    const auto most = static_cast<size_t>(kMostPageSeconds * panel.rate_hz);
    const std::span<const float> samples =
        panel.samples.first(std::min(panel.samples.size(), most));
    cut = cut || samples.size() < panel.samples.size();
    page += text("<h2>",
                 escaped(panel.title),
                 "</h2>\n<canvas width=\"1064\" height=\"304\" data-rate=\"",
                 panel.rate_hz,
                 "\" data-marks=\"",
                 marks_of(panel),
                 "\"></canvas>\n<audio controls preload=\"auto\" src=\"data:audio/wav;base64,");
    page += base64(wav_of(samples, panel.rate_hz));
    page += "\"></audio>\n";
  }
  if (cut) {
    page += text("<p>Of longer recordings this page has the first ",
                 kMostPageSeconds / 60.0,
                 " minutes.</p>\n");
  }
  return page + "<script>\n" + kListenScript + "</script>\n</body></html>\n";
}

}  // namespace ligero::cli
