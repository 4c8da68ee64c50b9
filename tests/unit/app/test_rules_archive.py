from __future__ import annotations

import io
import stat
import struct
import zipfile

import pytest

from hisn.app import rules_archive
from hisn.app.rules_archive import read_archive
from hisn.core import limits
from hisn.errors import InputError


def archive(*members: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as target:
        for name, data in members:
            # Without a date of its own a member has that of the test run, and two workers see two sets.
            target.writestr(zipfile.ZipInfo(name) if isinstance(name, str) else name, data)
    return stream.getvalue()


def refusal(data: bytes) -> str:
    with pytest.raises(InputError) as caught:
        read_archive(data, "x.zip")
    assert caught.value.code == "E2133"
    assert caught.value.unchanged
    return caught.value.message


def test_rules_and_licences_are_taken_and_nothing_else() -> None:
    data = archive(
        ("rules/a.yml", b"a"), ("rules/b.yaml", b"b"), ("LICENSE", b"l"), ("rules/", b""), ("run.sh", b"x"),
        ("rules/.git/c.yml", b"c"), ("README.md", b"r"),
    )  # fmt: skip
    assert read_archive(data, "x.zip") == {"rules/a.yml": b"a", "rules/b.yaml": b"b", "LICENSE": b"l"}


@pytest.mark.parametrize(
    "name",
    [
        "../a.yml",
        "a/../../b.yml",
        "/etc/a.yml",
        "..\\a.yml",
        "C:/a.yml",
        "a.yml:stream.yml",
        "a\x1b[2J.yml",
        "..",
    ],
)
def test_a_member_that_leaves_its_folder_spoils_the_archive(name: str) -> None:
    """Zip Slip: an archive of rules writes where the operator's programs are."""
    assert "outside its folder" in refusal(archive(("good.yml", b"a"), (name, b"x")))


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO])
def test_links_and_devices_spoil_the_archive(kind: int) -> None:
    info = zipfile.ZipInfo("a.yml")
    info.external_attr = (kind | 0o644) << 16
    assert "link or device" in refusal(archive((info, b"/etc/passwd")))


@pytest.mark.parametrize("second", ["a.yml", "A.YML".replace("YML", "yml")])
def test_two_members_of_one_name_spoil_the_archive(second: str) -> None:
    """Which of them a tool shows and which it writes differs from tool to tool."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as target:
        target.writestr("a.yml", b"shown")
        if second == "a.yml":
            with pytest.warns(UserWarning, match="Duplicate name"):
                target.writestr(second, b"written")
        else:
            target.writestr(second, b"written")
    assert "two members" in refusal(stream.getvalue())


def test_an_encrypted_member_spoils_the_archive() -> None:
    data = bytearray(archive(("a.yml", b"a")))
    place = data.rindex(b"PK\x01\x02")
    struct.pack_into("<H", data, place + 8, 1)
    assert "encrypted" in refusal(bytes(data))


def test_a_bomb_is_not_unpacked() -> None:
    assert "too large" in refusal(archive(("a.yml", bytes(limits.MAX_RULE_BYTES + 1))))


def test_many_small_bombs_are_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules_archive, "MAX_TOTAL_BYTES", 1_000)
    assert "too large" in refusal(archive(*((f"{number}.yml", bytes(100)) for number in range(11))))


def test_a_flood_of_members_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_ARCHIVE_MEMBERS", 10)
    assert "more than 10" in refusal(archive(*((f"{number}.txt", b"") for number in range(11))))


@pytest.mark.parametrize("data", [b"", b"PK", b"not a zip", archive(("a.yml", b"a" * 1_000))[:-30]])
def test_a_damaged_archive_is_an_error(data: bytes) -> None:
    assert "not a ZIP archive" in refusal(data)


def test_a_damaged_member_is_an_error() -> None:
    data = bytearray(archive(("a.yml", bytes(range(256)) * 4)))
    data[60] ^= 0xFF
    assert "not a ZIP archive" in refusal(bytes(data))
