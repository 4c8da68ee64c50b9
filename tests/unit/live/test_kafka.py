from __future__ import annotations

import sys

import pytest

from hisn.errors import InputError, StorageError
from hisn.live.kafka import KafkaFeed, KafkaSource, line_of

NOWHERE = KafkaSource(brokers="127.0.0.1:1", topics=("a",))


@pytest.mark.parametrize(
    ("value", "line"),
    [
        (b"text\r\n", b"text\n"),
        (b"two\nlines", b"two#012lines\n"),
        (b'{\n  "a": "b\\nc"\r\n}', b'{   "a": "b\\nc" }\n'),
        (b" [1,\n2]", b" [1, 2]\n"),
        ("text", b"text\n"),
        (b"\0\n", b""),
        (None, b""),
    ],
)
def test_a_message_is_one_line_and_no_more(value: bytes | str | None, line: bytes) -> None:
    assert line_of(value) == line


def test_a_broker_that_is_not_there_holds_nobody_up() -> None:
    feed = KafkaFeed("bus", NOWHERE)
    feed.resume({"a/0": [5, 10, 2, 1]}, 0)
    assert feed.poll(100, 0) == []
    assert feed.position() == {"a/0": [5, 10, 2, 1]}
    feed.close()


@pytest.mark.parametrize("settings", [{"no.such": "setting"}, {"security.protocol": "telepathy"}])
def test_settings_that_the_client_does_not_know_are_said(settings: dict[str, str]) -> None:
    feed = KafkaFeed("bus", KafkaSource(brokers="127.0.0.1:1", topics=("a",), settings=settings))
    with pytest.raises(InputError, match="refuses its settings"):
        feed.resume(None, 0)


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    with pytest.raises(InputError) as caught:
        KafkaFeed("bus", NOWHERE).resume(None, 0)
    assert "hisn[kafka]" in caught.value.hint


@pytest.mark.parametrize(
    "position", [{"a": [1, 2, 3, 4]}, {"a/0": [1]}, {"a/x": [1, 2, 3, 4]}, {"a/0": None}]
)
def test_a_broken_position_is_refused(position: dict[str, object]) -> None:
    with pytest.raises(StorageError):
        KafkaFeed("bus", NOWHERE).resume(position, 0)  # type: ignore[arg-type]
