# SPDX-License-Identifier: Apache-2.0
"""The web package and its page in headless Chromium; `./run web` calls it.

    python3 web_test.py SITE WORK BUILD

SITE: what a web server would serve. WORK: a folder for files, with anchor.wav and mixture.wav. BUILD: the build
folder of the native tool. WORK/counts gets how many tests passed, failed and were skipped; WORK also gets the
screenshots.
"""

from __future__ import annotations

import json
import sys
import time
import unittest
from pathlib import Path

from browser import Browser, Handler, serve
from native import FLOAT_MODEL, FLOAT_RATES, INT8_MODELS, Native, ON_X86, SCALAR_MODEL

work = Path()
address = ""

# What a script in an empty page needs. /made/ is the folder WORK.
LOAD = """
const {Ligero, LigeroError} = await import('/ligero/ligero.js');
const bytes = async (name) => (await fetch('/made/' + name)).arrayBuffer();
const floats = async (name) => new Float32Array(await bytes(name));
const profileOf = async (name) => new Uint8Array(await bytes(name + '.profile'));
async function render(ligero, rate, samples, options) {
  const context = new OfflineAudioContext(1, samples.length, rate);
  const node = await ligero.createNode(context, options);
  await node.ready;
  const sound = new AudioBuffer({length: samples.length, sampleRate: rate});
  sound.copyToChannel(samples, 0);
  const source = new AudioBufferSourceNode(context, {buffer: sound});
  source.connect(node).connect(context.destination);
  source.start();
  const out = (await context.startRendering()).getChannelData(0);
  return {out, node};
}
function decibels(reference, x) {
  let signal = 0, error = 0;
  for (let i = 0; i < x.length; i++) {
    signal += reference[i] ** 2;
    error += (reference[i] - x[i]) ** 2;
  }
  return error === 0 ? 999 : 10 * Math.log10(signal / error);
}
const refusal = async (action) => {
  try {
    await action();
  } catch (error) {
    return error instanceof LigeroError ? error.message : 'not a LigeroError: ' + error;
  }
  return 'no refusal';
};
"""
EVERY_BIT = 999
NO_SIMD = "WebAssembly.validate = () => false;"


class InBrowser(unittest.TestCase):
    microphone: str | None = None

    def setUp(self):
        hears = work / self.microphone if self.microphone else None
        self.browser = Browser(hears)
        self.addCleanup(self.browser.__exit__)
        Handler.missing = set()

    def empty_page(self, first: str = ""):
        return self.browser.page(address + "/made/empty.html", first)


class Package(InBrowser):
    """The package without the page."""

    def decibels(self, page, model: str, rate: int, reference: str) -> tuple[str, float]:
        return page.run(LOAD + f"""
            const ligero = await Ligero.load('/made/{model}.lgm');
            const profile = await profileOf('{model}');
            const {{out, node}} = await render(ligero, {rate}, await floats('mixture-{rate}.raw'), {{profile}});
            return [node.kernels, decibels(await floats('{model}-{rate}-{reference}.raw'), out)];""", 300)

    def test_float_weights_give_the_reference_kernels_samples_at_every_rate(self):
        for rate in FLOAT_RATES:
            kernels, db = self.decibels(self.empty_page(), FLOAT_MODEL, rate, "reference")
            print(f"{FLOAT_MODEL} at {rate} Hz: {db:.0f} dB from the native reference kernels")
            self.assertEqual(kernels, "wasm")
            self.assertGreaterEqual(db, 60)

    def test_int8_weights_give_every_bit_of_the_native_kernels_of_the_same_width(self):
        for model in INT8_MODELS:
            page = self.empty_page()
            _, db = self.decibels(page, model, 16000, "reference")
            print(f"{model}: {db:.0f} dB from the native reference kernels")
            self.assertGreaterEqual(db, 40)  # where a value rounds to the neighbouring int8, that remains
            if ON_X86:
                self.assertEqual(self.decibels(page, model, 16000, "sse4")[1], EVERY_BIT, model)

    def test_a_browser_without_simd_takes_the_scalar_module_and_gives_the_same_samples(self):
        kernels, db = self.decibels(self.empty_page(NO_SIMD), SCALAR_MODEL, 16000, "reference")
        print(f"{SCALAR_MODEL} without SIMD: {db:.0f} dB from the native reference kernels")
        self.assertEqual(kernels, "ref")
        self.assertGreaterEqual(db, 60)

    def test_enrolling_gives_the_tool_s_profile_and_its_advice(self):
        alike, advice = self.empty_page().run(LOAD + f"""
            const ligero = await Ligero.load('/made/{FLOAT_MODEL}.lgm');
            const made = await ligero.enroll({{samples: await floats('anchor.raw'), rateHz: 16000}});
            return [await ligero.similarity(made.profile, await profileOf('{FLOAT_MODEL}')), made.advice];""")
        self.assertGreaterEqual(alike, 0.99999)
        self.assertIn("speak longer", advice)
        self.assertIn(f"advice: {advice}", (work / f"{FLOAT_MODEL}.said").read_text())

    def test_a_whole_recording_gives_the_tool_s_samples(self):
        db = self.empty_page().run(LOAD + f"""
            const ligero = await Ligero.load('/made/{FLOAT_MODEL}.lgm');
            const sound = {{samples: await floats('mixture-16000.raw'), rateHz: 16000}};
            return decibels(await floats('whole.raw'), await ligero.extract(sound, await profileOf('{FLOAT_MODEL}')));""")
        self.assertGreaterEqual(db, 60)

    def test_bypass_and_strength_zero_give_the_input_as_late_as_the_voice(self):
        results = self.empty_page().run(LOAD + f"""
            const ligero = await Ligero.load('/made/{INT8_MODELS[1]}.lgm');
            const profile = await profileOf('{INT8_MODELS[1]}');
            const mixture = await floats('mixture-16000.raw');
            const results = [];
            for (const options of [{{bypass: true}}, {{strength: 0}}]) {{
              const {{out, node}} = await render(ligero, 16000, mixture, {{profile, ...options}});
              const late = Math.round(16000 * node.latencySeconds);
              results.push([late, decibels(mixture.subarray(800, mixture.length - late), out.subarray(800 + late))]);
            }}
            return results;""")
        for late, db in results:
            self.assertEqual(late, 320)
            self.assertGreaterEqual(db, 60)

    def refuses(self, script: str, *parts: str, first: str = "", page=None):
        said = (page or self.empty_page(first)).run(LOAD + f"return refusal(async () => {{ {script} }});")
        for part in parts:
            self.assertIn(part, said)

    def test_what_a_person_chose_wrongly_is_refused_in_sentences(self):
        page = self.empty_page()
        load = f"const ligero = await Ligero.load('/made/{INT8_MODELS[0]}.lgm'); "
        profile = "await ligero.checkProfile(await profileOf('{}'));"
        self.refuses("await Ligero.load('/made/newer.lgm');", "newer major version", "Reload the page", page=page)
        self.refuses("await Ligero.load('/made/damaged.lgm');", "damaged", "Choose another model file", page=page)
        self.refuses("await Ligero.load('/made/anchor.wav');", "Not a ligero model file", page=page)
        self.refuses("await Ligero.load('/made/nothing.lgm');", "answers 404", "/made/nothing.lgm", page=page)
        self.refuses(load + profile.format("newer"), "newer major version", "Reload the page", page=page)
        self.refuses(load + profile.format("damaged"), "damaged", "enrol again", page=page)
        self.refuses(load + profile.format(INT8_MODELS[1]), "another family", "Enrol again", page=page)
        self.refuses(load + "await ligero.enroll({samples: new Float32Array(8000), rateHz: 16000});",
                     "shorter than 1 s", "speaking alone", page=page)
        self.refuses(load + "await ligero.enroll({samples: new Float32Array(80000), rateHz: 16000});",
                     "silent", "speaking alone", page=page)
        self.refuses(load + f"await render(ligero, 16000, new Float32Array(160), {{profile: await profileOf('{INT8_MODELS[1]}')}});",
                     "another family", page=page)

    def test_a_profile_set_on_the_way_is_heard_or_refused_and_the_person_stays(self):
        before, after, said = self.empty_page().run(LOAD + f"""
            const ligero = await Ligero.load('/made/{INT8_MODELS[1]}.lgm');
            const context = new AudioContext({{sampleRate: 16000}});
            const node = await ligero.createNode(context);
            const recorder = await ligero.createRecorder(context);
            const mixture = await floats('mixture-16000.raw');
            const buffer = new AudioBuffer({{length: mixture.length, sampleRate: 16000}});
            buffer.copyToChannel(mixture, 0);
            const source = new AudioBufferSourceNode(context, {{buffer, loop: true}});
            source.connect(node).connect(recorder);
            source.start();
            const wait = (ms) => new Promise((done) => setTimeout(done, ms));
            const power = (x) => x.reduce((sum, v) => sum + v * v, 0) / x.length;
            await wait(1000);
            const before = power(recorder.samples());
            node.profile = await profileOf('{INT8_MODELS[1]}');
            await wait(1000);
            const refused = new Promise((done) => node.addEventListener('refused', done));
            node.profile = await profileOf('{INT8_MODELS[0]}');
            const said = (await refused).detail.message;
            const length = recorder.frames;
            await wait(1000);
            return [before, power(recorder.samples().subarray(length)), said];""")
        self.assertEqual(before, 0)
        self.assertGreater(after, 1e-6)
        self.assertIn("another family", said)

    def test_missing_parts_are_refused_in_sentences(self):
        load = f"const ligero = await Ligero.load('/made/{INT8_MODELS[0]}.lgm'); "
        self.refuses(load, "no WebAssembly", "Use a current version", first="delete globalThis.WebAssembly;")
        for part, text in (("worker.js", "worker.js"), ("ligero-simd.wasm", "answers 404")):
            Handler.missing = {f"/ligero/{part}"}
            self.refuses(load, text)
        for part in ("worklet.js", "core.js"):
            Handler.missing = set()
            page = self.empty_page()
            page.run(LOAD + load + "globalThis.ready = ligero; return 0;")
            Handler.missing = {f"/ligero/{part}"}
            self.refuses("await globalThis.ready.createNode(new OfflineAudioContext(1, 16, 16000));",
                         "audio thread", part, page=page)


class RealTime(InBrowser):
    """The fake microphone hears the mixture over and over."""

    microphone = "microphone.wav"

    def test_the_microphone_s_voice_comes_out_in_time(self):
        for model, first in (("bsrnn-live-int8", ""), ("lgr-tse-small-live-int8", ""), ("lgr-tse-tiny-live-int8", NO_SIMD)):
            times, late, power, rate = self.empty_page(first).run(LOAD + f"""
                const ligero = await Ligero.load('/made/{model}.lgm');
                const context = new AudioContext();
                const stream = await navigator.mediaDevices.getUserMedia({{
                  audio: {{echoCancellation: false, noiseSuppression: false, autoGainControl: false}}}});
                const node = await ligero.createNode(context, {{profile: await profileOf('{model}')}});
                const recorder = await ligero.createRecorder(context);
                const times = [];
                node.addEventListener('report', ({{detail}}) => times.push(...detail.hopTimesMs));
                context.createMediaStreamSource(stream).connect(node).connect(context.destination);
                node.connect(recorder);
                await node.ready;
                await new Promise((done) => setTimeout(done, 10000));
                const voice = await recorder.stop();
                return [times, node.lateHops, voice.reduce((sum, x) => sum + x * x, 0) / voice.length, context.sampleRate];""")
            times.sort()
            print(f"{model}{' without SIMD' if first else ''}, live at {rate} Hz: {len(times)} hops, p50 {times[len(times) // 2]:.1f} ms, "
                  f"p99 {times[len(times) * 99 // 100]:.1f} ms, late {late} (the audio thread's clock has steps of 0.1 ms)")
            self.assertGreater(len(times), 700)
            self.assertGreater(power, 1e-6)
            self.assertLess(times[len(times) // 2], 10)

    def test_the_first_sound_comes_within_a_second_of_loading(self):
        found = []
        for _ in range(3):
            found.append(self.empty_page().run("const begin = performance.now();" + LOAD + """
                const profile = await profileOf('bsrnn-live-int8');
                const sound = await floats('mixture-16000.raw');
                const ligero = await Ligero.load('/models/bsrnn-live-int8.lgm');
                const context = new AudioContext();
                const node = await ligero.createNode(context, {profile});
                const analyser = new AnalyserNode(context, {fftSize: 1024});
                const wave = new Float32Array(1024);
                const buffer = new AudioBuffer({length: sound.length, sampleRate: 16000});
                buffer.copyToChannel(sound, 0);
                const source = new AudioBufferSourceNode(context, {buffer, loop: true});
                source.connect(node).connect(context.destination);
                node.connect(analyser);
                source.start();
                for (;;) {
                  analyser.getFloatTimeDomainData(wave);
                  if (wave.some((x) => Math.abs(x) > 1e-4)) return performance.now() - begin;
                  await new Promise((done) => setTimeout(done, 5));
                }"""))
        print("first sound after " + ", ".join(f"{ms:.0f}" for ms in found) + " ms")
        self.assertLess(min(found), 1000)


# Scripts that run before the page's own.
CONTEXTS = """
globalThis.contexts = [];
globalThis.AudioContext = class extends AudioContext {
  constructor() {
    super(%s);
    contexts.push(this);
  }
};
"""
NODES = """
globalThis.nodes = [];
globalThis.AudioWorkletNode = class extends AudioWorkletNode {
  constructor(...all) {
    super(...all);
    nodes.push(this);
  }
};
"""
STREAMS = """
globalThis.streams = [];
const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = async (wish) => {
  const stream = await open(wish);
  streams.push(stream);
  return stream;
};
"""
WIDE = (1280, 900)
NARROW = (360, 740)


class WholePage(InBrowser):
    """The page as a person uses it."""

    microphone = "microphone.wav"

    def open(self, first: str = ""):
        self.page = self.browser.page(address + "/", first)
        return self.page

    def open_ready(self, first: str = ""):
        self.open(first)
        self.until_text("status", "Ready")

    def text(self, name: str) -> str:
        return self.page.run(f"document.getElementById('{name}').textContent")

    def until_text(self, name: str, part: str, seconds: float = 30):
        try:
            self.page.until(f"document.getElementById('{name}').textContent.includes({json.dumps(part)})", seconds)
        except TimeoutError:
            self.fail(f"{name} does not say '{part}'; status '{self.text('status')}', error '{self.text('error')}'")

    def press(self, name: str):
        self.page.until(f"!document.getElementById('{name}').disabled")
        self.page.run(f"document.getElementById('{name}').click()")

    def choose(self, name: str, file: Path):
        self.page.until(f"!document.getElementById('{name}').disabled")
        document = self.page.call("DOM.getDocument")["root"]["nodeId"]
        node = self.page.call("DOM.querySelector", nodeId=document, selector=f"#{name}")["nodeId"]
        self.page.call("DOM.setFileInputFiles", nodeId=node, files=[str(file)])

    def downloaded(self, name: str, button: str) -> Path:
        file = work / name
        file.unlink(missing_ok=True)
        self.browser.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(work))
        self.press(button)
        for _ in range(100):
            if file.exists():
                return file
            time.sleep(0.1)
        self.fail(f"{name} was not saved")

    def enroll(self):
        self.choose("anchor", work / "anchor.wav")
        self.until_text("status", "Enrolled")

    def brightness(self, canvas: str) -> float:
        """The mean of the newest quarter of a spectrogram, 0 to 255."""
        return self.page.run(f"""
            const c = document.getElementById('{canvas}');
            const pixels = c.getContext('2d').getImageData(c.width * 3 / 4, 0, c.width / 4, c.height).data;
            return pixels.reduce((sum, x, i) => sum + (i % 4 === 3 ? 0 : x), 0) / (pixels.length * 3 / 4);""")

    def test_from_enrolling_to_saving_and_no_request_leaves_the_page(self):
        self.open_ready()
        self.enroll()
        self.assertIn("Advice: speak longer", self.text("advice"))
        profile = self.downloaded("voice.profile", "save")
        self.assertEqual(profile.read_bytes()[:7], b"LIGEROP")
        self.press("microphone")
        self.until_text("status", "Listening")
        time.sleep(4)
        self.assertGreater(self.brightness("before"), 10)
        self.assertGreater(self.brightness("after"), 10)
        self.assertLess(self.brightness("after"), self.brightness("before"))
        self.assertIn(" ms", self.text("delay"))
        self.assertIn(" ms", self.text("time"))
        self.page.screenshot(work / "wide.png")
        self.page.size(*NARROW, mobile=True)
        self.assertLessEqual(self.page.run("document.documentElement.scrollWidth"), NARROW[0])
        self.page.screenshot(work / "narrow.png")
        self.page.size(*WIDE)
        self.page.key("v", 86, "v")
        self.assertIn("everything", self.text("aftertext"))
        self.until_text("active", "not told apart")
        self.page.key("v", 86, "v")
        self.assertIn("only", self.text("aftertext"))
        self.press("stop")
        self.until_text("status", "Stopped")
        voice = self.downloaded("voice.wav", "keep").read_bytes()
        self.assertEqual(voice[:4], b"RIFF")
        self.assertGreater(len(voice), 2 * 44100 * 3)
        self.choose("load", profile)
        self.until_text("status", "Profile loaded")
        self.choose("file", work / "mixture.wav")
        self.until_text("status", "Playing")
        self.until_text("status", "The file has ended")
        self.assertEqual(self.text("error"), "")
        asked = [e["request"]["url"] for e in self.page.events("Network.requestWillBeSent")]
        for url in asked:
            self.assertTrue(url.startswith((address, "blob:" + address, "data:")), url)
        for seen in ("/ligero/ligero-simd.wasm", "/ligero/worker.js", "/ligero/core.js", "/models/bsrnn-live-int8.lgm"):
            self.assertIn(address + seen, asked)  # by the page and by its worker
        elsewhere = self.page.run("""
            const refused = new Promise((done) => addEventListener('securitypolicyviolation', (e) => done(e.blockedURI)));
            fetch('http://127.0.0.1:1/').catch(() => {});
            return refused;""", 10)
        self.assertTrue(elsewhere.startswith("http://127.0.0.1:1"))  # the page's policy allows no other server
        self.assertEqual(self.page.events("Runtime.exceptionThrown"), [])

    def test_enrolling_from_the_microphone(self):
        self.open_ready()
        self.press("record")
        self.until_text("status", "Speak now")
        time.sleep(4)
        self.press("record")
        self.until_text("status", "Enrolled")
        self.assertIn("s of speech", self.text("advice"))

    def test_the_keyboard_reaches_everything_and_a_screen_reader_names_it(self):
        self.open_ready()
        self.enroll()
        reached = []
        for _ in range(20):
            self.page.key("Tab", 9)
            reached.append(self.page.run("document.activeElement.id"))
        self.assertEqual(reached[:8], ["record", "anchor", "load", "save", "microphone", "file", "only", "model"])
        self.page.run("document.getElementById('microphone').focus()")
        self.page.key("Enter", 13, "\r")
        self.until_text("status", "Listening")
        nodes = self.page.call("Accessibility.getFullAXTree")["nodes"]
        named = {}
        for node in nodes:
            role = node.get("role", {}).get("value")
            if role in ("button", "switch", "combobox", "meter", "image", "heading", "alert", "status"):
                named.setdefault(role, []).append(node.get("name", {}).get("value", ""))
        for role in ("button", "switch", "combobox", "meter", "image"):
            self.assertTrue(named.get(role), role)
            self.assertNotIn("", named[role], role)
        self.assertIn("status", named)

    def test_any_rate_of_the_sound_device_works_and_is_told(self):
        for rate in (44100, 96000):
            self.open_ready(CONTEXTS % f"{{sampleRate: {rate}}}")
            self.enroll()
            self.press("microphone")
            self.until_text("status", "Listening")
            self.until_text("rate", f"{rate / 1000:g} kHz; network 16 kHz")
            time.sleep(2)
            self.assertGreater(self.brightness("after"), 3)
            self.assertEqual(self.text("error"), "")
            self.page.close()

    def test_a_microphone_that_is_taken_away_is_told(self):
        self.open_ready(STREAMS)
        self.enroll()
        self.press("microphone")
        self.until_text("status", "Listening")
        self.page.run("streams[0].getAudioTracks()[0].dispatchEvent(new Event('ended'))")
        self.until_text("error", "The microphone was taken away. Plug it in again")
        self.press("microphone")  # and it goes on
        self.until_text("status", "Listening")

    def test_an_audio_thread_that_stops_is_told(self):
        self.open_ready(NODES)
        self.enroll()
        self.press("microphone")
        self.until_text("status", "Listening")
        self.page.run("nodes[0].dispatchEvent(new Event('processorerror'))")
        self.until_text("error", "The audio thread has stopped. Start again")

    def test_what_happens_in_the_background_is_told(self):
        self.open_ready(CONTEXTS % "")
        self.enroll()
        self.press("microphone")
        self.until_text("status", "Listening")
        self.page.run("document.dispatchEvent(new Event('visibilitychange'))")
        self.until_text("status", "in the background the sound went on")
        self.page.run("contexts.at(-1).suspend()")
        self.until_text("error", "The browser has paused the sound. Press Stop")

    def test_wrong_files_are_told(self):
        self.open_ready()
        self.choose("anchor", work / "noise.wav")
        self.until_text("error", "'noise.wav' holds no sound that this browser can read")
        for name, part in (("newer.profile", "newer major version"), ("damaged.profile", "damaged"),
                           (f"{INT8_MODELS[1]}.profile", "another family")):
            self.choose("load", work / name)
            self.until_text("error", part)
        self.enroll()
        self.assertEqual(self.page.run("document.getElementById('error').hidden"), True)
        self.choose("file", work / "noise.wav")
        self.until_text("error", "holds no sound")

    def test_missing_parts_are_told(self):
        self.open("delete globalThis.WebAssembly;")
        self.until_text("error", "This browser has no WebAssembly")
        Handler.missing = {"/models/bsrnn-live-int8.lgm"}
        self.open()
        self.until_text("error", "The model could not be loaded: the server answers 404")
        Handler.missing = {"/ligero/worklet.js"}
        self.open_ready()
        self.enroll()
        self.press("microphone")
        self.until_text("error", "A part of the program for the audio thread (worklet.js or core.js)")

    def test_a_browser_without_simd_is_told_and_works(self):
        self.open_ready(NO_SIMD)
        self.assertIn("no SIMD", self.text("status"))
        self.page.run("const m = document.getElementById('model'); m.selectedIndex = 1; m.dispatchEvent(new Event('change'))")
        self.until_text("status", "Ready")
        self.enroll()

    def test_a_microphone_that_is_refused_missing_or_taken_is_told(self):
        refuse = "navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', '%s'); };"
        for name, part in (("NotAllowedError", "may not use the microphone. Allow it"),
                           ("NotFoundError", "There is no microphone. Plug one in"),
                           ("NotReadableError", "another program may be using it")):
            self.open_ready(refuse % name)
            self.press("record")
            self.until_text("error", part)
            self.page.until("!document.getElementById('record').disabled")
        self.open_ready("Object.defineProperty(navigator, 'mediaDevices', {value: undefined});")
        self.press("record")
        self.until_text("error", "over https or from localhost")


class NoPermission(InBrowser):
    def test_a_person_s_refusal_of_the_microphone_is_told(self):
        page = self.browser.page(address + "/")
        self.browser.call("Browser.setPermission", permission={"name": "microphone"}, setting="denied", origin=address)
        page.until("document.getElementById('status').textContent.startsWith('Ready')")
        page.run("document.getElementById('record').click()")
        page.until("document.getElementById('error').textContent.includes('may not use the microphone')")


def main() -> int:
    global work, address
    site, work, build = (Path(a).resolve() for a in sys.argv[1:4])
    Native(work, build).make()
    with serve(site, work) as address:
        suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules[__name__])
        result = unittest.TextTestRunner(verbosity=2).run(suite)
    bad = len(result.failures) + len(result.errors)
    skipped = len(result.skipped)
    (work / "counts").write_text(f"{result.testsRun - bad - skipped} {bad} {skipped}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
