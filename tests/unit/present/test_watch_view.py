from __future__ import annotations

import json

import msgspec
from tests.unit.app.watch.test_outbox import change

from hisn.findings.follow import Change
from hisn.present.i18n import use_language
from hisn.present.watch_view import Status, change_json, change_text, status_text

AT_US = 1_793_750_400_000_000
HOSTILE = "\x1b[2J\u202eevil"


def status(**more: object) -> Status:
    values: dict[str, object] = {
        "now_us": AT_US,
        "attacked": (change("a").finding,),
        "silent": ("b.log",),
        "rate": 4_321.4,
        "lag_us": 1_260_000,
        "records": 12_345,
        "cycles": 9,
        "open_findings": 1,
        "dropped": 0,
        "waiting": 0,
    }
    return Status(**values | more)  # type: ignore[arg-type]


def test_a_change_is_one_line_of_json() -> None:
    line = change_json(AT_US, Change(change("a").finding, "f-1", 2, "grown", ("f-0",)))
    assert line.endswith(b"}\n")
    assert line.count(b"\n") == 1
    document = json.loads(line)
    assert (document["schema"], document["at"]) == ("hisn.change.v1", "2026-11-04T00:00:00.000000Z")
    assert (document["thread"], document["revision"], document["formerly"]) == ("f-1", 2, ["f-0"])
    assert document["finding"]["schema"] == "hisn.finding.v1"


def test_a_change_is_one_line_for_people() -> None:
    assert change_text(AT_US, change("a")).startswith(
        "2026-11-04 00:00:00 UTC  HIGH  new: Rule 0. Seen 1 time"
    )


def test_a_hostile_name_moves_no_cursor() -> None:
    finding = msgspec.structs.replace(change("a").finding, title=HOSTILE, asset=HOSTILE)
    hostile = Change(finding, "a", 1, "opened")
    texts = [
        change_text(AT_US, hostile),
        change_json(AT_US, hostile).decode(),
        status_text(status(attacked=(finding,), silent=(HOSTILE,)), width=200, height=40),
    ]
    for text in texts:
        assert "\x1b" not in text
        assert "\u202e" not in text


def test_the_view_says_what_is_attacked_what_is_silent_how_fast_and_how_late() -> None:
    text = status_text(status(dropped=7, waiting=3), width=200, height=40)
    for part in ("4,321 records/s", "1.3 s behind", "1 open finding", "Rule 0", "Silent: b.log", "7", "3"):
        assert part in text


def test_the_view_fits_the_terminal() -> None:
    many = tuple(change(str(number)).finding for number in range(50))
    text = status_text(status(attacked=many, open_findings=50), width=60, height=12)
    assert text.count("\n") <= 12
    assert max(map(len, text.split("\n"))) <= 60


def test_nothing_attacked_is_said_carefully() -> None:
    text = status_text(status(attacked=(), open_findings=0, silent=()), width=80, height=24)
    assert "Nothing is attacked that the rules know of." in text
    assert "Silent" not in text


def test_it_is_shown_in_arabic_too() -> None:
    use_language("ar")
    assert status_text(status(), width=200, height=24)
