from __future__ import annotations

import json
from collections.abc import Mapping

from hisn.events.batch import Chunk
from hisn.events.open import read_bytes
from hisn.events.sequences import Break, sequences_of
from hisn.events.tasks import Task


def chunk(*rows: Mapping[str, object]) -> Chunk:
    data = b"".join(json.dumps({"time": "2026-11-03T18:20:00Z"} | dict(row)).encode() + b"\n" for row in rows)
    (found,) = read_bytes(Task("", "tabulators", first_record=1), data)
    assert isinstance(found, Chunk)
    return found


def test_numbers_of_each_device_are_followed_by_themselves() -> None:
    rows: tuple[dict[str, object], ...] = (
        {"DeviceId": "a", "Sequence": 7},
        {"DeviceId": "b", "Sequence": "1"},
        {"DeviceId": "a", "Sequence": 8},
    )
    one, other = sequences_of(chunk(*rows))
    assert (one.device, one.first, one.first_record, one.last, one.breaks) == ("a", 7, 1, 8, ())
    assert (other.device, other.first, other.last) == ("b", 1, 1)


def test_a_missing_number_and_one_that_goes_back_are_breaks() -> None:
    (found,) = sequences_of(chunk(*({"sequence": number} for number in (1, 2, 5, 1))))
    assert found.breaks == (Break(3, 3, 5), Break(4, 6, 1))


def test_what_is_no_number_and_what_has_none_is_passed_over() -> None:
    assert sequences_of(chunk({"n": 1})) == ()
    assert sequences_of(chunk({"sequence": "x"}, {"sequence": "9" * 30}, {"sequence": None})) == ()


def test_breaks_of_a_hostile_device_are_bounded() -> None:
    (found,) = sequences_of(chunk(*({"sequence": number} for number in range(0, 2_000, 2))))
    assert len(found.breaks) == 100
    assert found.last == 1_998
    many = sequences_of(chunk(*({"sequence": 1, "device_id": f"d{number}"} for number in range(2_000))))
    assert len(many) == 1_000
