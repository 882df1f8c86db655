// SPDX-License-Identifier: Apache-2.0
// The page: enrols, listens, shows. Not: pictures (pictures.js), files of sound (wav.js), the voice itself
// (ligero/ligero.js).
import {Ligero, LigeroError} from './ligero/ligero.js';
import {Pictures} from './pictures.js';
import {wavOf} from './wav.js';

const $ = (id) => document.getElementById(id);
const RECORD_SECONDS = 10;
const MOST_KEPT_SECONDS = 300;
const RAW = {echoCancellation: false, noiseSuppression: false, autoGainControl: false};

let ligero = null;
let profile = null;
let listening = null;  // {context, source, node, recorder, stream} while there is sound
let heard = null;      // {samples, rateHz} of the last time
let recording = false;

const pictures = new Pictures($('before'), $('after'));

// ---- what the page says ----

function say(text) {
  $('status').textContent = text;
}

function fail(error) {
  if (!(error instanceof LigeroError)) console.error(error);
  $('error').textContent = error instanceof LigeroError
    ? error.message
    : `Something unexpected went wrong (${error.message ?? error}). Reload the page.`;
  $('error').hidden = false;
  say('');
}

/** Runs what a press of a button asks for; what goes wrong becomes a sentence. */
async function attempt(action) {
  $('error').hidden = true;
  try {
    await action();
  } catch (error) {
    fail(error);
  }
  update();
}

function update() {
  const ready = ligero !== null;
  const able = ready && (profile !== null || !ligero.takesProfile);
  const busy = listening !== null || recording;
  $('record').disabled = !ready || listening !== null;
  $('record').textContent = recording ? 'Stop recording' : `Record ${RECORD_SECONDS} seconds`;
  for (const id of ['anchor', 'load']) $(id).disabled = !ready || busy;
  $('save').disabled = profile === null;
  for (const id of ['microphone', 'file']) $(id).disabled = !able || busy;
  $('stop').disabled = listening === null;
  $('keep').disabled = heard === null && listening === null;
  $('model').disabled = busy;
  $('aftertext').textContent = $('only').checked ? 'Out: only the enrolled voice' : 'Out: everything, unchanged';
}

// ---- sound in ----

const MICROPHONE = {
  NotAllowedError: 'This page may not use the microphone. Allow it in the browser (the sign beside the address), then try again.',
  NotFoundError: 'There is no microphone. Plug one in, then try again.',
  NotReadableError: 'The microphone cannot be read; another program may be using it. Close that program, then try again.',
};

async function openMicrophone() {
  if (!navigator.mediaDevices) {
    throw new LigeroError('The browser gives microphones only to safe pages. Open this one over https or from localhost.');
  }
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({audio: RAW});
  } catch (cause) {
    throw new LigeroError(MICROPHONE[cause.name] ?? `The microphone does not work (${cause.name}). Try another one.`, cause);
  }
  stream.getAudioTracks()[0].addEventListener('ended', () => attempt(async () => {
    await stop();
    throw new LigeroError('The microphone was taken away. Plug it in again, or allow it again, then start again.');
  }));
  return stream;
}

function closeMicrophone(stream) {
  for (const track of stream?.getTracks() ?? []) track.stop();
}

/** The sound of a file, at the rate of `context`. */
async function decode(context, file) {
  try {
    return await context.decodeAudioData(await file.arrayBuffer());
  } catch (cause) {
    throw new LigeroError(`'${file.name}' holds no sound that this browser can read. Choose a WAV, MP3, OGG or M4A file.`, cause);
  }
}

/** The file that a person chose; the same one can then be chosen again. */
function chosen(input) {
  const file = input.files[0];
  input.value = '';
  return file;
}

// ---- whose voice ----

async function enroll(sound) {
  say('Enrolling…');
  const made = await ligero.enroll(sound);
  profile = made.profile;
  const facts = `${made.speechSeconds.toFixed(1)} s of speech at ${made.levelDb.toFixed(0)} dB, noise at ${made.noiseDb.toFixed(0)} dB.`;
  $('advice').textContent = made.advice ? `${facts} Advice: ${made.advice}.` : `${facts} A good recording.`;
  say('Enrolled. Now listen.');
}

let stopRecording = null;

async function record() {
  if (recording) return void stopRecording();
  const stream = await openMicrophone();
  const context = new AudioContext();
  try {
    recording = true;
    update();
    const recorder = await ligero.createRecorder(context);
    context.createMediaStreamSource(stream).connect(recorder);
    await new Promise((resolve) => {
      stopRecording = resolve;
      const begin = performance.now();
      const clock = setInterval(() => {
        const left = RECORD_SECONDS - (performance.now() - begin) / 1000;
        if (left > 0 && recording) return void say(`Speak now: ${Math.ceil(left)} s left`);
        clearInterval(clock);  // and says nothing: enrolling may be over
        resolve();
      }, 200);
      stream.getAudioTracks()[0].addEventListener('ended', resolve);
    });
    recording = false;
    await enroll({samples: await recorder.stop(), rateHz: context.sampleRate});
  } finally {
    recording = false;
    closeMicrophone(stream);
    await context.close();
  }
}

async function enrollFile() {
  const context = new OfflineAudioContext(1, 1, ligero.rateHz);
  await enroll(await decode(context, chosen($('anchor'))));
}

async function loadProfile() {
  const bytes = new Uint8Array(await chosen($('load')).arrayBuffer());
  await ligero.checkProfile(bytes);
  profile = bytes;
  $('advice').textContent = '';
  say('Profile loaded. Now listen.');
}

// ---- listening ----

/** `openSource(context)`: the node whose sound goes in, and the stream it comes from, if any. */
async function listen(openSource) {
  const context = new AudioContext();
  context.resume();
  let opened = {};
  try {
    opened = await openSource(context);
    const node = await ligero.createNode(context, {profile, bypass: !$('only').checked});
    const recorder = await ligero.createRecorder(context);
    await node.ready;
    opened.source.connect(node).connect(context.destination);
    node.connect(recorder);
    pictures.start(context, opened.source, node);
    node.addEventListener('report', ({detail}) => report(detail));
    node.addEventListener('processorerror', () => attempt(async () => {
      await stop();
      throw new LigeroError('The audio thread has stopped. Start again; if that does not help, reload the page.');
    }));
    listening = {context, node, recorder, ...opened};
    heard = null;
    opened.source.start?.();
  } catch (error) {
    closeMicrophone(opened.stream);
    await context.close();
    throw error;
  }
  context.addEventListener('statechange', explainState);
  $('delay').textContent = `${Math.round(1000 * (listening.node.latencySeconds + (context.outputLatency || context.baseLatency)))} ms`;
  $('rate').textContent = context.sampleRate === ligero.rateHz
    ? `${context.sampleRate / 1000} kHz`
    : `${context.sampleRate / 1000} kHz; network ${ligero.rateHz / 1000} kHz`;
  say(opened.stream ? 'Listening to the microphone.' : 'Playing the file.');
}

const times = [];

function report({hopTimesMs, lateHops, activity}) {
  times.push(...hopTimesMs);
  times.splice(0, times.length - 500);
  if (times.length === 0 || listening === null) return;
  const mean = times.reduce((sum, x) => sum + x, 0) / times.length;
  $('time').textContent = `${mean.toFixed(2)} ms`;
  $('late').textContent = lateHops === 0 ? 'none' : `${lateHops}: use a faster machine or the other network`;
  const level = activity ?? pictures.level();
  $('activity').value = level;
  const text = !$('only').checked ? 'not told apart' : level > 0.3 ? 'speaks' : 'silent';
  if ($('active').textContent !== text) $('active').textContent = text;
  if (!listening.full && listening.recorder.frames > MOST_KEPT_SECONDS * listening.context.sampleRate) {
    listening.full = true;
    listening.recorder.stop();
    say('Only the first 5 minutes are kept for saving; the sound goes on.');
  }
}

function listenToMicrophone() {
  return listen(async (context) => {
    const stream = await openMicrophone();
    return {stream, source: context.createMediaStreamSource(stream)};
  });
}

function listenToFile() {
  const file = chosen($('file'));
  return listen(async (context) => {
    const source = new AudioBufferSourceNode(context, {buffer: await decode(context, file)});
    source.onended = () => attempt(async () => {
      await stop();
      say('The file has ended.');
    });
    return {source};
  });
}

async function stop() {
  stopRecording?.();
  if (listening === null) return;
  const {context, source, node, recorder, stream} = listening;
  listening = null;
  if (source.stop) source.onended = null;
  context.removeEventListener('statechange', explainState);
  closeMicrophone(stream);
  pictures.stop();
  heard = {samples: recorder.samples(), rateHz: context.sampleRate};
  node.close();
  await context.close();
  $('activity').value = 0;
  $('active').textContent = 'silent';
  say('Stopped.');
}

/** The browser may pause the sound: a call comes in, the device goes away, the page is put to sleep. */
function explainState() {
  if (listening === null) return;
  if (listening.context.state === 'running') say('The sound goes on.');
  else fail(new LigeroError('The browser has paused the sound. Press Stop, then start again.'));
}

document.addEventListener('visibilitychange', () => {
  if (listening === null || document.hidden) return;
  if (listening.context.state === 'running') say('While this page was in the background the sound went on; the pictures paused.');
  else explainState();
});

// ---- saving ----

function download(data, name) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([data]));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function keep() {
  const {samples, rateHz} = heard ??
    {samples: listening.recorder.samples(), rateHz: listening.context.sampleRate};
  download(wavOf(samples, rateHz), 'voice.wav');
}

// ---- start ----

async function load() {
  say('Loading…');
  ligero?.close();
  ligero = null;
  profile = null;
  $('advice').textContent = '';
  update();
  ligero = await Ligero.load($('model').value);
  say(ligero.kernels === 'ref'
    ? 'Ready. This browser has no SIMD, so only the network for slow machines may keep up.'
    : 'Ready. Begin with step 1.');
}

$('record').onclick = () => attempt(record);
$('anchor').onchange = () => attempt(enrollFile);
$('load').onchange = () => attempt(loadProfile);
$('save').onclick = () => download(profile, 'voice.profile');
$('microphone').onclick = () => attempt(listenToMicrophone);
$('file').onchange = () => attempt(listenToFile);
$('stop').onclick = () => attempt(stop);
$('keep').onclick = keep;
$('model').onchange = () => attempt(load);
$('only').onchange = () => {
  if (listening) listening.node.bypass = !$('only').checked;
  update();
};
document.addEventListener('keydown', (event) => {
  if (event.key.toLowerCase() === 'v' && !event.ctrlKey && !event.metaKey && !event.altKey && event.target.tagName !== 'SELECT') {
    $('only').click();
  }
});
attempt(load);
