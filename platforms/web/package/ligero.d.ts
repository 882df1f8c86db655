// SPDX-License-Identifier: Apache-2.0
// Types of ligero.js, which says what each of these does.

/** Audio of one channel, or an AudioBuffer, whose channels are averaged. */
export type Sound = AudioBuffer | {samples: Float32Array; rateHz: number};

/** A profile: the bytes of a profile file. It is a voiceprint; treat it as personal data. */
export type Profile = Uint8Array;

export interface Enrolment {
  profile: Profile;
  /** How to get a better profile; '' if the recording is good. */
  advice: string;
  speechSeconds: number;
  levelDb: number;
  noiseDb: number;
  clippedShare: number;
}

export interface NodeOptions {
  profile?: Profile | null;
  /** true: the input, as late as the voice would be. Default false. */
  bypass?: boolean;
  /** 0, the input, to 1, the voice alone. Default 1. */
  strength?: number;
  /** Others are attenuated by at most so many dB. Default 200: no limit. */
  limitDb?: number;
}

/** Ten times a second, as the event "report" of a LigeroNode. */
export interface Report {
  activity: number | undefined;
  lateHops: number;
  /** Of each hop since the last report. */
  hopTimesMs: number[];
}

export class LigeroError extends Error {}

export class LigeroNode extends AudioWorkletNode {
  readonly ready: Promise<void>;
  readonly latencySeconds: number;
  readonly lateHops: number;
  readonly activity: number | undefined;
  /** "wasm": with SIMD; "ref": without. Known once ready. */
  readonly kernels?: 'wasm' | 'ref';
  set profile(profile: Profile | null);
  bypass: boolean;
  strength: number;
  limitDb: number;
  close(): void;
}

export class RecorderNode extends AudioWorkletNode {
  readonly frames: number;
  samples(): Float32Array;
  stop(): Promise<Float32Array>;
}

export class Ligero {
  static load(model: string | URL | ArrayBuffer): Promise<Ligero>;
  readonly rateHz: number;
  readonly hopSamples: number;
  /** false: a noise suppressor, which needs no profile. */
  readonly takesProfile: boolean;
  readonly sideOutputs: string[];
  readonly kernels: 'wasm' | 'ref';
  readonly version: string;
  enroll(sound: Sound): Promise<Enrolment>;
  extract(sound: Sound, profile?: Profile | null): Promise<Float32Array>;
  similarity(a: Profile, b: Profile): Promise<number>;
  checkProfile(profile: Profile): Promise<void>;
  createNode(context: BaseAudioContext, options?: NodeOptions): Promise<LigeroNode>;
  createRecorder(context: BaseAudioContext): Promise<RecorderNode>;
  close(): void;
}
