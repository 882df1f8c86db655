# SPDX-License-Identifier: Apache-2.0
"""Headless Chromium over the DevTools protocol on two pipes, and a web server for it. Only Python's own library.

    with serve(folder, work) as address, Browser() as browser:
        page = browser.page(address + "/")
        print(page.run("document.title"))
"""

from __future__ import annotations

import base64
import contextlib
import functools
import http.server
import json
import os
import select
import subprocess
import tempfile
import threading
import time
from pathlib import Path


class Handler(http.server.SimpleHTTPRequestHandler):
    """The files of the folder and, under /made/, those of `work`; the paths in `missing` answer 404."""

    extensions_map = {"": "application/octet-stream", ".html": "text/html; charset=utf-8",
                      ".js": "text/javascript", ".css": "text/css", ".wasm": "application/wasm"}
    work = Path()
    missing: set[str] = set()

    def do_GET(self):
        if self.path in Handler.missing:
            self.send_error(404)
        else:
            super().do_GET()

    def translate_path(self, path: str) -> str:
        if path.startswith("/made/"):
            return str(Handler.work / Path(path).name)
        return super().translate_path(path)

    def end_headers(self):
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def serve(folder: Path, work: Path):
    """The address of a server on localhost."""
    Handler.work = work
    handler = functools.partial(Handler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://localhost:{server.server_port}"
    finally:
        server.shutdown()


class Browser:
    """`microphone`: a WAV file that its microphone hears over and over, or None: no permission for one."""

    def __init__(self, microphone: Path | None = None, *flags: str):
        self._profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        to_browser, self._write = os.pipe()
        self._read, from_browser = os.pipe()
        hears = ["--use-fake-device-for-media-stream"]
        if microphone:
            hears += ["--use-fake-ui-for-media-stream", f"--use-file-for-fake-audio-capture={microphone}"]

        def place_pipes():
            # At numbers that none of the four has, then to 3 and 4, which Chromium expects.
            os.dup2(to_browser, 103)
            os.dup2(from_browser, 104)
            os.dup2(103, 3)
            os.dup2(104, 4)

        self._process = subprocess.Popen(
            ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe",
             "--no-first-run", "--disable-background-networking", "--disable-component-update",
             "--autoplay-policy=no-user-gesture-required", f"--user-data-dir={self._profile.name}",
             *hears, *flags, "about:blank"],
            preexec_fn=place_pipes, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_browser)
        os.close(from_browser)
        self._rest = b""
        self._number = 0
        self.events: list[dict] = []

    def call(self, method: str, session: str | None = None, seconds: float = 60, **params):
        """The result of a command; raises what the browser refuses."""
        number = self._send(method, session, params)
        end = time.monotonic() + seconds
        while True:
            answer = self._receive(end, method)
            if answer.get("id") == number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]
            self.events.append(answer)
            if answer.get("method") == "Target.attachedToTarget" and answer["params"]["waitingForDebugger"]:
                # A worker of a page: watched from its first request on.
                worker = answer["params"]["sessionId"]
                self._send("Network.enable", worker, {})
                self._send("Runtime.runIfWaitingForDebugger", worker, {})

    def _send(self, method: str, session: str | None, params: dict) -> int:
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._write, data):]
        return self._number

    def _receive(self, end: float, what: str) -> dict:
        while b"\0" not in self._rest:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self._read], [], [], left)[0]:
                raise TimeoutError(f"the browser does not answer {what}")
            piece = os.read(self._read, 1 << 20)
            if not piece:
                raise RuntimeError("the browser has ended")
            self._rest += piece
        line, self._rest = self._rest.split(b"\0", 1)
        return json.loads(line)

    def page(self, address: str, first: str = "", width: int = 1280, height: int = 900) -> "Page":
        """Opens a page of that size; `first`: a script that runs before its own."""
        return Page(self, address, first, width, height)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(Exception):
            self.call("Browser.close", seconds=5)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._write)
        os.close(self._read)
        self._profile.cleanup()


class Page:
    def __init__(self, browser: Browser, address: str, first: str, width: int, height: int):
        self._browser = browser
        target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network"):
            self.call(f"{domain}.enable")
        self.call("Target.setAutoAttach", autoAttach=True, waitForDebuggerOnStart=True, flatten=True)
        self.size(width, height)
        if first:
            self.call("Page.addScriptToEvaluateOnNewDocument", source=first)
        self.call("Page.navigate", url=address)
        self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    def call(self, method: str, seconds: float = 60, **params):
        return self._browser.call(method, self._session, seconds, **params)

    def size(self, width: int, height: int, mobile: bool = False):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=mobile)

    def run(self, script: str, seconds: float = 60):
        """The value of an expression, or of an async function's body that has a return."""
        if "return " in script:
            script = f"(async () => {{ {script} }})()"
        result = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True,
                           userGesture=True, seconds=seconds)
        if "exceptionDetails" in result:
            thrown = result["exceptionDetails"]
            raise RuntimeError(thrown.get("exception", {}).get("description", thrown["text"]))
        return result["result"].get("value")

    def until(self, condition: str, seconds: float = 30):
        """Waits for an expression to be true, and returns its value."""
        end = time.monotonic() + seconds
        while True:
            value = self.run(condition)
            if value:
                return value
            if time.monotonic() > end:
                raise TimeoutError(f"never true: {condition}")
            time.sleep(0.05)

    def key(self, key: str, code: int, text: str = ""):
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code,
                      **({"text": text} if text and kind == "keyDown" else {}))

    def screenshot(self, path: Path):
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))

    def events(self, method: str) -> list[dict]:
        """Of the browser's pages and their workers, so far."""
        return [e["params"] for e in self._browser.events if e.get("method") == method]

    def close(self):
        self.call("Page.close")
