"""A real browser: headless Chromium, driven over the WebDriver protocol (W3C) that its own driver speaks.

It resolves no name but loopback's, so that nothing leaves the machine whatever a page says.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

TIMEOUT_S: Final = 60.0
NEXT_PAGE_S_MAX: Final = 20.0
TAB, ENTER, SPACE = "\ue004", "\ue007", " "
NEEDED: Final = (
    "the tests of the pages need Chromium and its driver, and `{}` is not on PATH. "
    "On Debian: sudo apt-get install --no-install-recommends chromium chromium-driver"
)
OPTIONS: Final = (
    "--headless=new",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-proxy-server",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost, EXCLUDE ::1",
)
_READY: Final = re.compile(r"started successfully on port (\d+)")
_ELEMENT: Final = "element-6066-11e4-a52e-4f735466cecf"
_ADDRESS: Final = "return document.activeElement.outerHTML.slice(0, 200)"


class BrowserMissing(Exception):
    """The text says what to install."""


class WebDriverError(Exception):
    """The driver or the page would not."""


@dataclass(frozen=True, slots=True)
class Driver:
    port: int

    def ask(self, verb: str, path: str, **body: Any) -> Any:
        """One command; its value. Raises WebDriverError."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_S)
        with contextlib.closing(connection):
            sent = json.dumps(body) if verb == "POST" else None
            connection.request(verb, path, sent, {"content-type": "application/json"})
            answer = connection.getresponse()
            value = json.loads(answer.read())["value"]
        if answer.status != 200:
            raise WebDriverError(f"{value['error']}: {value['message']}")
        return value


@dataclass(frozen=True, slots=True)
class Window:
    """A window with cookies of its own. CSS selectors find elements; an element is the driver's name for it."""

    driver: Driver
    session: str

    def open(self, url: str) -> None:
        self._ask("POST", "url", url=url)

    @property
    def url(self) -> str:
        found: str = self._ask("GET", "url")
        return found

    @property
    def source(self) -> str:
        found: str = self._ask("GET", "source")
        return found

    @property
    def text(self) -> str:
        return self.text_of(self.find("body"))

    def find(self, selector: str) -> str:
        found: str = self._ask("POST", "element", using="css selector", value=selector)[_ELEMENT]
        return found

    def find_all(self, selector: str) -> list[str]:
        return [each[_ELEMENT] for each in self._ask("POST", "elements", using="css selector", value=selector)]

    def text_of(self, element: str) -> str:
        found: str = self._ask("GET", f"element/{element}/text")
        return found

    def label_of(self, element: str) -> str:
        """What a screen reader calls it."""
        found: str = self._ask("GET", f"element/{element}/computedlabel")
        return found

    def focused(self) -> str:
        found: str = self._ask("GET", "element/active")[_ELEMENT]
        return found

    def press(self, *keys: str) -> None:
        """Into whatever has the focus, as from a keyboard."""
        strokes = [{"type": kind, "value": key} for key in "".join(keys) for kind in ("keyDown", "keyUp")]
        self._ask("POST", "actions", actions=[{"type": "key", "id": "keyboard", "actions": strokes}])

    def submit(self, *keys: str) -> None:
        """Press keys of which the last sends a form, and wait for the page that comes of it."""
        before = self.find("html")
        self.press(*keys)
        deadline_s = time.monotonic() + NEXT_PAGE_S_MAX
        while time.monotonic() < deadline_s:
            if self._left(before) and self.script("return document.readyState") == "complete":
                return
        raise WebDriverError(f"no page came after {self.url}: {self.text}")

    def wait_for(self, words: str) -> None:
        """Until the page says so, by a script of its own."""
        deadline_s = time.monotonic() + NEXT_PAGE_S_MAX
        while words not in self.text:
            if time.monotonic() >= deadline_s:
                raise WebDriverError(f"{self.url} does not say {words!r}: {self.text}")

    def _left(self, root: str) -> bool:
        try:
            self._ask("GET", f"element/{root}/name")
        except WebDriverError:
            return True
        return False

    def tab_to(self, selector: str, *, at_most: int = 40) -> None:
        """Raises WebDriverError when the keyboard does not get there."""
        wanted = self.find(selector)
        for _ in range(at_most):
            if self.focused() == wanted:
                return
            self.press(TAB)
        raise WebDriverError(f"no way to {selector} with the Tab key; at the end: {self.script(_ADDRESS)}")

    def script(self, body: str) -> Any:
        return self._ask("POST", "execute/sync", script=body, args=[])

    def cookies(self) -> dict[str, dict[str, Any]]:
        return {each["name"]: each for each in self._ask("GET", "cookie")}

    def console(self) -> list[str]:
        """What the browser had to say since the last time, refusals by a policy of the page included."""
        return [each["message"] for each in self._ask("POST", "se/log", type="browser")]

    def devtools(self, command: str, **parameters: Any) -> Any:
        return self._ask("POST", "goog/cdp/execute", cmd=command, params=parameters)

    def size(self, width_px: int, height_px: int) -> None:
        self.devtools(
            "Emulation.setDeviceMetricsOverride",
            width=width_px,
            height=height_px,
            deviceScaleFactor=1,
            mobile=False,
        )

    def dark(self, *, dark: bool) -> None:
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.devtools("Emulation.setEmulatedMedia", features=[scheme])

    def picture(self) -> bytes:
        """The whole page as PNG, also what is below the fold."""
        whole = self.devtools("Page.getLayoutMetrics")["cssContentSize"] | {"scale": 1}
        return base64.b64decode(self.devtools("Page.captureScreenshot", captureBeyondViewport=True, clip=whole)["data"])

    def add_authenticator(self) -> None:
        """A device that keeps passkeys and whose person is there and says yes (WebAuthn level 3, section 11)."""
        about = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True}
        person = {"hasUserVerification": True, "isUserVerified": True, "isUserConsenting": True}
        self._ask("POST", "webauthn/authenticator", **about, **person)

    def frame_text(self, element: str) -> str:
        """What stands in a frame of the page."""
        self._ask("POST", "frame", id={_ELEMENT: element})
        try:
            return self.text
        finally:
            self._ask("POST", "frame/parent")

    def _ask(self, verb: str, path: str, **body: Any) -> Any:
        return self.driver.ask(verb, f"/session/{self.session}/{path}", **body)


@contextlib.contextmanager
def chromium() -> Iterator[Driver]:
    """The driver. Raises BrowserMissing."""
    for program in ("chromedriver", "chromium"):
        if shutil.which(program) is None:
            raise BrowserMissing(NEEDED.format(program))
    with (
        tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as scratch,  # it leaves much behind
        subprocess.Popen(
            ["chromedriver", "--port=0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=os.environ | {"TMPDIR": scratch},
        ) as process,
    ):
        try:
            said = ""
            for line in process.stdout or ():
                said += line
                if ready := _READY.search(line):
                    yield Driver(int(ready[1]))
                    break
            else:
                raise WebDriverError(f"chromedriver did not start: {said}")
        finally:
            process.terminate()


@contextlib.contextmanager
def window(driver: Driver, *, scripts: bool = True) -> Iterator[Window]:
    options = [*OPTIONS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]  # Chromium's own does not run as root
    wanted = {
        "browserName": "chrome",
        "goog:chromeOptions": {"binary": shutil.which("chromium"), "args": options},
        "goog:loggingPrefs": {"browser": "ALL"},
    }
    session = driver.ask("POST", "/session", capabilities={"alwaysMatch": wanted})["sessionId"]
    try:
        shown = Window(driver, session)
        shown.size(1100, 800)
        if not scripts:
            shown.devtools("Emulation.setScriptExecutionDisabled", value=True)
        yield shown
    finally:
        driver.ask("DELETE", f"/session/{session}")
