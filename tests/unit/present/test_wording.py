from __future__ import annotations

import pytest
from tests.unit.present.samples import correlated, language, report, whole

from hisn.findings.join import MANY_ASSETS
from hisn.present import wording
from hisn.present.tech import TERMINAL


@pytest.mark.parametrize(
    ("given", "said"), [(999, "999 B"), (1_000, "1.0 kB"), (512_300_000, "512.3 MB"), (5 * 10**12, "5.0 TB")]
)
def test_sizes_are_decimal(given: int, said: str) -> None:
    assert wording.size(given) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (59, "59 s"),
        (61, "1 min 1 s"),
        (7_260, "2 h 1 min"),
        (90_000, "1 d 1 h"),
        (864_000_000, "10,000 d 0 h"),
    ],
)
def test_lengths_of_time_have_two_units(seconds: int, said: str) -> None:
    assert wording.duration(TERMINAL, seconds) == said


def test_a_span_on_one_day_names_it_once() -> None:
    first, last = "2026-11-03T18:20:00.000000Z", "2026-11-03T19:20:00.000000Z"
    assert wording.span(TERMINAL, first, last) == "2026-11-03 18:20:00 to 19:20:00 UTC"
    assert wording.span(TERMINAL, first, first) == "2026-11-03 18:20:00 UTC"
    assert wording.span(TERMINAL, None, None) == "time unknown"


def test_assets_without_a_name_have_words() -> None:
    assert wording.asset_name(TERMINAL, "") == "an unnamed asset"
    assert wording.asset_name(TERMINAL, MANY_ASSETS) == "many assets"


def test_a_long_list_of_records_says_how_many_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wording, "_RECORDS", 1)
    (place,) = wording.places(TERMINAL, report().findings[0])
    assert place.endswith("records 17 and 1 more")


def test_a_correlation_says_where_each_of_its_rules_hit() -> None:
    rules = [f"00000000-0000-4000-8000-{at:012d}" for at in range(2)]
    numbers = "records 17, 18, 19, 20, 21, 22, 23, 24"
    said = list(wording.places(TERMINAL, correlated("x").findings[0]))
    assert said == [f"x.evtx, {numbers} and 12 more ({rule})" for rule in rules]
    (said_alone,) = wording.places(TERMINAL, correlated("x", 1, is_complete=False).findings[0])
    assert said_alone == f"x.evtx, {numbers} and more"
    many = list(wording.places(TERMINAL, correlated("x", 9).findings[0]))
    assert many[-1] == "and 3 more places: --json lists them"
    assert len(many) == 7


def test_an_error_code_stays_a_code() -> None:
    with language("ar"):
        said = wording.reason(TERMINAL, "E2003: no source was found")
    assert said == "\u2066E2003\u2069: لم يوجد أي مصدر"


def test_why_a_run_is_incomplete_is_the_same_as_in_the_ledger() -> None:
    made = report()
    assert len(list(wording.incomplete_reasons(made.coverage))) == len(made.coverage.incomplete_reasons)
    assert list(wording.incomplete_reasons(whole().coverage)) == []


def test_nothing_found_counts_only_sources_read_whole() -> None:
    said = wording.nothing_found(TERMINAL, report(has_findings=False).coverage, "high")
    assert said.startswith("no findings at or above high in 0 of 3 sources, to 2026-11-04")
