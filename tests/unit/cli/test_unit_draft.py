"""A unit changes who is in it, typed as members type; everybody sees what he signs, and old proofs stand."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from tests.unit.app.units import free_urls, opened, served, write_logs, write_rule

from hisn.app.unit_draft import parse_draft
from hisn.app.unit_files import draft_epoch
from hisn.cli.main import run
from hisn.unit.draft import Move, Suspend

UNIT = "Joint unit"
MEMBERS = ("a.example", "b.example", "c.example")
OUTSIDE = ("x.example", "y.example")
LATER = "z.example"
A, B, C = MEMBERS
X, Y = OUTSIDE

Typed = Callable[..., tuple[int, str]]


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Typed:
    """Return a function that types a command on somebody's machine, and returns code and text."""
    monkeypatch.chdir(tmp_path)

    def type_(name: str, *words: str) -> tuple[int, str]:
        monkeypatch.setenv("HISN_HOME", str(tmp_path / name))
        capfd.readouterr()
        code = run(list(words))
        said = capfd.readouterr()
        return code, said.out + said.err

    return type_


class Ceremony:
    """Hold a founded unit, and do what its members do with a draft."""

    def __init__(self, folder: Path, typed: Typed) -> None:
        self.folder = folder
        self.typed = typed
        self.known: set[str] = set()
        self.urls = free_urls((*MEMBERS, *OUTSIDE, LATER))
        for name in (*MEMBERS, *OUTSIDE, LATER):
            self.do(name, "node", "init", "--name", name, "--side", name[0], "--unattended",
                    "--url", self.urls[name])  # fmt: skip
            options = () if name in MEMBERS else ("--as-witness",)
            self.do(name, "unit", "enrol", "--unit", UNIT, "-o", f"{name}.enrolment", *options)
        witnesses = [word for name in OUTSIDE for word in ("--witness", f"{name}.enrolment")]
        members = [f"{name}.enrolment" for name in MEMBERS]
        self.do(A, "unit", "charter", "--unit", UNIT, *members, *witnesses, "-o", "0.draft")
        self.settle("0.draft", (*MEMBERS, *OUTSIDE), (*MEMBERS, *OUTSIDE))
        self.rule = write_rule(folder)

    def do(self, name: str, *words: str, code: int = 0) -> str:
        found, text = self.typed(name, *words)
        assert found == code, text
        return text

    def settle(self, draft: str, signers: tuple[str, ...], adopters: tuple[str, ...]) -> str:
        """Let signers sign a draft, and others adopt it; return what the last signer read."""
        text = ""
        for name in signers:
            text = self.do(name, "unit", "sign", draft, "--yes")
        for name in adopters:
            self.do(name, "unit", "adopt", draft)
        return text

    @contextmanager
    def serving(self, *names: str) -> Iterator[None]:
        with ExitStack() as stack:
            stack.enter_context(served({name: self.folder / name for name in names}, self.urls))
            yield

    def seal(self, number: int, *witnesses: str) -> Path:
        """Let A seal a log, publish it, and pack the finding in it."""
        logs = write_logs(self.folder / f"logs{number}", **{f"s{number}": [f"/?marked{number}", "/"]})
        with self.serving(*witnesses):
            text = self.do(A, "guard", str(logs), "--rules", str(self.rule), "--seal")
        assert "and published." in text
        (finding,) = self.findings() - self.known
        self.known.add(finding)
        pack = self.folder / f"{number}.evpack"
        self.do(A, "evidence", "pack", finding, "-o", str(pack))
        return pack

    def findings(self) -> set[str]:
        """Return the ids of A's findings."""
        return {each["id"] for each in json.loads(self.do(A, "evidence", "list", "--json"))}


def epoch_in(text: str) -> str:
    found = re.search(r"Digest of this epoch: ([0-9a-f]{64})", text)
    assert found is not None
    return found[1]


def test_a_unit_changes_three_times_and_every_proof_of_before_stands(tmp_path: Path, typed: Typed) -> None:
    unit = Ceremony(tmp_path, typed)
    status = unit.do(A, "node", "status")
    genesis = next(line for line in status.splitlines() if line.startswith("genesis")).split()[-1]
    packs = [unit.seal(0, B, C, X, Y)]

    # Epoch 1: a witness outside is taken in, which has never heard of the unit.
    text = unit.do(B, "unit", "draft", "--witness", f"{LATER}.enrolment", "-o", "1.draft")
    assert f"Taken in as an outside witness: {LATER}, side z" in text
    assert f"Still to sign, by hisn unit sign 1.draft: {A}, {B}, {C}, {LATER}" in text
    assert f"What {A} publishes needs the cosignatures of 4 of 5 witnesses. Before: 3 of 4." in text
    unit.do(A, "unit", "sign", "1.draft", "--yes")
    assert unit.typed(A, "unit", "adopt", "1.draft")[0] == 4  # others have not signed
    text = unit.settle("1.draft", (B, C, LATER), (*MEMBERS, *OUTSIDE, LATER))
    assert "Enough have signed." in text
    packs.append(unit.seal(1, B, C, X, Y, LATER))

    # Epoch 2: A replaces the keys that sign its acts and its log, and seals while the draft goes round.
    text = unit.do(A, "unit", "draft", "--replace", "act", "--replace", "log", "--room", "4", "-o", "2.draft")
    assert f"{A} has a new act key from entry " in text
    shown = {epoch_in(unit.do(name, "unit", "show", "2.draft")) for name in (A, B, C)}
    assert len(shown) == 1
    unit.settle("2.draft", MEMBERS, ())
    packs.append(unit.seal(2, B, C, X, Y, LATER))
    unit.settle("2.draft", (), (*MEMBERS, *OUTSIDE, LATER))
    packs.append(unit.seal(3, B, C, X, Y, LATER))
    with opened(tmp_path / A) as node:
        member = node.roster.find(A)
        assert member is not None
        old, new = [key for key in member.keys if key.role == "act"]
        assert old.until == new.start
        assert new.start < node.log.head().checkpoint.size
        assert node.roster.keys_at(A, "act", new.start - 1) == node.identity.signer("act", 0).public
        assert node.roster.keys_at(A, "act", new.start) == node.identity.signer("act", 1).public

    # Epoch 3: C is suspended. Of three members all must sign, C among them.
    text = unit.do(A, "unit", "draft", "--suspend", C, "-o", "3.draft")
    assert f"Suspended: {C}." in text
    assert "The next epoch needs the signatures of 2 of 2 members. Before: 3 of 3." in text
    unit.settle("3.draft", MEMBERS, (*MEMBERS, *OUTSIDE, LATER))
    packs.append(unit.seal(4, B, X, Y, LATER))
    assert "suspended" in unit.do(B, "unit", "roster")

    for pack in packs:
        for name in (A, B, C):
            assert "VALID" in unit.do(name, "verify", str(pack), "--genesis", genesis)
    # Packed again, all of them: each act is verified by the key that counted at its place.
    assert len(unit.findings()) == len(packs)
    for finding in unit.findings():
        again = tmp_path / f"{finding}.evpack"
        unit.do(A, "evidence", "pack", finding, "-o", str(again))
        assert "epoch 3" in unit.do(B, "verify", str(again), "--genesis", genesis)


def test_a_draft_that_hides_a_second_change_shows_it(tmp_path: Path, typed: Typed) -> None:
    """The drafter says that it moves to another address; the file suspends a member, too."""
    unit = Ceremony(tmp_path, typed)
    unit.do(A, "unit", "draft", "--witness", f"{LATER}.enrolment", "-o", "1.draft")
    unit.settle("1.draft", (*MEMBERS, LATER), MEMBERS)
    unit.do(B, "unit", "draft", "--url", "https://b.example", "-o", "2.draft")
    announced = unit.do(A, "unit", "show", "2.draft")
    assert f"{B} moves from side b, address {unit.urls[B]} to side b, address https://b.example." in announced
    assert "Suspended" not in announced
    with opened(tmp_path / B) as liar:
        hidden = draft_epoch(liar, [Move(B, "b", "https://b.example"), Suspend(C)])
    (tmp_path / "2.draft").write_bytes(hidden.encode())
    code, text = unit.typed(A, "unit", "sign", "2.draft")  # and nobody is at the terminal
    assert f"Suspended: {C}." in text
    assert (code, "E1335" in text) == (2, True)
    assert epoch_in(unit.do(A, "unit", "show", "2.draft")) != epoch_in(announced)
    assert parse_draft((tmp_path / "2.draft").read_bytes()).signatures == ()


@pytest.mark.parametrize("answer", ["y", "n"])
def test_a_person_is_asked_after_the_changes_were_shown(
    tmp_path: Path, typed: Typed, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    unit = Ceremony(tmp_path, typed)
    unit.do(A, "unit", "draft", "--url", "https://a.example", "-o", "1.draft")
    monkeypatch.setattr("sys.stdin", Person(answer))
    code, text = unit.typed(A, "unit", "sign", "1.draft")
    assert text.index("moves from") < text.index("Sign all of this?")
    assert code == (0 if answer == "y" else 2)
    assert bool(parse_draft((tmp_path / "1.draft").read_bytes()).signatures) == (answer == "y")


class Person(io.StringIO):
    """Somebody at the terminal, who types one line."""

    def isatty(self) -> bool:
        return True


def test_a_change_that_gives_a_side_a_veto_is_not_drafted(tmp_path: Path, typed: Typed) -> None:
    unit = Ceremony(tmp_path, typed)
    refused = unit.do(A, "unit", "draft", "--drop", X, "-o", "1.draft", code=5)
    assert "E4300" in refused
    assert f"the side b can veto what {A} publishes" in refused
    assert not (tmp_path / "1.draft").exists()


def test_what_cannot_be_changed_is_said(tmp_path: Path, typed: Typed) -> None:
    typed(A, "node", "init", "--name", A, "--unattended")
    for words, code, said in (
        ((), 2, "E1333"),
        (("--room", "3"), 2, "E1334"),
        (("--replace", "log", "--stolen-from", "7"), 2, "E1334"),
        (("--url", "not an address"), 2, "E1309"),
        (("--suspend", "nobody.example"), 5, "E4302"),
        (("--replace", "everything"), 2, "everything"),
    ):
        found, text = typed(A, "unit", "draft", *words, "-o", "1.draft")
        assert (found, said in text) == (code, True), text
    assert not (tmp_path / "1.draft").exists()


def test_entries_that_would_become_void_stop_the_ceremony(tmp_path: Path, typed: Typed) -> None:
    """A lone office replaces its keys, and its log grows before the draft is in force."""
    typed(A, "node", "init", "--name", A, "--unattended")
    assert typed(A, "unit", "draft", "--replace", "act", "-o", "1.draft")[0] == 0
    assert typed(A, "unit", "sign", "1.draft", "--yes")[0] == 0
    assert typed(A, "node", "escrow", "--new", "escrow.secret")[0] == 0  # an entry of the log
    code, text = typed(A, "unit", "show", "1.draft")
    assert (code, "1 entry of this node's own log would be void" in text) == (0, True)
    for words in (("sign", "1.draft", "--yes"), ("adopt", "1.draft")):
        code, text = typed(A, "unit", *words)
        assert (code, "E4332" in text) == (5, True)
    assert typed(A, "unit", "adopt", "1.draft", "--void-entries")[0] == 0
    assert typed(A, "node", "fsck")[0] == 0


def test_changes_are_shown_in_arabic(tmp_path: Path, typed: Typed) -> None:
    typed(A, "node", "init", "--name", A, "--unattended")
    code, text = typed(A, "unit", "draft", "--replace", "root", "-o", "1.draft", "--lang", "ar")
    assert code == 0
    assert "\u2066root\u2069" in text
