"""A headless Chromium, steered over two pipes: no port, no driver, no package.

Source: https://chromedevtools.github.io/devtools-protocol/ (with --remote-debugging-pipe, messages are
JSON, each ended by a NUL byte, on the file descriptors 3 and 4).
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PROGRAMS = ("chromium-headless-shell", "chromium", "google-chrome")
PATIENCE = 120  # seconds for one answer: a busy machine is slow


class BrowserError(AssertionError):
    """The browser is not there, ended, or refused a command."""


class Page:
    """One page: what it asked the network for, what its console said, and what happens in it."""

    def __init__(self, send: Callable[[bytes], None], receive: Callable[[float], bytes]) -> None:
        self._send, self._receive = send, receive
        self._last, self._session = 0, ""
        self.requests: list[str] = []  # addresses
        self.complaints: list[str] = []  # errors, warnings, broken policies

    def attach(self) -> None:
        """Open an empty page and listen to it."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log", "Accessibility"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Return the answer to one command; events that come before it are noted."""
        self._last += 1
        message: dict[str, Any] = {"id": self._last, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        self._send(json.dumps(message).encode() + b"\0")
        until = time.monotonic() + PATIENCE
        while True:
            answer = json.loads(self._receive(until))
            if answer.get("id") == self._last:
                if "error" in answer:
                    raise BrowserError(f"{method}: {answer['error']}")
                return dict(answer["result"])
            self._note(answer)

    def _note(self, event: dict[str, Any]) -> None:
        said = event.get("params", {})
        match event.get("method"):
            case "Network.requestWillBeSent":
                self.requests.append(said["request"]["url"])
            case "Log.entryAdded":
                self.complaints.append(said["entry"]["text"])
            case "Runtime.consoleAPICalled":
                self.complaints.append(f"console.{said['type']}")
            case "Runtime.exceptionThrown":
                self.complaints.append(said["exceptionDetails"]["text"])

    def open(self, path: Path, *, width: int = 1280, script: bool = True, dark: bool = False) -> None:
        """Load the file at `path` and wait until it is complete."""
        self.requests.clear()
        self.complaints.clear()
        self.resize(width)
        scheme = "dark" if dark else "light"
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.call("Emulation.setScriptExecutionDisabled", value=not script)
        self.call("Page.navigate", url=path.as_uri())
        self.wait("document.readyState == 'complete' && !location.href.startsWith('about:')")

    def wait(self, expression: str) -> None:
        """Return once `expression` is true (events take their time); BrowserError where it never is."""
        until = time.monotonic() + PATIENCE
        while not self(expression):
            if time.monotonic() > until:
                raise BrowserError(f"never true: {expression}")
            time.sleep(0.05)

    def resize(self, width: int, height: int = 900) -> None:
        """Make the window so many CSS pixels wide."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def __call__(self, expression: str) -> Any:
        """Return the value of a JavaScript expression; it runs also where the page's own scripts may not."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in answer:
            raise BrowserError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def click(self, selector: str) -> None:
        """Click in the middle of the first element that `selector` finds, as a mouse does."""
        found = f"document.querySelector({json.dumps(selector)})"
        self(f"{found}.scrollIntoView({{block: 'center'}})")
        x, y = self(f"(b => [b.x + b.width / 2, b.y + b.height / 2])({found}.getBoundingClientRect())")
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def type(self, selector: str, text: str) -> None:
        """Put `text` into a field, as a keyboard does."""
        self(f"document.querySelector({json.dumps(selector)}).focus()")
        self.call("Input.insertText", text=text)

    def picture(self, path: Path, *, whole: bool = False) -> None:
        """Write a picture of what is seen, or of the whole page, to `path` (PNG)."""
        answer = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(answer["data"]))

    def printed(self) -> bytes:
        """Return the page printed on A4, as PDF."""
        answer = self.call("Page.printToPDF", preferCSSPageSize=True, printBackground=False)
        return base64.b64decode(answer["data"])


@contextmanager
def browser() -> Iterator[Page]:
    """Yield an empty page of a browser of its own, with a profile of its own; both are gone afterwards."""
    program = next((found for name in PROGRAMS if (found := shutil.which(name))), None)
    if program is None:
        raise BrowserError(f"none of {', '.join(PROGRAMS)} is installed; run bin/setup browser")
    commands, answers = os.pipe(), os.pipe()
    profile = tempfile.mkdtemp(prefix="kijun-browser-")
    options = ["--headless", "--remote-debugging-pipe", f"--user-data-dir={profile}", "--disable-gpu"]
    options += ["--no-first-run", "--disable-dev-shm-usage", "--hide-scrollbars"]
    if os.geteuid() == 0:
        options.append("--no-sandbox")  # Chromium's sandbox refuses root

    def pipes() -> None:
        # Above what is to be replaced first, so that neither pipe overwrites the other.
        ours = [os.dup(end) for end in (commands[0], answers[1])]
        while min(ours) < 5:
            ours = [os.dup(end) for end in ours]
        os.dup2(ours[0], 3)
        os.dup2(ours[1], 4)

    process = subprocess.Popen(
        [program, *options],
        preexec_fn=pipes,  # noqa: PLW1509 - before any thread
        pass_fds=(3, 4),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    os.close(commands[0])
    os.close(answers[1])
    page = Page(lambda data: _write(commands[1], data), _Messages(answers[0]))
    try:
        page.attach()
        yield page
    finally:
        _end(process, commands[1], answers[0])
        shutil.rmtree(profile, ignore_errors=True)


def _end(process: subprocess.Popen[bytes], *pipes: int) -> None:
    """End the browser with all its processes; Debian's program is a script that starts it."""
    for pipe in pipes:
        os.close(pipe)  # without its pipes it ends by itself
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # its own session, so nothing but it
        process.wait()


def _write(handle: int, data: bytes) -> None:
    while data:
        data = data[os.write(handle, data) :]


class _Messages:
    """What the browser writes, message by message."""

    def __init__(self, handle: int) -> None:
        self._handle, self._rest = handle, bytearray()

    def __call__(self, until: float) -> bytes:
        """Return the next message; BrowserError where none comes before `until`."""
        while (end := self._rest.find(b"\0")) < 0:
            ready, _, _ = select.select([self._handle], [], [], max(0.0, until - time.monotonic()))
            if not ready:
                raise BrowserError("the browser gives no answer")
            data = os.read(self._handle, 1 << 20)
            if not data:
                raise BrowserError("the browser has ended")
            self._rest += data
        message = bytes(self._rest[:end])
        del self._rest[: end + 1]
        return message
