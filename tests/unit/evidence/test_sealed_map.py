from __future__ import annotations

import pytest
from tests.unit.evidence import forge

from hisn.core.canon import canonical
from hisn.errors import VerificationError
from hisn.evidence.disclosure import (
    Value,
    open_leaf,
    slot_count,
)
from hisn.evidence.sealed_map import (
    check_absent,
    format_map,
    parse_map,
    present,
    seal_map,
    sealed_name,
    source_name,
)

FIELDS: dict[str, Value] = {"b": 1, "a": ("x", None, -5, ("deep",)), "é": "ü€😀", "": None, "z": 10**63}
SALTS = bytes(at % 256 for at in range(16 * slot_count(len(FIELDS))))
SEALED = seal_map(FIELDS, SALTS)


def refused(code: str, *arguments: object, call: object = open_leaf) -> None:
    with pytest.raises(VerificationError) as caught:
        call(*arguments)  # type: ignore[operator]
    assert caught.value.code == code


def test_a_map_is_sealed_as_the_format_describes() -> None:
    slots = forge.slots_of({name: list(v) if isinstance(v, tuple) else v for name, v in FIELDS.items()})
    texts = [
        forge.text(forge.b64url(SALTS[16 * at : 16 * at + 16]), name, value)
        for at, (name, value) in enumerate(slots)
    ]
    assert list(SEALED.disclosures) == texts
    assert SEALED.leaf == b"evt/1\n" + b"".join(map(forge.digest, texts))
    assert len(texts) == 8


def test_a_map_of_nothing_can_be_sealed() -> None:
    opened = open_leaf(present(seal_map({}, bytes(range(128))), []))
    assert (opened.names, opened.hidden, opened.values) == ((), (), {})


@pytest.mark.parametrize(
    "fields", [{"_names": 1}, {"_pad": 1}, {"a": True}, {"a": 1.5}, {"a": {"b": 1}}, {"a": [1]}]
)
def test_what_cannot_be_sealed_is_a_slip_of_the_caller(fields: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"reserved|no value"):
        seal_map(fields, bytes(128))  # type: ignore[arg-type]


def test_salts_that_do_not_suffice_are_a_slip_of_the_caller() -> None:
    for size in (0, 127, 129, 256):
        with pytest.raises(ValueError, match="one salt for each slot"):
            seal_map({"a": 1}, bytes(size))


def test_a_field_that_is_not_there_cannot_be_shown() -> None:
    with pytest.raises(ValueError, match="not in tuple"):
        present(SEALED, ["nothing"])


def test_a_source_s_names_never_pass_for_ours() -> None:
    names = [
        "a",
        "_",
        "_raw",
        "__raw",
        "_record",
        "_time",
        "_names",
        "_pad",
        "___pad",
        "_path",
        "raw",
        "_rawx",
        "",
    ]
    sealed = [sealed_name(name) for name in names]
    assert not {"_raw", "_record", "_time", "_names", "_pad"} & set(sealed)
    assert [source_name(name) for name in sealed] == names
    assert source_name("_raw") is None
    assert sealed_name("_path") == "_path"


def test_a_whole_map_is_read_as_it_was_written() -> None:
    sealed, opened = parse_map(format_map(SEALED))
    assert sealed == SEALED
    assert opened.values == FIELDS
    assert opened.hidden == ()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"{}", "E3340"),
        (b"[1]", "E3340"),
        (b'["a"] ', "E3340"),
        (b"[]", "E3340"),
        ('["é"]'.encode(), "E3342"),
        (b'["AA"]', "E3100"),
        (b"[[]]", "E3100"),
        (b"\xff", "E3100"),
        (format_map(SEALED)[:-2] + b"]", "E3100"),
    ],
)
def test_other_files_are_no_sealed_map(data: bytes, code: str) -> None:
    refused(code, data, call=parse_map)


def test_a_map_with_a_slot_missing_is_no_map() -> None:
    refused("E3340", canonical(list(SEALED.disclosures[:-1])), call=parse_map)


def test_a_field_that_is_not_there_is_provably_absent() -> None:
    opened = open_leaf(present(SEALED, []))
    check_absent(opened, "c")
    refused("E3343", opened, "b", call=check_absent)
