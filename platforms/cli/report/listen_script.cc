// SPDX-License-Identifier: Apache-2.0
// The script as it stands in the page.
#include "platforms/cli/report/listen_script.h"

namespace ligero::cli {

const char* const kListenScript = R"js('use strict';
(() => {
const size = 512, bins = size / 2, columns = 960, left = 44, top = 8, range = 70;
// Dark blue over red to pale yellow, brighter all the way, so that it survives a grey print.
const stops = [[4, 4, 20], [45, 17, 96], [114, 31, 129], [182, 54, 121], [241, 96, 93], [254, 175, 119],
  [252, 253, 191]];
const taper = Float64Array.from({length: size}, (_, i) => Math.sin(Math.PI * i / size) ** 2);

// The samples behind the header of 44 bytes.
function samplesOf(audio) {
  const bytes = Uint8Array.from(atob(audio.src.split(',')[1]), c => c.charCodeAt(0));
  return new Int16Array(bytes.buffer, 44);
}

// Radix 2, in place.
function transform(re, im) {
  for (let i = 1, j = 0; i < size; i++) {
    let bit = size >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) { [re[i], re[j]] = [re[j], re[i]]; }
  }
  for (let length = 2; length <= size; length *= 2) {
    for (let k = 0; k < length / 2; k++) {
      const angle = -2 * Math.PI * k / length, c = Math.cos(angle), s = Math.sin(angle);
      for (let a = k; a < size; a += length) {
        const b = a + length / 2, x = re[b] * c - im[b] * s, y = re[b] * s + im[b] * c;
        re[b] = re[a] - x; im[b] = im[a] - y;
        re[a] += x; im[a] += y;
      }
    }
  }
}

// Levels in dB, [columns][bins]; column c is centred on sample c * hop.
function spectrogram(samples, hop) {
  const levels = new Float32Array(columns * bins);
  for (let c = 0; c < columns; c++) {
    const start = Math.round(c * hop) - bins;
    const re = new Float64Array(size), im = new Float64Array(size);
    for (let i = 0; i < size; i++) re[i] = (samples[start + i] || 0) / 32768 * taper[i];
    transform(re, im);
    for (let k = 0; k < bins; k++) levels[c * bins + k] = 10 * Math.log10(re[k] ** 2 + im[k] ** 2 + 1e-20);
  }
  return levels;
}

function colour(level) {
  const at = Math.min(Math.max(level, 0), 1) * (stops.length - 1), i = Math.min(Math.floor(at), stops.length - 2);
  return stops[i].map((a, n) => a + (at - i) * (stops[i + 1][n] - a));
}

function drawAxes(g, rate, seconds) {
  g.fillStyle = '#282830';
  g.font = '13px sans-serif';
  g.textAlign = 'right';
  for (let khz = 0; khz <= rate / 2000; khz += 2) {
    const y = top + bins - khz * 2000 * bins / rate;
    g.fillRect(left - 5, y, 5, 1);
    g.fillText(khz === 0 ? '0 kHz' : khz, left - 7, y + 4);
  }
  g.textAlign = 'center';
  const step = [.1, .2, .5, 1, 2, 5, 10, 20, 60, 120, 300].find(s => seconds / s <= 10) || 600;
  for (let k = 0; k * step <= seconds * (1 + 1e-9); k++) {
    const x = left + k * step / seconds * (columns - 1);
    g.fillRect(x, top + bins, 1, 5);
    g.fillText(Number((k * step).toFixed(1)) + (k === 0 ? ' s' : ''), x, top + bins + 18);
  }
}

// The scale of colours.
function drawScale(g) {
  for (let row = 0; row < bins; row++) {
    g.fillStyle = 'rgb(' + colour(1 - row / (bins - 1)) + ')';
    g.fillRect(left + columns + 8, top + row, 10, 1);
  }
  g.fillStyle = '#282830';
  g.textAlign = 'left';
  [0, 35, 70].forEach(db => g.fillText(db ? -db : '0 dB', left + columns + 21, top + 9 + db / range * (bins - 9)));
}

function draw(panel, loudest, seconds) {
  const g = panel.canvas.getContext('2d');
  const image = g.createImageData(columns, bins);
  for (let c = 0; c < columns; c++) {
    for (let k = 0; k < bins; k++) {
      const at = 4 * ((bins - 1 - k) * columns + c);
      image.data.set(colour(1 + (panel.levels[c * bins + k] - loudest) / range), at);
      image.data[at + 3] = 255;
    }
  }
  g.putImageData(image, left, top);
  g.fillStyle = '#18a058';
  for (const mark of panel.canvas.dataset.marks.split(' ').filter(Boolean)) {
    const [begin, end] = mark.split('-').map(Number);
    g.fillRect(left + begin / seconds * columns, 2, (end - begin) / seconds * columns, 4);
  }
  drawAxes(g, panel.rate, seconds);
  drawScale(g);
  panel.picture = g.getImageData(0, 0, panel.canvas.width, panel.canvas.height);
}

function play(panel, panels, seconds) {
  const g = panel.canvas.getContext('2d');
  function line() {
    g.putImageData(panel.picture, 0, 0);
    g.fillStyle = '#ffffff';
    g.fillRect(left + panel.audio.currentTime / seconds * columns, top, 1, bins);
    if (!panel.audio.paused) requestAnimationFrame(line);
  }
  panel.audio.onplay = () => {
    panels.forEach(other => { if (other !== panel) other.audio.pause(); });
    line();
  };
  panel.audio.onseeked = line;
  panel.canvas.onclick = event => {
    const x = event.offsetX * panel.canvas.width / panel.canvas.clientWidth - left;
    panel.audio.currentTime = Math.min(Math.max(x / columns, 0) * seconds, panel.audio.duration);
    panel.audio.play();
  };
}

const panels = Array.from(document.querySelectorAll('canvas'), canvas => {
  const audio = canvas.nextElementSibling, rate = Number(canvas.dataset.rate);
  return {canvas, audio, rate, samples: samplesOf(audio)};
});
const seconds = Math.max(...panels.map(p => p.samples.length / p.rate));
panels.forEach(p => { p.levels = spectrogram(p.samples, seconds * p.rate / columns); });
const loudest = panels.reduce((most, p) => p.levels.reduce((a, b) => Math.max(a, b), most), -200);
panels.forEach(p => { draw(p, loudest, seconds); play(p, panels, seconds); });
})();
)js";

}  // namespace ligero::cli
