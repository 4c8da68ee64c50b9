"""The container of a recheck is written whole or not at all, and read without belief."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given

from hisn.app import evdata
from hisn.app.evdata import EvData, open_evdata, write_evdata
from hisn.core.limits import MiB
from hisn.errors import StorageError, VerificationError

KEY = {b"c" * 32: b"k" * 32}
FILE = b"f" * 32


def sample(path: Path, size: int = 3_000) -> Path:
    parts = [b"x" * size, b"tail"]
    write_evdata(path, b"the pack", KEY, [(FILE, iter(parts)), (b"e" * 32, iter(()))])
    return path


def test_what_was_written_is_read(tmp_path: Path) -> None:
    with open_evdata(sample(tmp_path / "f.evdata", 3 * MiB)) as data:
        assert data.pack() == b"the pack"
        assert data.keys() == KEY
        parts = data.parts(FILE)
        assert parts is not None
        pieces = list(parts)
        assert b"".join(pieces) == b"x" * 3 * MiB + b"tail"
        assert max(map(len, pieces)) <= MiB
        assert list(data.parts(b"e" * 32) or ["?"]) == []
        assert data.parts(b"0" * 32) is None


def test_the_same_content_is_the_same_file(tmp_path: Path) -> None:
    assert sample(tmp_path / "a").read_bytes() == sample(tmp_path / "b").read_bytes()


def test_a_file_that_breaks_off_while_it_is_written_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "f.evdata"
    path.write_bytes(b"the old one")

    def lost() -> object:
        yield b"half"
        raise StorageError("E5341", "gone")

    with pytest.raises(StorageError):
        write_evdata(path, b"", {}, [(FILE, lost())])  # type: ignore[list-item]
    assert path.read_bytes() == b"the old one"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(StorageError) as caught:
        sample(tmp_path / "no" / "f.evdata")
    assert caught.value.code == "E5343"
    with pytest.raises(StorageError) as caught, open_evdata(tmp_path / "no"):
        raise AssertionError("it is not there")
    assert caught.value.code == "E5343"


def test_a_disk_that_fails_while_it_is_read_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(StorageError) as caught, open_evdata(sample(tmp_path / "f.evdata")):
        raise OSError(5, "input/output error")
    assert caught.value.code == "E5343"


def zip_of(*entries: tuple[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return stream.getvalue()


def refused(data: bytes) -> str:
    with pytest.raises(VerificationError) as caught:
        EvData(io.BytesIO(data))
    assert caught.value.code == "E3383"
    return caught.value.message


GOOD = (("f.evpack", b""), ("keys.json", b"{}"))


def test_a_compressed_entry_is_refused_because_it_could_be_a_bomb() -> None:
    assert "compressed" in refused(
        zip_of(*GOOD, ("raw/" + "00" * 32, bytes(100)), method=zipfile.ZIP_DEFLATED)
    )


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_entries_of_one_name_are_refused() -> None:
    assert "no place" in refused(zip_of(*GOOD, *GOOD))


@pytest.mark.parametrize("name", ["../../etc/passwd", "raw/short", "raw/" + "A" * 64, "x", "raw/" + "0" * 65])
def test_an_entry_of_another_name_is_refused(name: str) -> None:
    assert "no place" in refused(zip_of(*GOOD, (name, b"")))


def test_too_many_entries_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evdata, "MAX_PACK_NUMBER", 2)
    many = [(f"raw/{number:064x}", b"") for number in range(3)]
    assert "no place" in refused(zip_of(*GOOD, *many))


@pytest.mark.parametrize("data", [b"", b"PK\x05\x06" + bytes(18), b"hello", zip_of(GOOD[0]), zip_of(GOOD[1])])
def test_what_is_no_such_file_is_refused(data: bytes) -> None:
    refused(data)


def test_a_file_that_was_cut_off_is_refused() -> None:
    whole = zip_of(*GOOD, ("raw/" + "00" * 32, bytes(100)))
    assert "midst" in refused(whole[: whole.index(b"PK\x01\x02") - 10])


def test_a_size_in_another_form_is_refused(tmp_path: Path) -> None:
    whole = bytearray(sample(tmp_path / "f").read_bytes())
    at = whole.index(b"raw/") + len("raw/") + 64
    assert whole[at : at + 4] == b"\x01\x00\x10\x00"
    whole[at] = 9
    assert "another form" in refused(bytes(whole))


def test_a_pack_larger_than_any_is_not_read_into_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evdata, "MAX_PACK_BYTES", 3)
    data = EvData(io.BytesIO(zip_of(("f.evpack", b"long"), ("keys.json", b"{}"))))
    with pytest.raises(VerificationError) as caught:
        data.pack()
    assert caught.value.code == "E3383"


@pytest.mark.parametrize("keys", [b"[]", b'{"00":"00"}', b"{ }", b'{"a":1}', b"\xff"])
def test_keys_of_another_form_are_refused(keys: bytes) -> None:
    data = EvData(io.BytesIO(zip_of(GOOD[0], ("keys.json", keys))))
    with pytest.raises(VerificationError):
        data.keys()


def test_a_file_that_shrinks_while_it_is_read_ends_in_an_error(tmp_path: Path) -> None:
    path = sample(tmp_path / "f.evdata", 2 * MiB)
    with open_evdata(path) as data:
        parts = data.parts(FILE)
        assert parts is not None
        next(parts)
        path.write_bytes(b"")
        with pytest.raises(VerificationError):
            list(parts)


def read_all(data: bytes) -> None:
    found = EvData(io.BytesIO(data))
    found.pack()
    found.keys()
    for part in found.parts(FILE) or ():
        assert part


@given(st.binary(max_size=300))
def test_any_bytes_raise_nothing_but_a_verification_error(data: bytes) -> None:
    try:
        read_all(data)
    except VerificationError:
        return


@given(at=st.integers(0, 700), bit=st.integers(0, 7), cut=st.booleans())
def test_a_changed_file_raises_nothing_but_a_verification_error(at: int, bit: int, *, cut: bool) -> None:
    whole = bytearray(zip_of(("f.evpack", b"p" * 50), ("keys.json", b"{}"), ("raw/" + FILE.hex(), b"r" * 99)))
    at %= len(whole)
    whole[at] ^= 1 << bit
    try:
        read_all(bytes(whole[:at] if cut else whole))
    except VerificationError:
        return
