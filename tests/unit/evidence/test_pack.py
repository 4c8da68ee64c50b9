"""The container of a proof pack has one form, and everything else is refused."""

from __future__ import annotations

import io
import subprocess
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hisn.core.canon import canonical
from hisn.core.proof_limits import MAX_PACK_BYTES, MAX_PACK_FILES
from hisn.errors import VerificationError
from hisn.evidence.disclosure import Presented
from hisn.evidence.pack import (
    Event,
    format_label,
    parse_body,
    parse_event,
    parse_label,
    parse_pack,
    write_pack,
)
from hisn.evidence.packing import format_body, format_event

FILES = {
    "pack.json": format_label(0),
    "policy": b"quorum none\n",
    "acts/0000.leaf": b"{}",
    "acts/0000.tlog-proof": b"proof",
    "VERIFY.md": b"",
}
SHOWN = Presented((b"\x01" * 32, b"\x02" * 32), {0: "YQ"})


def code_of(data: bytes) -> str:
    with pytest.raises(VerificationError) as caught:
        parse_pack(data)
    return caught.value.code


def test_a_pack_reads_back_as_it_was_written() -> None:
    assert parse_pack(write_pack(FILES)) == FILES


def test_a_pack_is_the_same_bytes_whatever_the_order_of_its_parts() -> None:
    assert write_pack(dict(reversed(FILES.items()))) == write_pack(FILES)


def test_other_programs_can_open_a_pack() -> None:
    archive = zipfile.ZipFile(io.BytesIO(write_pack(FILES)))
    assert archive.testzip() is None
    assert archive.namelist() == ["MANIFEST", *sorted(FILES)]
    assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
    assert archive.infolist()[0].date_time == (1980, 1, 1, 0, 0, 0)


@pytest.mark.needs("unzip")
def test_unzip_finds_no_fault_with_a_pack(tmp_path: Path) -> None:
    place = tmp_path / "a.evpack"
    place.write_bytes(write_pack(FILES))
    done = subprocess.run(["unzip", "-tq", place], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_manifest_is_what_sha256sum_prints() -> None:
    manifest = zipfile.ZipFile(io.BytesIO(write_pack(FILES))).read("MANIFEST").decode()
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert manifest.startswith(f"{empty}  VERIFY.md\n")


def test_every_flipped_bit_of_a_pack_is_refused() -> None:
    data = write_pack(FILES)
    for position in range(len(data)):
        for bit in range(8):
            flipped = bytearray(data)
            flipped[position] ^= 1 << bit
            assert code_of(bytes(flipped)) in ("E3360", "E3361", "E3362")


def test_every_truncated_pack_is_refused() -> None:
    data = write_pack(FILES)
    for length in range(len(data)):
        code_of(data[:length])


def test_bytes_before_or_behind_a_pack_are_refused() -> None:
    data = write_pack(FILES)
    assert code_of(b"MZ" + data) == "E3360"
    assert code_of(data + b"\n") == "E3362"
    assert code_of(data + data) == "E3362"


def rezipped(entries: list[tuple[str, bytes]], compression: int = zipfile.ZIP_STORED) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", compression) as archive:
        for name, content in entries:
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.compress_type = compression
            archive.writestr(info, content)
    return held.getvalue()


def entries_of(data: bytes) -> list[tuple[str, bytes]]:
    archive = zipfile.ZipFile(io.BytesIO(data))
    return [(name, archive.read(name)) for name in archive.namelist()]


def test_the_same_files_zipped_by_another_program_are_refused() -> None:
    entries = entries_of(write_pack(FILES))
    assert code_of(rezipped(entries)) == "E3362"
    code_of(rezipped(entries, compression=zipfile.ZIP_DEFLATED))


@pytest.mark.parametrize(
    "name",
    [
        "../outside",
        "/etc/passwd",
        "acts/../../x",
        "acts/00000.leaf",
        "acts/0001.leaf\x00",
        "acts/٠٠٠١.leaf",
        "C:\\x",
        "zzz.leaf",
        "policy\n",
        "META-INF/x",
    ],
)
def test_a_name_that_is_no_file_of_a_pack_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no files of a pack"):
        write_pack({**FILES, name: b""})
    entries = sorted([*entries_of(write_pack(FILES)), (name, b"")])
    assert code_of(rezipped(entries)) in ("E3361", "E3362")


def test_a_name_that_stands_twice_is_refused() -> None:
    entries = entries_of(write_pack(FILES))
    with pytest.warns(UserWarning, match="Duplicate"):
        data = rezipped([*entries, entries[-1]])
    assert code_of(data) == "E3361"


def test_files_in_another_order_are_refused() -> None:
    first, *others = entries_of(write_pack(FILES))
    assert code_of(rezipped([first, *reversed(others)])) == "E3361"
    assert code_of(rezipped([*others, first])) == "E3361"


def test_a_second_manifest_is_refused() -> None:
    entries = entries_of(write_pack(FILES))
    with pytest.warns(UserWarning, match="Duplicate"):
        assert code_of(rezipped([entries[0], *entries])) == "E3361"


def test_a_file_that_the_manifest_does_not_know_is_named() -> None:
    first, *others = entries_of(write_pack(FILES))
    changed = [(name, b"quorum x\n" if name == "policy" else data) for name, data in others]
    with pytest.raises(VerificationError, match="policy") as caught:
        parse_pack(rezipped([first, *changed]))
    assert caught.value.code == "E3362"


def test_a_manifest_with_more_lines_than_files_is_refused_before_it_is_cut() -> None:
    (name, manifest), *others = entries_of(write_pack(FILES))
    with pytest.raises(VerificationError, match="more lines") as caught:
        parse_pack(rezipped([(name, manifest + b"\n"), *others]))
    assert caught.value.code == "E3362"


def test_a_pack_larger_than_any_is_refused_before_it_is_read() -> None:
    assert code_of(bytes(MAX_PACK_BYTES + 1)) == "E3360"


def test_more_files_than_a_pack_may_have_are_refused() -> None:
    with pytest.raises(ValueError, match="too many"):
        write_pack(
            {f"acts/{n % 10000:04d}.leaf": b"" for n in range(10)}
            | dict.fromkeys(map(str, range(50_000)), b"")
        )
    entry = b"PK\x03\x04" + bytes(26)
    assert code_of(entry * (MAX_PACK_FILES + 2)) in ("E3360", "E3361")


@given(st.binary(max_size=400))
def test_arbitrary_bytes_raise_only_verification_errors(data: bytes) -> None:
    for parse in (parse_pack, parse_label, parse_body, parse_event):
        with pytest.raises(VerificationError):
            parse(data)


@given(st.data())
def test_a_pack_with_any_bytes_changed_raises_only_verification_errors(data: st.DataObject) -> None:
    pack = bytearray(write_pack(FILES))
    start = data.draw(st.integers(0, len(pack) - 1))
    piece = data.draw(st.binary(max_size=12))
    changed = bytes(pack[:start] + piece + pack[start + len(piece) :])
    if changed != bytes(pack):
        code_of(changed)


def test_labels_read_back() -> None:
    for finding in (0, 9_999, None):
        assert parse_label(format_label(finding)) == finding


@pytest.mark.parametrize(
    "value",
    [
        {"finding": None, "format": "hisn-evpack/1", "kind": "finding"},
        {"finding": 1, "format": "hisn-evpack/1", "kind": "fork"},
        {"finding": 1, "format": "hisn-evpack/2", "kind": "finding"},
        {"finding": True, "format": "hisn-evpack/1", "kind": "finding"},
        {"finding": 10_000, "format": "hisn-evpack/1", "kind": "finding"},
        {"finding": -1, "format": "hisn-evpack/1", "kind": "finding"},
        {"finding": 1, "format": "hisn-evpack/1", "kind": "finding", "note": ""},
        [],
    ],
)
def test_another_label_is_refused(value: object) -> None:
    with pytest.raises(VerificationError) as caught:
        parse_label(canonical(value))  # type: ignore[arg-type]
    assert caught.value.code == "E3363"


def test_events_and_bodies_read_back() -> None:
    events = (
        Event(1, 2, (b"\x03" * 32,), SHOWN),
        Event(1, 2, (), None, b"line\n", bytes(16)),
        Event(1, 2, (b"\x03" * 32,) * 2, SHOWN, b"", bytes(16)),
    )
    for event in events:
        assert parse_event(format_event(event)) == event
    assert parse_body(format_body(SHOWN)) == SHOWN


@pytest.mark.parametrize(
    "change",
    [
        {"index": -1},
        {"index": True},
        {"act": "1"},
        {"path": "00"},
        {"path": ["00"]},
        {"path": [1]},
        {"path": ["00" * 32] * 64},
        {"record": "YQ=="},
        {"raw_salt": "00" * 16},
        {"record": "YQ==", "raw_salt": "00" * 15},
        {"record": "YQ==", "raw_salt": 5},
        {"record": "YQ", "raw_salt": "00" * 16},
        {"record": 5, "raw_salt": "00" * 16},
        {"note": ""},
        {"map": None},
    ],
)
def test_an_event_in_another_form_is_refused(change: dict[str, object]) -> None:
    value = {"act": 0, "index": 0, "path": [], "map": {"digests": [], "disclosures": {}}} | change
    with pytest.raises(VerificationError):
        parse_event(canonical(value))  # type: ignore[arg-type]


def test_an_event_that_shows_nothing_is_refused() -> None:
    with pytest.raises(VerificationError):
        parse_event(b'{"act":0,"index":0,"path":[]}')
    with pytest.raises(VerificationError):
        parse_event(b"[]")
