from __future__ import annotations

import hashlib
import io
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import msgspec
import pytest

from hisn.app import rules_get
from hisn.app.rules import PROVENANCE, Provenance, load_rules
from hisn.app.rules_get import default_folder, get_rules
from hisn.errors import HisnError, InputError, StorageError, UsageError
from hisn.storage.files import Cache

RULE = b"""\
title: R
id: 929a690e-bef0-4204-a928-ef5e620d6fc1
level: low
author: A. Uthor
logsource: {product: windows}
detection:
    selection: {Image: a}
    condition: selection
"""
LICENCE = b"Detection Rule License (DRL) 1.1\n\nPermission is hereby granted ...\n"


def archive(**extra: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as target:
        target.writestr("rules/a.yml", RULE)
        target.writestr("LICENSE", LICENCE)
        for name, data in extra.items():
            target.writestr(name, data)
    return stream.getvalue()


ARCHIVE = archive()
DIGEST = hashlib.sha256(ARCHIVE).hexdigest()


class Publisher(BaseHTTPRequestHandler):
    """Answer as publishers do, and as attackers do."""

    def do_GET(self) -> None:
        match self.path:
            case "/rules.zip":
                self._answer(200, ARCHIVE)
            case "/latest":
                self._answer(302, b"", Location="/rules.zip")
            case "/out":
                self._answer(302, b"", Location="http://example.org/rules.zip")
            case "/file":
                self._answer(302, b"", Location="file:///etc/passwd")
            case "/round":
                self._answer(302, b"", Location="/round")
            case "/short":
                self._answer(200, ARCHIVE, **{"Content-Length": str(len(ARCHIVE) + 10)})
            case "/endless":
                self.send_response(200)
                self.end_headers()
                try:
                    while True:
                        self.wfile.write(bytes(100_000))
                except OSError:
                    pass
            case _:
                self._answer(404, b"no")

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture
def address() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Publisher) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def error_of(source: str, folder: Path, sha256: str | None = None) -> HisnError:
    with pytest.raises(HisnError) as caught:
        get_rules(source, folder, sha256)
    assert not folder.exists()
    assert list(folder.parent.glob(".*")) == []
    return caught.value


@pytest.mark.parametrize("path", ["/rules.zip", "/latest"])
def test_rules_come_from_an_address_with_their_digest_and_licence(
    address: str, tmp_path: Path, path: str
) -> None:
    got = get_rules(address + path, tmp_path / "out", DIGEST.upper())
    assert (got.sha256, got.files, got.licence) == (DIGEST, 2, "DRL-1.1")
    assert got.licence_text.encode() == LICENCE
    assert (tmp_path / "out" / "rules" / "a.yml").read_bytes() == RULE
    assert (tmp_path / "out" / "LICENSE").read_bytes() == LICENCE
    note = msgspec.json.decode((tmp_path / "out" / PROVENANCE).read_bytes(), type=Provenance)
    assert note == Provenance(source=address + path, sha256=DIGEST, licence="DRL-1.1", files=2)
    (rule,) = load_rules([tmp_path / "out"], Cache(None)).rules
    assert (rule.info.author, rule.info.licence) == ("A. Uthor", "DRL-1.1")


@pytest.mark.parametrize("path", ["/out", "/file"])
def test_a_redirect_out_of_https_is_not_followed(address: str, tmp_path: Path, path: str) -> None:
    error = error_of(address + path, tmp_path / "out")
    # The standard library itself refuses file:.
    assert error.code in ("E1041", "E5030")


@pytest.mark.parametrize(
    "source", ["http://example.org/a.zip", "ftp://localhost/a.zip", "file:///etc/passwd", "https+x://a"]
)
def test_only_https_is_an_address(tmp_path: Path, source: str) -> None:
    error = error_of(source, tmp_path / "out")
    assert isinstance(error, UsageError)
    assert error.code == "E1041"


@pytest.mark.parametrize("path", ["/missing", "/round"])
def test_a_failing_publisher_is_a_network_error(address: str, tmp_path: Path, path: str) -> None:
    error = error_of(address + path, tmp_path / "out")
    assert isinstance(error, StorageError)
    assert error.code == "E5030"


def test_a_transfer_cut_short_is_noticed(address: str, tmp_path: Path) -> None:
    assert error_of(address + "/short", tmp_path / "out").code in ("E5030", "E2133")


def test_an_endless_answer_ends(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules_get, "MAX_DOWNLOAD_BYTES", 1_000_000)
    assert error_of(address + "/endless", tmp_path / "out").code == "E2133"


def test_a_slow_answer_ends(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules_get, "_DEADLINE_S", -1)
    assert error_of(address + "/rules.zip", tmp_path / "out").code == "E5030"


def test_nobody_there_is_a_network_error(tmp_path: Path) -> None:
    assert error_of("https://127.0.0.1:1/a.zip", tmp_path / "out").code == "E5030"


def test_another_digest_writes_nothing(address: str, tmp_path: Path) -> None:
    error = error_of(address + "/rules.zip", tmp_path / "out", "0" * 64)
    assert isinstance(error, InputError)
    assert error.code == "E2132"
    assert DIGEST in error.message


def test_rules_come_from_a_local_archive(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(ARCHIVE)
    got = get_rules(str(tmp_path / "a.zip"), tmp_path / "deep" / "out")
    assert (got.sha256, got.files) == (DIGEST, 2)


def test_rules_come_from_a_folder_pinned_by_its_list(tmp_path: Path) -> None:
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "in" / "deep" / "a.yml").write_bytes(RULE)
    (tmp_path / "in" / "LICENSE").write_bytes(LICENCE)
    (tmp_path / "in" / "run.sh").write_bytes(b"x")
    lines = [
        f"{hashlib.sha256(data).hexdigest()}  {name}\n"
        for name, data in (("LICENSE", LICENCE), ("deep/a.yml", RULE))
    ]
    digest = hashlib.sha256("".join(lines).encode()).hexdigest()
    got = get_rules(str(tmp_path / "in"), tmp_path / "out", digest)
    assert got.sha256 == digest
    assert sorted(path.name for path in (tmp_path / "out").rglob("*") if path.is_file()) == sorted(
        ("a.yml", "LICENSE", PROVENANCE)
    )


def test_new_rules_replace_old_ones_whole(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(archive(**{"rules/old.yml": RULE}))
    get_rules(str(tmp_path / "a.zip"), tmp_path / "out")
    (tmp_path / "a.zip").write_bytes(ARCHIVE)
    get_rules(str(tmp_path / "a.zip"), tmp_path / "out")
    assert not (tmp_path / "out" / "rules" / "old.yml").exists()
    assert (tmp_path / "out" / "rules" / "a.yml").exists()
    assert list(tmp_path.glob(".*")) == []


def test_a_failed_get_leaves_the_old_rules(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(ARCHIVE)
    get_rules(str(tmp_path / "a.zip"), tmp_path / "out")
    (tmp_path / "a.zip").write_bytes(ARCHIVE[:-10])
    with pytest.raises(InputError):
        get_rules(str(tmp_path / "a.zip"), tmp_path / "out")
    assert (tmp_path / "out" / "rules" / "a.yml").read_bytes() == RULE


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(ARCHIVE)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("years of work")
    with pytest.raises(UsageError) as caught:
        get_rules(str(tmp_path / "a.zip"), tmp_path / "out")
    assert caught.value.code == "E1040"
    assert (tmp_path / "out" / "thesis.txt").exists()


def test_an_archive_without_rules_is_an_error(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as target:
        target.writestr("LICENSE", LICENCE)
    assert error_of(str(tmp_path / "a.zip"), tmp_path / "out").code == "E2130"


def test_a_path_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    assert error_of(str(tmp_path / "nowhere"), tmp_path / "out").code == "E2130"


def test_a_folder_that_cannot_be_written_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(ARCHIVE)
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageError) as caught:
        get_rules(str(tmp_path / "a.zip"), tmp_path / "file" / "out")
    assert caught.value.code == "E5020"


def test_rules_go_to_the_nodes_folder_if_nobody_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HISN_HOME", str(tmp_path))
    assert default_folder() == tmp_path / "rules" / "sigma"


def test_sigmahqs_rules_have_their_licence_where_the_archive_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = io.BytesIO()
    with zipfile.ZipFile(plain, "w") as target:
        target.writestr("rules/a.yml", RULE)
    (tmp_path / "a.zip").write_bytes(plain.getvalue())
    assert get_rules(str(tmp_path / "a.zip"), tmp_path / "one").licence == ""
    monkeypatch.setattr(rules_get, "SIGMAHQ", str(tmp_path / "a.zip"))
    assert get_rules(str(tmp_path / "a.zip"), tmp_path / "two").licence == "DRL-1.1"


@pytest.mark.parametrize("kind", ["archive", "folder"])
def test_what_is_too_large_is_not_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(rules_get, "MAX_DOWNLOAD_BYTES", 100)
    monkeypatch.setattr(rules_get, "MAX_TOTAL_BYTES", 100)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.yml").write_bytes(RULE)
    (tmp_path / "a.zip").write_bytes(ARCHIVE)
    source = tmp_path / ("a.zip" if kind == "archive" else "in")
    assert error_of(str(source), tmp_path / "out").code == "E2133"
