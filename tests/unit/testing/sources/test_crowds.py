from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from hisn.testing.calendar import EVENING, MINUTE_US, VESNA_2026, local
from hisn.testing.county import VESNA
from hisn.testing.dice import Dice
from hisn.testing.sources.crowds import Crowd, news_link, polling_app, refreshing, with_crowds
from hisn.testing.sources.portal import background
from hisn.testing.stream import Record, Stage

START = local("2026-11-03 18:00")


def stage() -> Stage:
    return Stage(VESNA, VESNA_2026, EVENING, Dice(1, "crowd"))


def played(crowd: Crowd, count: int = 4_000) -> list[Record]:
    return list(crowd(stage(), count))


@pytest.mark.parametrize(
    "crowd",
    [
        news_link(START, 50, "/polling-place", "https://herald.example/live"),
        news_link(START, 50, "/summary.pdf", "-", loads_assets=False),
        refreshing(START, 120, 30),
        polling_app(EVENING, START, 30),
    ],
    ids=["news", "document", "publishing", "app"],
)
def test_a_crowd_has_about_the_size_asked_for(crowd: Crowd) -> None:
    records = played(crowd)
    assert 0.9 < len(records) / 4_000 < 1.1
    assert not any(record.attack for record in records)


def test_readers_of_the_news_come_from_there_and_load_what_belongs_to_the_page() -> None:
    records = played(news_link(START, 50, "/polling-place", "https://herald.example/live"))
    pages = [record for record in records if "GET /polling-place" in record.text]
    assert all("herald.example" in record.text for record in pages)
    assert sum("/static/" in record.text for record in records) > len(pages)


def test_a_document_that_is_passed_on_is_asked_for_alone() -> None:
    records = played(news_link(START, 50, "/summary.pdf", "-", loads_assets=False))
    assert all("GET /summary.pdf" in record.text for record in records)


def test_people_come_back_when_results_are_published() -> None:
    busy = Counter((record.time - START) // MINUTE_US % 30 for record in played(refreshing(START, 120, 30)))
    assert sum(busy[minute] for minute in range(6)) > 0.95 * busy.total()


def test_an_application_asks_more_after_a_push_but_not_only_then() -> None:
    records = played(polling_app(EVENING, START, 30))
    during = sum(START <= record.time < START + 30 * MINUTE_US for record in records)
    assert 0.5 * len(records) < during < 0.9 * len(records)


def test_crowds_come_on_top_of_the_ordinary() -> None:
    def nobody(_stage: Stage, _count: int) -> Iterator[Record]:
        return iter(())

    assert list(with_crowds((50, nobody))(stage(), 500)) == list(background(stage(), 500))
