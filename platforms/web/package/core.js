// SPDX-License-Identifier: Apache-2.0
// The C library in WebAssembly, as JavaScript objects. The worker (worker.js) and the audio thread
// (worklet.js) each have one of their own; the page has none. Not: what a web developer calls (ligero.js).

/** A refusal of the library: `message` says what was wrong, `code` is its ligero_status. */
export class Refusal extends Error {
  constructor(message, code) {
    super(message);
    this.name = 'Refusal';
    this.code = code;
  }
}

const SCRATCH_BYTES = 64;
const TOO_LITTLE_MEMORY = 6;  // of ligero_status
const FULL_BANDWIDTH = 0;  // of ligero_bandwidth

export class Library {
  #c;
  #scratch;
  #floats = new Float32Array(0);

  /** `module`: the compiled WebAssembly.Module. */
  constructor(module) {
    const stop = () => { throw new Error('the WebAssembly module has stopped'); };
    this.#c = new WebAssembly.Instance(module, {
      wasi_snapshot_preview1: {proc_exit: stop},
      env: {emscripten_notify_memory_growth() {}},
    }).exports;
    this.#c._initialize();
    this.#scratch = this.allocate(SCRATCH_BYTES);
  }

  get c() { return this.#c; }
  get version() { return this.text(this.#c.ligero_version_string()); }
  /** "wasm": vectors of SIMD128; "ref": none. */
  get kernels() { return this.text(this.#c.ligero_web_kernels()); }

  /** All memory as floats. A view dies when memory grows, so ask again after every call that allocates. */
  floats() {
    if (this.#floats.buffer !== this.#c.memory.buffer) {
      this.#floats = new Float32Array(this.#c.memory.buffer);
    }
    return this.#floats;
  }
  words() { return new Uint32Array(this.#c.memory.buffer); }
  word(address) { return this.words()[address >> 2]; }
  bytes(address, count) { return new Uint8Array(this.#c.memory.buffer, address, count); }

  /** A C string. The audio thread has no TextDecoder, and messages are ASCII. */
  text(address) {
    const all = new Uint8Array(this.#c.memory.buffer);
    let text = '';
    for (; all[address] !== 0; address++) text += String.fromCharCode(all[address]);
    return text;
  }

  allocate(bytes) {
    const address = this.#c.ligero_web_allocate(Math.max(bytes, 1));
    if (address === 0) throw new Refusal('not enough memory', TOO_LITTLE_MEMORY);
    return address;
  }
  free(address) { this.#c.ligero_web_free(address); }

  /** Calls `use(address)` with a copy of `data`, a typed array, in the library's memory. */
  lend(data, use) {
    const address = this.allocate(data.byteLength);
    try {
      this.bytes(address, data.byteLength).set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
      return use(address);
    } finally {
      this.free(address);
    }
  }

  /** Throws what a refusing call left as its message. */
  check(status) {
    if (status !== 0) throw new Refusal(this.text(this.#c.ligero_last_error()), status);
  }

  /** What `call(pointer)` wrote to where `pointer` points. */
  result(call) {
    this.check(call(this.#scratch));
    return this.word(this.#scratch);
  }

  /** Opens the bytes of a model file, a Uint8Array. */
  openModel(bytes) { return new Model(this, bytes); }

  /** Calls `use(handle)` with the profile of these bytes; 0 stands for no profile. */
  withProfile(bytes, use) {
    if (!bytes) return use(0);
    const handle = this.lend(bytes, (at) =>
      this.result((out) => this.#c.ligero_profile_open_memory(at, bytes.byteLength, out)));
    try {
      return use(handle);
    } finally {
      this.#c.ligero_profile_close(handle);
    }
  }

  /** A copy of the bytes of an open profile. */
  profileBytes(handle) {
    const data = this.#scratch;
    const count = data + 4;
    this.check(this.#c.ligero_profile_data(handle, data, count));
    return this.bytes(this.word(data), this.word(count)).slice();
  }

  /** The cosine similarity of two profiles, -1 to 1. */
  similarity(a, b) {
    return this.withProfile(a, (first) => this.withProfile(b, (second) => {
      this.check(this.#c.ligero_profile_similarity(first, second, this.#scratch));
      return this.floats()[this.#scratch >> 2];
    }));
  }
}

class Model {
  #library;
  #bytes;
  #handle;

  constructor(library, bytes) {
    this.#library = library;
    this.#bytes = library.allocate(bytes.byteLength);
    try {
      library.bytes(this.#bytes, bytes.byteLength).set(bytes);
      this.#handle = library.result((out) =>
        library.c.ligero_model_open_memory(this.#bytes, bytes.byteLength, out));
      Object.assign(this, this.#describe());
    } catch (refusal) {
      this.close();
      throw refusal;
    }
  }

  /** The fields of a ligero_model_info. */
  #describe() {
    const [struct, names] = [36, 5];
    return this.#library.lend(new Uint32Array(struct / 4).fill(struct, 0, 1), (at) => {
      this.#library.check(this.#library.c.ligero_get_model_info(this.#handle, at));
      const word = (k) => this.#library.word(at + 4 * k);
      return {
        rateHz: word(1),
        hopSamples: word(2),
        takesProfile: word(3) !== 0,
        sideOutputs: Array.from({length: word(4)}, (_, k) => this.#library.text(word(names + k))),
      };
    });
  }

  /** The profile of a recording, its bytes, and a report of how good the recording is. */
  enroll(samples, rateHz) {
    const l = this.#library;
    const struct = 40;
    return l.lend(samples, (sound) => l.lend(new Uint32Array(struct / 4).fill(struct, 0, 1), (report) => {
      const handle = l.result((out) =>
        l.c.ligero_enroll(this.#handle, sound, samples.length, rateHz, 1, out, report));
      const bytes = l.profileBytes(handle);
      l.c.ligero_profile_close(handle);
      const number = (k) => l.floats()[(report >> 2) + k];
      return {
        profile: bytes,
        speechSeconds: number(1),
        levelDb: number(2),
        noiseDb: number(3),
        clippedShare: number(4),
        advice: l.text(l.word(report + 32)),
      };
    }));
  }

  /** The voice of `profile` (null: the network takes none) in a whole recording, as long as that. */
  extract(samples, rateHz, profile) {
    const l = this.#library;
    return l.withProfile(profile, (target) => l.lend(samples, (sound) => {
      l.check(l.c.ligero_extract(this.#handle, target, sound, samples.length, rateHz, FULL_BANDWIDTH, sound));
      return l.floats().slice(sound >> 2, (sound >> 2) + samples.length);
    }));
  }

  /** A live session of one channel at `rateHz`, in pieces of at most `mostFrames`. */
  startSession(rateHz, mostFrames) {
    return new Session(this.#library, this.#handle, rateHz, mostFrames);
  }

  close() {
    this.#library.c.ligero_model_close(this.#handle ?? 0);
    this.#library.free(this.#bytes);
  }
}

class Session {
  #library;
  #handle;
  #sound;
  #pointers;
  #value;
  #names = new Map();

  constructor(library, model, rateHz, mostFrames) {
    this.#library = library;
    const config = new Uint32Array([32, rateHz, 1, 0, 0, 0, 0, 0]);  // a ligero_session_config
    this.#handle = library.lend(config, (at) =>
      library.result((out) => library.c.ligero_session_create(model, at, 0, 0, out)));
    this.#sound = library.allocate(4 * mostFrames);
    this.#pointers = library.allocate(4);
    this.#value = library.allocate(4);
    library.words()[this.#pointers >> 2] = this.#sound;
  }

  /** Delay in samples at the session's rate. */
  get latencySamples() { return this.#library.c.ligero_latency(this.#handle); }

  /** null: no target. */
  setTarget(profile) {
    const l = this.#library;
    l.withProfile(profile, (target) => l.check(l.c.ligero_set_target(this.#handle, target)));
  }
  setStrength(strength, limitDb) {
    this.#library.check(this.#library.c.ligero_set_strength(this.#handle, strength, limitDb));
  }
  setBypass(bypass) {
    this.#library.check(this.#library.c.ligero_set_bypass(this.#handle, bypass ? 1 : 0));
  }

  /** Two arrays of equal length; `input` may be undefined, which is silence. Does not allocate. */
  process(input, output) {
    const at = this.#sound >> 2;
    const memory = this.#library.floats();
    if (input) memory.set(input, at);
    else memory.fill(0, at, at + output.length);
    this.#library.c.ligero_process(this.#handle, this.#pointers, this.#pointers, output.length);
    for (let i = 0; i < output.length; i++) output[i] = memory[at + i];
  }

  /** The newest value of a side output of the network. */
  sideOutput(name) {
    const l = this.#library;
    if (!this.#names.has(name)) {
      const text = l.allocate(name.length + 1);
      l.bytes(text, name.length + 1).set([...name].map((c) => c.charCodeAt(0)).concat(0));
      this.#names.set(name, text);
    }
    l.check(l.c.ligero_side_output(this.#handle, this.#names.get(name), this.#value));
    return l.floats()[this.#value >> 2];
  }

  close() {
    this.#library.c.ligero_session_destroy(this.#handle);
    for (const block of [this.#sound, this.#pointers, this.#value, ...this.#names.values()]) {
      this.#library.free(block);
    }
  }
}
