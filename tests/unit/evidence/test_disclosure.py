"""A sealed map shows what it is asked to, proves what is absent, and has one form."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from tests.unit.evidence import forge

from hisn.core.proof_limits import MAX_SLOTS
from hisn.errors import VerificationError
from hisn.evidence import disclosure
from hisn.evidence.disclosure import (
    Presented,
    Value,
    check_record,
    digest_of,
    disclosure_text,
    event_leaf,
    open_leaf,
    parse_disclosure,
    parse_presented,
    raw_value,
    slot_count,
    whole_leaf,
)
from hisn.evidence.sealed_map import (
    present,
    presented_json,
    seal_map,
)

FIELDS: dict[str, Value] = {"b": 1, "a": ("x", None, -5, ("deep",)), "é": "ü€😀", "": None, "z": 10**63}
SALTS = bytes(at % 256 for at in range(16 * slot_count(len(FIELDS))))
SEALED = seal_map(FIELDS, SALTS)


def refused(code: str, *arguments: object, call: object = open_leaf) -> None:
    with pytest.raises(VerificationError) as caught:
        call(*arguments)  # type: ignore[operator]
    assert caught.value.code == code


@pytest.mark.corpus
def test_the_example_of_rfc_9901_has_the_digest_that_it_says(corpus: Path) -> None:
    example = json.loads((corpus / "tlog" / "vectors.json").read_bytes())["rfc9901_disclosure"]
    assert forge.b64url(digest_of(example["disclosure"])) == example["digest"]


@pytest.mark.corpus
def test_a_disclosure_of_rfc_9901_in_another_form_than_ours_is_refused(corpus: Path) -> None:
    # Its array is written with spaces, and its salt is no 16 bytes: our texts have one form.
    example = json.loads((corpus / "tlog" / "vectors.json").read_bytes())["rfc9901_disclosure"]
    refused("E3102", example["disclosure"], call=parse_disclosure)


def test_slots_are_a_multiple_of_eight() -> None:
    assert [slot_count(fields) for fields in (0, 6, 7, 8, 15, 16)] == [8, 8, 8, 16, 16, 24]


def test_what_is_shown_opens_and_what_is_not_is_named_hidden() -> None:
    opened = open_leaf(present(SEALED, ["é", "a"]))
    assert opened.leaf == SEALED.leaf
    assert opened.names == ("", "a", "b", "z", "é")
    assert opened.values == {"a": ("x", None, -5, ("deep",)), "é": "ü€😀"}
    assert opened.hidden == ("", "b", "z")
    assert opened.value("é") == "ü€😀"


def test_a_value_that_is_hidden_or_not_there_is_not_given() -> None:
    opened = open_leaf(present(SEALED, []))
    refused("E3343", "b", call=opened.value)
    refused("E3343", "c", call=opened.value)


def test_a_hidden_field_of_null_differs_from_one_that_is_not_there() -> None:
    assert open_leaf(present(SEALED, [""])).values == {"": None}


def test_a_record_is_committed_to_with_its_length_and_salt() -> None:
    digest = hashlib.sha256(b"s" * 16 + b"abc").digest()
    assert raw_value(b"s" * 16, b"abc") == f"3 {digest.hex()}"
    assert whole_leaf(b"s" * 16, b"abc") == b"whl/1\n" + digest
    opened = open_leaf(present(seal_map({"_raw": raw_value(b"s" * 16, b"abc")}, bytes(range(128))), ["_raw"]))
    check_record(opened, b"s" * 16, b"abc")
    # A byte may not move from the salt to the record.
    refused("E3341", opened, b"s" * 15, b"sabc", call=check_record)
    refused("E3341", opened, b"s" * 16, b"abd", call=check_record)


def test_a_presented_map_is_read_as_it_was_written() -> None:
    presented = present(SEALED, ["b"])
    assert parse_presented(presented_json(presented)) == presented


GOOD = presented_json(present(SEALED, []))


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ([], "E3340"),
        ({}, "E3340"),
        ({**GOOD, "more": 1}, "E3340"),
        ({**GOOD, "digests": {}}, "E3340"),
        ({**GOOD, "digests": [1]}, "E3340"),
        ({**GOOD, "digests": ["AB" * 32]}, "E3103"),
        ({**GOOD, "digests": ["ab" * 31]}, "E3103"),
        ({**GOOD, "digests": ["ab" * 32] * (MAX_SLOTS + 1)}, "E3340"),
        ({**GOOD, "disclosures": []}, "E3340"),
        ({**GOOD, "disclosures": {"0": 1}}, "E3340"),
        ({**GOOD, "disclosures": {"00": "AA"}}, "E3340"),
        ({**GOOD, "disclosures": {"+0": "AA"}}, "E3340"),
        ({**GOOD, "disclosures": {"٠": "AA"}}, "E3340"),
        ({**GOOD, "disclosures": {"100000": "AA"}}, "E3340"),
    ],
)
def test_another_json_is_no_presented_map(value: object, code: str) -> None:
    refused(code, value, call=parse_presented)


def test_a_text_longer_than_any_reader_takes_is_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disclosure, "MAX_DISCLOSURE_CHARS", 100)
    refused("E3342", disclosure_text(bytes(16), "a", "v" * 100), call=parse_disclosure)


def test_digests_of_the_wrong_length_are_no_slots() -> None:
    good = present(SEALED, [])
    for cut in (good.digests[0][:31], good.digests[0] + b"\0"):
        refused("E3340", Presented((cut, *good.digests[1:]), good.disclosures))


def test_the_leaf_is_the_digests_in_slot_order() -> None:
    assert event_leaf([b"a" * 32, b"b" * 32]) == b"evt/1\n" + b"a" * 32 + b"b" * 32
