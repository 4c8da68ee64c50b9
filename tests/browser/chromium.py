"""Drive a real Chromium by its own driver: W3C WebDriver over HTTP, and a few calls of DevTools."""

from __future__ import annotations

import base64
import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1100,900",
)
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
_PATIENCE_S = 60


class Element:
    """Hold an element of the page."""

    def __init__(self, browser: Browser, name: str) -> None:
        self._browser, self._path = browser, f"/element/{name}"

    @property
    def text(self) -> str:
        """Return the text as it is painted."""
        return str(self._browser.call("GET", f"{self._path}/text"))

    def click(self) -> None:
        """Click it."""
        self._browser.call("POST", f"{self._path}/click", {})

    def type(self, text: str) -> None:
        """Type into it; into a file field, the path of the file."""
        self._browser.call("POST", f"{self._path}/value", {"text": text})

    def clear(self) -> None:
        """Empty it."""
        self._browser.call("POST", f"{self._path}/clear", {})


class Browser:
    """Hold one window of a browser that has no memory and no network."""

    def __init__(self, client: httpx.Client, session: str) -> None:
        self._client, self._session = client, session

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Call the driver. Raises AssertionError with what the driver says."""
        answer = self._client.request(method, f"/session/{self._session}{path}", json=body)
        value = answer.json()["value"]
        assert answer.is_success, value
        return value

    def open(self, path: Path, fragment: str = "") -> None:
        """Open a file from disk."""
        self.call("POST", "/url", {"url": path.as_uri() + fragment})

    def run(self, script: str, *arguments: object) -> Any:
        """Run a script in the page and return what it returns."""
        return self.call("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def devtools(self, command: str, **parameters: object) -> Any:
        """Call the DevTools protocol."""
        return self.call("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def log(self, kind: str) -> list[dict[str, Any]]:
        """Return what was logged since the last call: `browser` (the console) or `performance`."""
        entries: list[dict[str, Any]] = self.call("POST", "/se/log", {"type": kind})
        return entries

    def requests(self) -> list[str]:
        """Return the addresses that the page asked for since the last call."""
        events = [json.loads(entry["message"])["message"] for entry in self.log("performance")]
        return [
            event["params"]["request"]["url"]
            for event in events
            if event["method"] == "Network.requestWillBeSent"
        ]

    def all(self, selector: str) -> list[Element]:
        """Return the elements that a CSS selector names."""
        found = self.call("POST", "/elements", {"using": "css selector", "value": selector})
        return [Element(self, each[_ELEMENT]) for each in found]

    def one(self, selector: str) -> Element:
        """Return the one element of a selector, as soon as it is there."""
        until = time.monotonic() + _PATIENCE_S
        while not (found := self.all(selector)):
            assert time.monotonic() < until, f"nothing is {selector}"
            time.sleep(0.05)
        assert len(found) == 1, f"{len(found)} elements are {selector}"
        return found[0]

    def keys(self, *keys: str) -> None:
        """Press keys one after the other, wherever the focus is."""
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self.call("POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def picture(self, path: Path) -> None:
        """Write a picture of the whole page."""
        answer = self.devtools("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(answer["data"]))


@contextmanager
def chromium(program: str, folder: Path, language: str = "en") -> Iterator[Browser]:
    """Start a driver and a browser with a new profile in `folder`, and end both."""
    with subprocess.Popen([program, "--port=0"], stdout=subprocess.PIPE, text=True) as driver:
        try:
            assert driver.stdout
            said = next(line for line in driver.stdout if "started successfully on port" in line)
            address = f"http://127.0.0.1:{said.rstrip().rstrip('.').rpartition(' ')[2]}"
            options = {
                "args": [*_FLAGS, f"--user-data-dir={folder / 'profile'}", f"--lang={language}"],
                "prefs": {"intl.accept_languages": language},
            }
            wanted = {
                "goog:chromeOptions": options,
                "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
                "unhandledPromptBehavior": "ignore",
            }
            with httpx.Client(base_url=address, timeout=_PATIENCE_S, trust_env=False) as client:
                answer = client.post("/session", json={"capabilities": {"alwaysMatch": wanted}}).json()[
                    "value"
                ]
                assert "sessionId" in answer, answer
                yield Browser(client, answer["sessionId"])
                client.delete(f"/session/{answer['sessionId']}")
        finally:
            driver.terminate()
