"""Use ``verify.html`` as a journalist would: from disk, in a real Chromium, with hostile files."""

from __future__ import annotations

import base64
import json
import shutil
import socket
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.browser.chromium import Browser, chromium
from tests.conftest import Needs
from vectors.pack_world import OFFICE, Case, World, make_batch

from hisn.app.verify_page import BROWSER, build_page
from hisn.core.canon import parse_hex32
from hisn.evidence.disclosure import Value
from hisn.evidence.pack import parse_pack
from hisn.evidence.packing import build_pack

pytestmark = pytest.mark.browser

EVPACKS = Path(__file__).resolve().parents[2] / "vectors" / "evpack"
SEEN = (
    *("good-both", "good-unwitnessed", "good-unpinned", "good-whole-records", "good-overdue"),
    *("fork-heads", "fork-acts", "bad-act-mldsa-wrong", "bad-body-swapped", "bad-genesis"),
)
TAB, SPACE = "\ue004", " "


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("dist") / "verify.html"
    path.write_bytes(build_page())
    return path


@pytest.fixture(scope="module")
def window(needs: Needs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    needs("chromium")
    with chromium(needs("chromedriver"), tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


@pytest.fixture
def browser(window: Browser, page: Path) -> Iterator[Browser]:
    window.devtools("Emulation.setEmulatedMedia", media="", features=[])
    window.open(page)
    window.log("browser")
    yield window
    assert [entry for entry in window.log("browser") if entry["level"] != "INFO"] == []


def expected(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((EVPACKS / "expected" / f"{name}.json").read_bytes())
    return loaded


def choose(browser: Browser, path: Path, genesis: str | None = None) -> None:
    if genesis:
        browser.one("#genesis").type(genesis)
    browser.one("#file").type(str(path))
    browser.one(".result")


def choose_vector(browser: Browser, name: str) -> None:
    choose(browser, EVPACKS / f"{name}.evpack", expected(name)["genesis"])


def attributes(browser: Browser, selector: str, name: str) -> list[str]:
    script = (
        "return [...document.querySelectorAll(arguments[0])].map((each) => each.getAttribute(arguments[1]))"
    )
    found: list[str] = browser.run(script, selector, name)
    return found


def result(browser: Browser) -> str:
    (found,) = attributes(browser, ".result", "data-result")
    return found


def text_of(browser: Browser, selector: str) -> str:
    return str(browser.run("return document.querySelector(arguments[0]).textContent", selector))


@pytest.mark.parametrize("name", SEEN)
def test_a_published_pack_is_found_as_it_should_be(browser: Browser, name: str) -> None:
    choose_vector(browser, name)
    wanted = expected(name)
    steps = zip(
        attributes(browser, "[data-step]", "data-step"),
        attributes(browser, "[data-step]", "data-status"),
        strict=True,
    )
    assert result(browser) == wanted["result"]
    assert [" ".join(step) for step in steps] == wanted["steps"]
    assert attributes(browser, "[data-list=proven] [data-said]", "data-said") == wanted["proven"]
    assert attributes(browser, "[data-list=open] [data-said]", "data-said") == wanted["not_proven"]
    assert attributes(browser, "[data-flag]", "data-flag") == list(wanted["flags"])
    assert browser.run("return document.activeElement.id") == "result"


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"<html><script>alert(1)</script>", b"\0" * 1000])
def test_a_file_that_is_no_pack_is_invalid(browser: Browser, tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "no.evpack"
    path.write_bytes(data)
    choose(browser, path)
    assert result(browser) == "INVALID"
    assert attributes(browser, "[data-status=failed]", "data-step") == ["container"]


def test_a_file_larger_than_any_pack_is_not_read_whole(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "bomb.evpack"
    with path.open("wb") as file:
        file.truncate(3 * 2**30)
    choose(browser, path)
    assert result(browser) == "INVALID"
    assert "E3360" in browser.one(".steps .status-failed").text


def test_one_flipped_byte_is_invalid(browser: Browser, tmp_path: Path) -> None:
    data = bytearray((EVPACKS / "good-both.evpack").read_bytes())
    data[len(data) // 2] ^= 1
    path = tmp_path / "flipped.evpack"
    path.write_bytes(data)
    choose(browser, path)
    assert result(browser) == "INVALID"
    assert text_of(browser, "[data-list=proven]").endswith("Nothing.")


def test_a_pack_of_another_unit_is_invalid(browser: Browser) -> None:
    choose(browser, EVPACKS / "good-both.evpack", "0" * 64)
    assert result(browser) == "INVALID"
    assert attributes(browser, "[data-status=failed]", "data-step") == ["genesis"]


def test_without_a_digest_the_result_is_not_green_and_says_what_is_missing(browser: Browser) -> None:
    choose(browser, EVPACKS / "good-both.evpack")
    assert "fair" in attributes(browser, ".result", "class")[0]
    assert "if this is the unit that you mean" in browser.one("#result").text
    assert str(expected("good-both")["genesis"]) in browser.one(".result .warning").text


def test_a_digest_that_is_none_shows_no_result_at_all(browser: Browser) -> None:
    choose_vector(browser, "good-both")
    browser.one("#genesis").type("x")
    browser.run("document.getElementById('genesis').dispatchEvent(new Event('change'))")
    browser.one("#genesis[aria-invalid=true]")
    assert browser.all(".result") == []
    assert "not a genesis digest" in browser.one("#genesis-wrong").text
    browser.one("#genesis").clear()
    browser.one("#genesis").type(expected("good-both")["genesis"] + TAB)
    browser.one(".result.good")


def test_a_slow_verification_does_not_overwrite_a_later_one(browser: Browser) -> None:
    drop = """
        const [slow, fast] = [...arguments].map((text) => Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0)));
        for (const [name, bytes] of [["slow.evpack", slow], ["fast.evpack", fast]]) {
          const dropped = new DataTransfer();
          dropped.items.add(new File([bytes], name));
          document.body.dispatchEvent(new DragEvent("drop", {dataTransfer: dropped, bubbles: true, cancelable: true}));
        }
    """
    slow = (EVPACKS / "good-both.evpack").read_bytes()
    browser.run(drop, base64.b64encode(slow).decode(), base64.b64encode(b"nothing").decode())
    browser.one(".result")
    time.sleep(1.5)
    assert result(browser) == "INVALID"
    assert "fast.evpack" in browser.one(".result .file").text


HOSTILE: Mapping[str, Value] = {
    "<img src=x onerror=alert(1)>": "<script>alert(1)</script>",
    "why.0": "\u202egnp.exe\u2066\x1b[2J\x00\u2028",
    "arabic": "خادم 10.0.0.5 -> 203.0.113.7",
    "lines": "a\nVALID\nb",
    "template": "{genesis} `code` {{7*7}}",
    "long": "x" * 100_000,
    "number": -(10**60),
    "list": ("a", (None, 1)),
}


def hostile_pack(folder: Path, unit: str) -> Path:
    """Write a pack whose signatures all hold, and whose author writes what he likes."""
    world = World([OFFICE], [f"w{number}.example" for number in range(1, 5)], name=unit)
    batch = make_batch(label="\u202e</bdi><b>&lt;")
    batch_act = world.batch(OFFICE, batch)
    named = ((batch_act.index, batch.root.hex(), (1, 3)),)
    finding = world.finding(OFFICE, named, body_extra=HOSTILE)
    case = Case(world, batch, batch_act, finding, world.checkpoint(OFFICE))
    path = folder / "<b>hostile\u202e.evpack"
    path.write_bytes(build_pack(case.parts(events=[batch.event(1, 1, raw=True), batch.event(1, 3)])))
    return path


def test_hostile_text_stays_text(browser: Browser, tmp_path: Path) -> None:
    path = hostile_pack(tmp_path, "Vesna\u202e<i>\u200b")
    choose(browser, path)
    assert result(browser) == "VALID"
    for language in ("en", "ar"):
        browser.one(f"[data-language={language}]").click()
        shown = text_of(browser, "#report")
        assert not {"\u202e", "\u2066", "\x1b", "\0", "\u2028", "\u200b"} & set(shown)
        assert r"\u202egnp.exe\u2066\x1b[2J\x00\u2028" in shown
        assert r"Vesna\u202e<i>\u200b" in shown
        assert r"a\nVALID\nb" in shown
        assert "{genesis} `code` {{7*7}}" in shown
        assert r"<b>hostile\u202e.evpack" in shown
        assert "… (+99000)" in shown
        made = browser.run("return [...document.querySelectorAll('#report *')].map((each) => each.localName)")
        assert set(made) <= {
            *("section", "h2", "h3", "small", "p", "ul", "ol", "li", "b", "span", "bdi", "code", "div"),
            *("dl", "dt", "dd", "table", "thead", "tbody", "tr", "th", "td", "button"),
        }
        # Every value of the attacker stands alone, left to right: nothing around it turns.
        isolated = "return [...document.querySelectorAll('dd, td')].every((each) => each.querySelector('bdi[dir=ltr]'))"
        assert browser.run(isolated)
    assert browser.run("return document.title").endswith("حِصن")


def test_arabic_mirrors_the_page_and_leaves_values_as_they_are(browser: Browser) -> None:
    choose_vector(browser, "good-both")
    values = "return [...document.querySelectorAll('#report bdi')].map((each) => each.textContent)"
    english = browser.run(values)
    browser.one("[data-language=ar]").click()
    assert browser.run("return [document.documentElement.lang, document.documentElement.dir]") == [
        "ar",
        "rtl",
    ]
    assert sorted(browser.run(values)) == sorted(english)
    assert result(browser) == "VALID"
    assert browser.one("#result").text == "صالح"
    left_of = """
        const [a, b] = [...arguments].map((each) => document.querySelector(each).getBoundingClientRect().left);
        return a < b;
    """
    assert browser.run(left_of, "[data-list=open]", "[data-list=proven]")
    assert browser.run("return getComputedStyle(document.querySelector('#genesis')).direction") == "ltr"
    browser.one("[data-language=en]").click()
    assert browser.run(left_of, "[data-list=proven]", "[data-list=open]")


def test_the_page_asks_for_nothing(browser: Browser, page: Path) -> None:
    browser.requests()
    browser.open(page)
    choose_vector(browser, "good-both")
    assert browser.requests() == [page.as_uri()]


@pytest.mark.parametrize(
    ("attempt", "directive"),
    [
        ("fetch(HOST).catch(() => {})", "connect-src"),
        ("new WebSocket(HOST.replace('http', 'ws'))", "connect-src"),
        ("navigator.sendBeacon(HOST, 'x')", "connect-src"),
        ("document.body.append(Object.assign(new Image(), {src: HOST}))", "img-src"),
        (
            "const form = document.createElement('form'); form.action = HOST; document.body.append(form); form.submit()",
            "form-action",
        ),
    ],
)
def test_the_policy_stops_whatever_would_open_a_connection(
    window: Browser, page: Path, attempt: str, directive: str
) -> None:
    window.open(page)
    with socket.create_server(("127.0.0.1", 0)) as server:
        host = f"http://127.0.0.1:{server.getsockname()[1]}/"
        window.run(LISTEN)
        window.run(attempt.replace("HOST", f"'{host}'"))
        until = time.monotonic() + 10
        while not (stopped := window.run("return window.stopped")):
            assert time.monotonic() < until, "nothing was stopped"
        assert set(stopped) == {directive}
        assert received(server) == b""


def received(server: socket.socket) -> bytes:
    """Return what a server was sent; a browser may connect ahead of a request that is stopped then."""
    server.settimeout(0.3)
    try:
        connection, _ = server.accept()
    except TimeoutError:
        return b""
    with connection:
        connection.settimeout(0.3)
        try:
            return connection.recv(1000)
        except TimeoutError:
            return b""


LISTEN = """
    window.stopped = [];
    addEventListener('securitypolicyviolation', (event) => stopped.push(event.effectiveDirective));
"""


@pytest.mark.parametrize(
    "attempt",
    [
        "document.body.innerHTML = '<b>x</b>'",
        "document.body.append(Object.assign(document.createElement('script'), {text: 'window.ran = true'}))",
        "window.ran = eval('1')",
        "window.ran = new Function('return 1')()",
    ],
)
def test_the_policy_stops_a_text_that_would_become_code(window: Browser, page: Path, attempt: str) -> None:
    window.open(page)
    # Later, out of reach of the driver, which may do what a page may not.
    window.run(
        f"setTimeout(() => {{ try {{ {attempt}; window.said = 'ran' }} catch (error) {{ window.said = error.name }} }})"
    )
    until = time.monotonic() + 10
    while not (said := window.run("return window.said ?? null")):
        assert time.monotonic() < until
    assert said in ("TypeError", "EvalError")
    assert window.run("return window.ran ?? null") is None


def test_everything_is_reached_by_the_keyboard(browser: Browser) -> None:
    reached = []
    for _ in range(4):
        browser.keys(TAB)
        focused = "const at = document.activeElement; return at.id || at.dataset.language"
        reached.append(browser.run(focused))
    assert reached == ["en", "ar", "file", "genesis"]
    browser.run("document.activeElement.blur()")
    browser.run("document.querySelector('[data-language=en]').focus()")
    browser.keys(TAB, SPACE)
    assert browser.run("return document.documentElement.lang") == "ar"


def test_a_screen_reader_finds_names_headings_and_states(browser: Browser) -> None:
    choose_vector(browser, "bad-act-mldsa-wrong")
    nodes = browser.devtools("Accessibility.getFullAXTree")["nodes"]
    found = [
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in nodes
        if not node["ignored"]
    ]
    assert ("textbox", "Genesis digest of the unit (optional)") in found
    assert ("heading", "INVALID") in found
    assert ("region", "INVALID") in found
    headings = "return [...document.querySelectorAll('h1, h2, h3')].map((each) => `${each.localName} ${each.textContent}`)"
    assert browser.run(headings) == [
        *("h1 Verify a proof pack", "h2 INVALID", "h2 Steps", "h2 Proven", "h2 Not proven"),
    ]
    controls = [name for role, name in found if role in ("button", "textbox")]
    assert all(controls)
    assert any("Choose a file" in name for name in controls)
    failed = browser.one(".steps .status-failed").text
    assert "fails" in failed


CONTRAST = """
    const channel = (value) => (value /= 255, value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    const light = (colour) => {
      const [r, g, b] = colour.match(/[\\d.]+/g).map(Number).map(channel);
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = (element) => {
      for (; element; element = element.parentElement) {
        const colour = getComputedStyle(element).backgroundColor;
        if (colour !== 'rgba(0, 0, 0, 0)') return colour;
      }
      return 'rgb(255, 255, 255)';
    };
    const bad = [];
    for (const element of document.querySelectorAll('body *')) {
      if (![...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim())) continue;
      if (!element.checkVisibility()) continue;
      const [a, b] = [light(getComputedStyle(element).color), light(behind(element))];
      const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      if (ratio < 4.5) bad.push(`${element.localName}.${element.className} ${ratio.toFixed(2)}`);
    }
    return [...new Set(bad)];
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["good-both", "good-unpinned", "bad-act-mldsa-wrong"])
def test_every_text_can_be_read_in_both_schemes(browser: Browser, name: str, scheme: str) -> None:
    browser.devtools(
        "Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}]
    )
    choose_vector(browser, name)
    browser.one("#genesis").type("x" + TAB)
    assert browser.run(CONTRAST) == []


def test_in_print_the_report_stands_alone(browser: Browser) -> None:
    choose_vector(browser, "good-both")
    browser.devtools("Emulation.setEmulatedMedia", media="print")
    visible = "return [...arguments].filter((each) => document.querySelector(each).checkVisibility())"
    assert browser.run(visible, "form", ".languages", "button.print", ".result", ".steps", "dl") == [
        *(".result", ".steps", "dl"),
    ]


def test_nothing_runs_off_a_narrow_screen(browser: Browser) -> None:
    browser.devtools(
        "Emulation.setDeviceMetricsOverride", width=360, height=740, deviceScaleFactor=1, mobile=True
    )
    try:
        choose_vector(browser, "good-both")
        for language in ("en", "ar"):
            browser.one(f"[data-language={language}]").click()
            assert browser.run("return document.documentElement.scrollWidth") <= 360
    finally:
        browser.devtools("Emulation.clearDeviceMetricsOverride")


def older(script: str, browser: Browser, page: Path) -> None:
    """Open the page in a browser that lacks something."""
    added = browser.devtools("Page.addScriptToEvaluateOnNewDocument", source=script)
    try:
        browser.open(page)
    finally:
        browser.devtools("Page.removeScriptToEvaluateOnNewDocument", identifier=added["identifier"])


NO_ED25519 = """
    const real = SubtleCrypto.prototype.importKey;
    SubtleCrypto.prototype.importKey = function (format, key, algorithm, ...rest) {
      if (algorithm.name === 'Ed25519') return Promise.reject(new DOMException('no', 'NotSupportedError'));
      return real.call(this, format, key, algorithm, ...rest);
    };
"""


@pytest.mark.parametrize("name", ["good-both", "fork-heads", "good-unwitnessed"])
def test_a_browser_without_ed25519_never_says_valid(browser: Browser, page: Path, name: str) -> None:
    older(NO_ED25519, browser, page)
    choose_vector(browser, name)
    assert result(browser) == "ML-DSA-44 ONLY"
    assert "fair" in attributes(browser, ".result", "class")[0]
    assert {"roster", "checkpoints"} <= set(attributes(browser, "[data-status=partial]", "data-step"))
    assert attributes(browser, "[data-list=open] [data-said]", "data-said")[-1] == "algorithm-unchecked"
    assert "ed25519" in text_of(browser, "[data-list=open] li:last-child")


def test_a_browser_without_ed25519_still_refuses(browser: Browser, page: Path) -> None:
    older(NO_ED25519, browser, page)
    choose_vector(browser, "bad-act-mldsa-wrong")
    assert result(browser) == "INVALID"


def test_a_browser_without_webcrypto_checks_nothing_and_says_so(browser: Browser, page: Path) -> None:
    older("Object.defineProperty(Crypto.prototype, 'subtle', {value: undefined})", browser, page)
    choose_vector(browser, "good-both")
    assert result(browser) == "NOT CHECKED"
    assert attributes(browser, "[data-list=proven] [data-said]", "data-said") == []


def test_without_ml_dsa_the_result_reads_ed25519_only(window: Browser, tmp_path: Path) -> None:
    shutil.copytree(BROWSER, tmp_path / "browser")
    module = tmp_path / "browser" / "mldsa44.mjs"
    module.write_text("export const verifyMldsa44 = () => false;\n", "utf-8")
    path = tmp_path / "verify.html"
    path.write_bytes(build_page(tmp_path / "browser"))
    window.open(path)
    choose_vector(window, "good-both")
    assert result(window) == "ED25519 ONLY"
    assert "ml-dsa-44" in text_of(window, "[data-list=open] li:last-child")


def test_a_bug_of_ours_leaves_nothing_that_looks_like_a_result(window: Browser, tmp_path: Path) -> None:
    shutil.copytree(BROWSER, tmp_path / "browser")
    module = tmp_path / "browser" / "sealed.mjs"
    module.write_text(
        module.read_text("utf-8").replace(
            "export async function openEvent(",
            "export async function openEvent(event) { event.none.none(); }\nasync function unused(",
        ),
        "utf-8",
    )
    path = tmp_path / "verify.html"
    path.write_bytes(build_page(tmp_path / "browser"))
    window.open(path)
    window.one("#file").type(str(EVPACKS / "good-both.evpack"))
    until = time.monotonic() + 30
    while "failed while it checked" not in window.one("#status").text:
        assert time.monotonic() < until
    assert window.all(".result") == []


def test_an_arab_browser_begins_in_arabic(needs: Needs, page: Path, tmp_path: Path) -> None:
    with chromium(needs("chromedriver"), tmp_path, "ar") as browser:
        browser.open(page)
        assert browser.run("return document.documentElement.dir") == "rtl"
        assert browser.one("h1").text == "التحقق من حزمة إثبات"


def test_the_samples_here_are_what_they_say() -> None:
    assert parse_hex32(str(expected("good-both")["genesis"]))
    assert "pack.json" in parse_pack((EVPACKS / "good-both.evpack").read_bytes())
