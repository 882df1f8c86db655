// SPDX-License-Identifier: Apache-2.0
// The audio thread's part: the processors "ligero" (one voice out of its input) and "ligero-recorder" (hands
// its input to the page). Not: the nodes that a page creates (ligero.js).
import {Library} from './core.js';

const QUANTUM_FRAMES = 128;
const REPORT_SECONDS = 0.1;

/** Milliseconds, from the finest clock there is: browsers give an audio thread no performance.now(). */
const now = globalThis.Temporal
  ? () => Number(Temporal.Now.instant().epochNanoseconds % 1_000_000_000_000n) / 1e6
  : Date.now;

class LigeroProcessor extends AudioWorkletProcessor {
  #session;
  #sideOutput;
  #hopSeconds;
  #hopMs = 0;          // spent on the current hop
  #hopSamples = 0;     // of the current hop that have gone in
  #times = [];         // of the hops since the last report
  #lateHops = 0;
  #nextReport = 0;

  constructor({processorOptions: options}) {
    super();
    try {
      const library = new Library(options.module);
      const model = library.openModel(new Uint8Array(options.model));
      this.#session = model.startSession(sampleRate, QUANTUM_FRAMES);
      this.#session.setTarget(options.profile);
      this.#hopSeconds = model.hopSamples / model.rateHz;
      this.#sideOutput = model.sideOutputs[0];
      this.#change(options);
      this.port.postMessage({
        ready: true,
        kernels: library.kernels,
        latencySeconds: this.#session.latencySamples / sampleRate,
      });
    } catch (refusal) {
      this.port.postMessage({refused: refusal.message});
    }
    this.port.onmessage = ({data}) => this.#change(data);
  }

  /** Takes over what a message, or the options of the start, set. */
  #change({profile, strength, limitDb, bypass, close}) {
    try {
      if (close) return void (this.#session = null);
      if (profile !== undefined) this.#session?.setTarget(profile);
      if (strength !== undefined) this.#session?.setStrength(strength, limitDb);
      if (bypass !== undefined) this.#session?.setBypass(bypass);
    } catch (refusal) {
      this.port.postMessage({refused: refusal.message});
    }
  }

  process([[input]], [[output]]) {
    if (!this.#session) return false;
    const begin = now();
    this.#session.process(input, output);
    this.#hopMs += now() - begin;
    this.#hopSamples += output.length;
    if (this.#hopSamples >= this.#hopSeconds * sampleRate) this.#endHop();
    if (currentTime >= this.#nextReport) this.#report();
    return true;
  }

  /** A hop is late where its computation took longer than its sound lasts. */
  #endHop() {
    this.#hopSamples -= this.#hopSeconds * sampleRate;
    if (this.#hopMs > 1000 * this.#hopSeconds) this.#lateHops++;
    this.#times.push(this.#hopMs);
    this.#hopMs = 0;
  }

  #report() {
    this.#nextReport = currentTime + REPORT_SECONDS;
    this.port.postMessage({
      activity: this.#sideOutput === undefined ? undefined : this.#session.sideOutput(this.#sideOutput),
      lateHops: this.#lateHops,
      hopTimesMs: this.#times.splice(0),
    });
  }
}

class LigeroRecorder extends AudioWorkletProcessor {
  #block = new Float32Array(4096);
  #filled = 0;
  #on = true;

  constructor() {
    super();
    this.port.onmessage = () => {
      this.#on = false;
      this.#send();
      this.port.postMessage(null);
    };
  }

  #send() {
    this.port.postMessage(this.#block.slice(0, this.#filled));
    this.#filled = 0;
  }

  process([[input]]) {
    if (this.#on && input) {
      this.#block.set(input, this.#filled);
      this.#filled += input.length;
      if (this.#filled + QUANTUM_FRAMES > this.#block.length) this.#send();
    }
    return this.#on;
  }
}

registerProcessor('ligero', LigeroProcessor);
registerProcessor('ligero-recorder', LigeroRecorder);
