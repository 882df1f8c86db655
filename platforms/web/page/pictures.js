// SPDX-License-Identifier: Apache-2.0
// Two spectrograms that move with the sound. Not: what they are of (page.js).

const TOP_HZ = 8000;
const FFT_SAMPLES = 1024;
const QUIETEST_DB = -95;
const LOUDEST_DB = -25;

/** Dark violet over red to pale yellow. */
const COLOURS = Array.from({length: 256}, (_, i) => {
  const x = i / 255;
  return [255 * Math.min(1, 0.04 + 1.5 * x), 255 * x ** 2.2, 255 * (0.1 + 0.5 * Math.sin(Math.PI * x) ** 2 + 0.5 * x ** 6)];
});

class Picture {
  constructor(canvas, context, node) {
    this.canvas = canvas;
    this.brush = canvas.getContext('2d');
    this.analyser = new AnalyserNode(context, {
      fftSize: FFT_SAMPLES, smoothingTimeConstant: 0, minDecibels: QUIETEST_DB, maxDecibels: LOUDEST_DB});
    node.connect(this.analyser);
    this.levels = new Uint8Array(this.analyser.frequencyBinCount);
    this.wave = new Float32Array(FFT_SAMPLES);
    this.column = this.brush.createImageData(1, canvas.height);
    this.bins = Math.min(this.levels.length, TOP_HZ / context.sampleRate * FFT_SAMPLES);
  }

  /** Shifts the picture to the left and paints the newest column. */
  draw() {
    const {width, height} = this.canvas;
    this.analyser.getByteFrequencyData(this.levels);
    for (let y = 0; y < height; y++) {
      const bin = Math.floor((height - 1 - y) / height * this.bins);
      this.column.data.set([...COLOURS[this.levels[bin]], 255], 4 * y);
    }
    this.brush.drawImage(this.canvas, -1, 0);
    this.brush.putImageData(this.column, width - 1, 0);
  }
}

export class Pictures {
  #canvases;
  #pictures = [];
  #frame = 0;

  constructor(...canvases) {
    this.#canvases = canvases;
  }

  /** One picture for each node, in the order of the canvases. */
  start(context, ...nodes) {
    this.#pictures = nodes.map((node, k) => new Picture(this.#canvases[k], context, node));
    const step = () => {
      for (const picture of this.#pictures) picture.draw();
      this.#frame = requestAnimationFrame(step);
    };
    this.#frame = requestAnimationFrame(step);
  }

  stop() {
    cancelAnimationFrame(this.#frame);
  }

  /** How loud the last picture's sound is now: 0 (-60 dB or less) to 1 (-10 dB or more). */
  level() {
    const {analyser, wave} = this.#pictures.at(-1);
    analyser.getFloatTimeDomainData(wave);
    const power = wave.reduce((sum, x) => sum + x * x, 0) / wave.length;
    return Math.min(1, Math.max(0, (10 * Math.log10(power + 1e-12) + 60) / 50));
  }
}
