"""Passphrase, key, escrow and recovery, typed by an operator who is afraid of losing everything."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.app.units import (
    MEMBERS,
    found,
    free_urls,
    opened,
    request_of,
    seal,
    served,
    write_logs,
    write_rule,
)

from hisn.app.home import NewNode, init_node, open_node
from hisn.app.member import Draft
from hisn.app.publish import publish
from hisn.app.replicate import replicate_all
from hisn.cli.main import run
from hisn.evidence.escrow import parse_escrow_secret
from hisn.node.published import Haste

Typed = Callable[..., tuple[int, str]]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a node that has sealed one file."""
    monkeypatch.setenv("HISN_HOME", str(tmp_path / "home"))
    with init_node(tmp_path / "home", NewNode(origin="vesna.example", side="county", unit="Vesna")) as node:
        seal(node, request_of(write_rule(tmp_path), write_logs(tmp_path / "logs", a=["/?marked"])))
    return tmp_path / "home"


@pytest.fixture
def typed(capfd: pytest.CaptureFixture[str]) -> Typed:
    def type_(*words: str) -> tuple[int, str]:
        capfd.readouterr()
        code = run(["node", *words])
        said = capfd.readouterr()
        return code, said.out + said.err

    return type_


@pytest.fixture
def passphrases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Return a function that sets the old and the new passphrase."""

    def set_(old: str, new: str) -> None:
        for name, text in (("HISN_PASSPHRASE_FILE", old), ("HISN_NEW_PASSPHRASE_FILE", new)):
            (tmp_path / name).write_text(text + "\n")
            monkeypatch.setenv(name, str(tmp_path / name))

    return set_


def test_a_node_is_locked_opened_and_locked_by_another_passphrase(
    home: Path, typed: Typed, passphrases: Callable[[str, str], None]
) -> None:
    assert typed("passphrase")[0] == 2  # nobody can be asked
    passphrases("", "first horse")
    code, text = typed("passphrase")
    assert (code, "locked" in text) == (0, True)
    passphrases("first horse", "second horse")
    assert typed("passphrase")[0] == 0
    assert typed("passphrase")[0] == 3
    passphrases("second horse", "")
    code, text = typed("passphrase", "--unattended")
    assert (code, "open" in text) == (0, True)
    opened(home).close()


@pytest.mark.usefixtures("home")
def test_a_locked_node_rotates_under_its_passphrase(
    home: Path, typed: Typed, passphrases: Callable[[str, str], None]
) -> None:
    passphrases("", "correct horse")
    typed("passphrase")
    passphrases("correct horse", "")
    code, text = typed("rotate")
    assert code == 0
    assert f"{home}/keys" in text
    with open_node(home, lambda: "correct horse") as node:
        assert len(node.key_events("rotate")) == 1
    assert typed("fsck")[0] == 0


def test_an_escrow_key_is_made_and_brings_the_evidence_back(home: Path, tmp_path: Path, typed: Typed) -> None:
    assert "--new FILE" in typed("escrow")[1]
    path = tmp_path / "escrow.secret"
    code, text = typed("escrow", "--new", str(path))
    assert code == 0
    public = re.search(r"hisn-escrow1\S+", text)
    assert public is not None
    assert str(parse_escrow_secret(path.read_text()).public) == public[0]
    assert "1 sealed file got a copy." in text
    assert path.read_text().strip() not in text
    assert typed("escrow", "--new", str(path))[0] == 2
    assert "0 sealed files got copies." in typed("escrow")[1]
    assert typed("recover", "--escrow-secret", str(path), "--unattended")[0] == 2  # nothing is lost
    (home / "keys" / "node.key").unlink()
    code, text = typed("status")
    assert (code, "--escrow-secret" in text) == (6, True)
    code, text = typed("recover", "--escrow-secret", str(path), "--unattended")
    assert code == 0
    assert "1 sealed file opens again." in text
    assert "signing keys stay lost" in text
    assert typed("status")[0] == 4
    assert "The signing keys are lost" in typed("doctor")[1]
    assert typed("fsck")[0] == 0


def test_escrow_keys_of_others_are_added_by_their_text(home: Path, tmp_path: Path, typed: Typed) -> None:
    from hisn.evidence.escrow import EscrowSecret

    keys = [str(EscrowSecret(bytes([number]) * 32).public) for number in (1, 2)]
    assert typed("escrow", *keys)[0] == 0
    with opened(home) as node:
        assert node.config.escrow == tuple(keys)
    code, text = typed("escrow", keys[0][:-1])
    assert (code, "E2300" in text) == (3, True)


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [(None, 6, "E5322"), (b"no key", 3, "E2300"), (b"\xff\x00", 3, "E2300")],
)
def test_a_file_that_is_no_escrow_secret_is_said_so(
    *, home: Path, tmp_path: Path, typed: Typed, content: bytes | None, code: int, said: str
) -> None:
    if content is not None:
        (tmp_path / "escrow.secret").write_bytes(content)
    (home / "keys" / "node.key").unlink()
    found_code, text = typed("recover", "--escrow-secret", str(tmp_path / "escrow.secret"), "--unattended")
    assert (found_code, said in text) == (code, True)
    assert not (home / "keys" / "node.key").exists()


@pytest.mark.usefixtures("home")
def test_a_sound_node_has_nothing_to_recover(typed: Typed) -> None:
    code, text = typed("recover")
    assert (code, "Nothing was lost" in text) == (0, True)


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("text", ["north.example", "=https://x.example", "north.example=ftp://x", ""])
def test_an_address_that_is_none_is_a_usage_error(typed: Typed, text: str) -> None:
    code, said = typed("recover", "--from", text)
    assert (code, "E1308" in said) == (2, True)


@pytest.fixture
def unit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[dict[str, Path], dict[str, str]]:
    urls = free_urls()
    roots = found(tmp_path / "unit", urls)
    monkeypatch.setenv("HISN_HOME", str(roots[MEMBERS[0]]))
    return roots, urls


def test_a_restored_old_backup_refuses_to_sign_and_recovers(
    unit: tuple[dict[str, Path], dict[str, str]], tmp_path: Path, typed: Typed
) -> None:
    roots, urls = unit
    east = roots[MEMBERS[0]]
    others = {name: root for name, root in roots.items() if root != east}
    shutil.copytree(east, tmp_path / "backup")
    with served(others, urls):
        with opened(east) as node:
            node.member.record([Draft(kind="observation", public={"what": "new", "digest": "00" * 32})])
            assert publish(node, Haste(whole_s=5, grace_s=5)).is_published
            replicate_all(node)
        shutil.rmtree(east)
        shutil.copytree(tmp_path / "backup", east)
        rule, logs = write_rule(tmp_path), write_logs(tmp_path / "logs", a=["/?marked"])
        assert run(["guard", str(logs), "--rules", str(rule), "--seal", "-q"]) == 6
        code, text = typed("status")
        assert (code, "hisn node recover" in typed("doctor")[1]) == (4, True)
        code, text = typed("recover", "--lang", "ar")
        assert (code, "hisn node publish" in text) == (0, True)
        assert typed("status")[0] == 0
        assert typed("publish")[0] == 0
        assert run(["guard", str(logs), "--rules", str(rule), "--seal", "-q"]) in (0, 3)
    code, text = typed("recover")
    assert (code, "E5338" in text) == (6, True)


def test_what_is_not_cosigned_until_it_is_learnt_is_said(
    unit: tuple[dict[str, Path], dict[str, str]], typed: Typed
) -> None:
    roots, urls = unit
    away = MEMBERS[1]
    with served({name: root for name, root in roots.items() if name not in (MEMBERS[0], away)}, urls):
        code, text = typed("recover", "--without", away)
        assert (code, f"--accept {away}" in text) == (5, True)
        code, text = typed("doctor")
        assert (code, f"cosigned of {away}" in text) == (5, True)
        assert typed("recover", "--without", away, "--accept", away)[0] == 0
    assert "cosigned of" not in typed("doctor")[1]
