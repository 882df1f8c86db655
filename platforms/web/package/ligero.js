// SPDX-License-Identifier: Apache-2.0
// One person's voice out of a microphone or a recording, in the browser; README.md begins with an example.
// Not: the calls into WebAssembly (core.js).

/** What could not be done: `message` is a sentence for the person at the page, `cause` what caused it. */
export class LigeroError extends Error {
  constructor(message, cause) {
    super(message, {cause});
    this.name = 'LigeroError';
  }
}

const here = new URL('.', import.meta.url);

// The smallest module with an instruction of SIMD128: (func (drop (v128.const 0))).
const SIMD_PROBE = new Uint8Array([
  0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0, 10, 23, 1, 21, 0, 0xfd, 12,
  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x1a, 0x0b]);

async function fetchBytes(url, what) {
  let response;
  try {
    response = await fetch(url);
  } catch (cause) {
    throw new LigeroError(`${what} could not be loaded: the server does not answer. Check the connection, ` +
                          'then reload the page.', cause);
  }
  if (!response.ok) {
    throw new LigeroError(`${what} could not be loaded: the server answers ${response.status} for ` +
                          `${new URL(url, here).pathname}. Put the file there, then reload the page.`);
  }
  return response.arrayBuffer();
}

async function compileModule() {
  if (typeof WebAssembly !== 'object') {
    throw new LigeroError('This browser has no WebAssembly, or it is switched off. Use a current version of ' +
                          'Chrome, Edge, Firefox or Safari.');
  }
  const name = WebAssembly.validate(SIMD_PROBE) ? 'ligero-simd.wasm' : 'ligero-scalar.wasm';
  const bytes = await fetchBytes(new URL(name, here), 'The program');
  try {
    return await WebAssembly.compile(bytes);
  } catch (cause) {
    throw new LigeroError(`The program (${name}) is damaged, or this browser cannot run it. Reload the page; ` +
                          'if that does not help, use a current browser.', cause);
  }
}

/** What to do about a refusal of the library, by what its message speaks of; the first that fits. */
const REMEDIES = [
  [/newer major version/, 'Reload the page; if that does not help, the page needs a newer ligero.'],
  [/another family/, 'Enrol again, or choose the model that the profile was made with.'],
  [/profile/, 'Choose a file that ligero has saved, or enrol again.'],
  [/memory/, 'Close other pages, then reload this one.'],
  [/anchor/, 'Record the person speaking alone, for 5 s or more.'],
  [/model/, 'Choose another model file, or convert it anew with ligero-convert.'],
];

/** A message of the library, without its numbers, as sentences for the person at the page. */
function advised(message) {
  const what = message.replace(/: (index )?-?\d.*$/, '');
  const remedy = REMEDIES.find(([pattern]) => pattern.test(what))?.[1] ?? 'Reload the page.';
  return new LigeroError(`${what[0].toUpperCase()}${what.slice(1)}. ${remedy}`);
}

/** A node that passes the voice of the profile's person. Its input is mixed to one channel. */
export class LigeroNode extends AudioWorkletNode {
  #settings;

  constructor(context, {bypass = false, strength = 1, limitDb = 200, ...rest}) {
    super(context, 'ligero', {
      outputChannelCount: [1], channelCount: 1, channelCountMode: 'explicit',
      processorOptions: {bypass, strength, limitDb, ...rest},
    });
    this.#settings = {bypass, strength, limitDb};
    /** Seconds from input to output. */
    this.latencySeconds = 0;
    /** Hops whose computation took longer than they last. */
    this.lateHops = 0;
    /** 0 to 1: how active the person is; undefined where the network does not say. */
    this.activity = undefined;
    /** Resolves when the audio thread has the model; rejects with what it refused. */
    this.ready = new Promise((resolve, reject) => {
      this.port.onmessage = ({data}) => {
        if (data.ready) {
          this.latencySeconds = data.latencySeconds;
          this.kernels = data.kernels;
          resolve();
        } else if (data.refused) {
          const error = advised(data.refused);
          reject(error);
          this.dispatchEvent(new CustomEvent('refused', {detail: error}));
        } else {
          Object.assign(this, {lateHops: data.lateHops, activity: data.activity});
          this.dispatchEvent(new CustomEvent('report', {detail: data}));
        }
      };
      this.addEventListener('processorerror', () => reject(new LigeroError(
        'The audio thread has stopped. Reload the page; if that does not help, restart the browser.')));
    });
    this.ready.catch(() => {});  // a caller that does not wait hears silence, as the node says nothing
  }

  #set(change) {
    this.port.postMessage(Object.assign(this.#settings, change));
  }

  /**
   * The person to pass; null: nobody. A change fades within 50 ms. Of a profile that the model does not take, the
   * event "refused" has the LigeroError, and the person stays.
   */
  set profile(bytes) { this.port.postMessage({profile: bytes}); }
  /** true: the input, as late as the voice would be. */
  get bypass() { return this.#settings.bypass; }
  set bypass(on) { this.#set({bypass: Boolean(on)}); }
  /** 0: the input, 1: the voice alone. */
  get strength() { return this.#settings.strength; }
  set strength(strength) { this.#set({strength}); }
  /** Others are attenuated by at most so many dB. */
  get limitDb() { return this.#settings.limitDb; }
  set limitDb(limitDb) { this.#set({limitDb}); }

  /** Frees the model on the audio thread. */
  close() {
    this.disconnect();
    this.port.postMessage({close: true});
  }
}

/** Collects what reaches it: `await recorder.stop()` gives the samples of one channel. */
export class RecorderNode extends AudioWorkletNode {
  #blocks = [];
  #stopped;

  constructor(context) {
    super(context, 'ligero-recorder', {numberOfOutputs: 0, channelCount: 1, channelCountMode: 'explicit'});
    /** Frames so far. */
    this.frames = 0;
    this.#stopped = new Promise((resolve) => {
      this.port.onmessage = ({data}) => {
        if (data === null) return resolve();
        this.#blocks.push(data);
        this.frames += data.length;
      };
    });
  }

  async stop() {
    this.port.postMessage('stop');
    await this.#stopped;
    return this.samples();
  }

  /** What has arrived so far. */
  samples() {
    const all = new Float32Array(this.frames);
    let at = 0;
    for (const block of this.#blocks) {
      all.set(block, at);
      at += block.length;
    }
    return all;
  }
}

/** A model, ready to enrol and to listen. */
export class Ligero {
  #module;
  #bytes;
  #worker;
  #open = new Map();
  #next = 0;

  /** `model`: the address of a model file, or its bytes in an ArrayBuffer. */
  static async load(model) {
    const ligero = new Ligero();
    const bytes = model instanceof ArrayBuffer ? model : fetchBytes(new URL(model, document.baseURI), 'The model');
    [ligero.#module, ligero.#bytes] = await Promise.all([compileModule(), bytes]);
    ligero.#worker = new Worker(new URL('worker.js', here), {type: 'module'});
    ligero.#worker.onmessage = ({data}) => ligero.#answer(data);
    ligero.#worker.onerror = (event) => ligero.#fail(event);
    Object.assign(ligero, await ligero.#ask('open', {module: ligero.#module, bytes: ligero.#bytes}));
    return ligero;
  }

  #ask(question, rest) {
    return new Promise((resolve, reject) => {
      const id = this.#next++;
      this.#open.set(id, {resolve, reject});
      this.#worker.postMessage({id, question, ...rest});
    });
  }
  #answer({id, answer, refused}) {
    const {resolve, reject} = this.#open.get(id);
    this.#open.delete(id);
    if (refused === undefined) resolve(answer);
    else reject(advised(refused));
  }
  #fail(event) {
    for (const {reject} of this.#open.values()) {
      reject(new LigeroError('A part of the program (worker.js) could not be loaded or has stopped. Reload the ' +
                             'page; if that does not help, its files are incomplete.', event));
    }
    this.#open.clear();
  }

  /**
   * The profile of the person who speaks alone in `sound`, an AudioBuffer or {samples, rateHz}, and how good the
   * recording is: {profile, advice, speechSeconds, levelDb, noiseDb, clippedShare}; `advice` is '' if it is good.
   */
  enroll(sound) { return this.#ask('enroll', mono(sound)); }

  /** The voice in a whole recording: a Float32Array as long as it. */
  extract(sound, profile = null) { return this.#ask('extract', {...mono(sound), profile}); }

  /** How alike two profiles of this model are: -1 to 1. */
  similarity(a, b) { return this.#ask('similarity', {a, b}); }

  /** Rejects where `profile` is damaged, newer than this program or of another model. */
  checkProfile(profile) { return this.#ask('check', {profile}); }

  /** A node for `context`, whose output is the voice of `profile`'s person. Options: bypass, strength, limitDb. */
  async createNode(context, {profile = null, ...settings} = {}) {
    await this.#addModule(context);
    return new LigeroNode(context, {module: this.#module, model: this.#bytes, profile, ...settings});
  }

  /** A node that records what reaches it. */
  async createRecorder(context) {
    await this.#addModule(context);
    return new RecorderNode(context);
  }

  async #addModule(context) {
    if (!context.audioWorklet) {
      throw new LigeroError('This browser gives a page no audio thread here: open it over https or from localhost, ' +
                            'in a current browser.');
    }
    try {
      await context.audioWorklet.addModule(new URL('worklet.js', here));
    } catch (cause) {
      throw new LigeroError('A part of the program for the audio thread (worklet.js or core.js) could not be ' +
                            'loaded. Reload the page; if that does not help, its files are incomplete.', cause);
    }
  }

  /** Ends the worker. Nodes go on. */
  close() { this.#worker.terminate(); }
}

/** One channel: the mean of all. */
function mono(sound) {
  if (!(sound instanceof AudioBuffer)) return sound;
  const samples = new Float32Array(sound.length);
  for (let c = 0; c < sound.numberOfChannels; c++) {
    const channel = sound.getChannelData(c);
    for (let i = 0; i < samples.length; i++) samples[i] += channel[i] / sound.numberOfChannels;
  }
  return {samples, rateHz: sound.sampleRate};
}
