"""The files of a pack are exactly those that its kind needs."""

from __future__ import annotations

from functools import cache

import pytest
from vectors.pack_world import Case, plain_case, quiet_office

from hisn.errors import VerificationError
from hisn.evidence.pack import format_label, parse_pack
from hisn.evidence.packing import build_pack
from hisn.tlog.path import leaf_hash
from hisn.verify.parts import FindingParts, ForkParts, read_parts


@cache
def case() -> Case:
    return plain_case(quiet_office())


def files() -> dict[str, bytes]:
    return parse_pack(build_pack(case().parts(timestamps={1: b"token"})))


def refusal(changed: dict[str, bytes]) -> str:
    with pytest.raises(VerificationError) as caught:
        read_parts(changed)
    return caught.value.message


def test_the_parts_of_a_finding_are_sorted() -> None:
    founding, parts = read_parts(files())
    assert isinstance(parts, FindingParts)
    assert founding.genesis == case().world.charter.document
    assert [entry.leaf for entry in parts.acts] == [case().finding.leaf, case().batch_act.leaf]
    assert (set(parts.bodies), parts.timestamps, len(parts.events)) == ({0, 1}, {1: b"token"}, 2)


@pytest.mark.parametrize(
    "name", ["pack.json", "charter/genesis.json", "policy", "VERIFY.md", "acts/0000.tlog-proof"]
)
def test_a_missing_file_is_named(name: str) -> None:
    left = files()
    del left[name]
    assert name in refusal(left)


@pytest.mark.parametrize(
    "name",
    [
        "bodies/0002.json",
        "timestamps/0002.tsr",
        "events/0009.json",
        "heads/0001.checkpoint",
        "fork/b.leaf",
        "roster/0002.dsse",
    ],
)
def test_a_file_without_a_place_is_named(name: str) -> None:
    assert name in refusal({**files(), name: b"{}"})


def test_a_pack_about_an_act_that_is_not_there_is_refused() -> None:
    assert "act 2" in refusal({**files(), "pack.json": format_label(2)})


def fork_files(*names: str) -> dict[str, bytes]:
    given = files()
    kept = {name: given[name] for name in ("charter/genesis.json", "policy", "VERIFY.md", "roster/0000.dsse")}
    sides = {
        "checkpoint": case().checkpoint,
        "leaf": given["acts/0000.leaf"],
        "leaf-hash": leaf_hash(given["acts/0000.leaf"]),
        "tlog-proof": given["acts/0000.tlog-proof"],
    }
    shown = {f"fork/{name}": sides[name.partition(".")[2]] for name in names}
    return kept | shown | {"pack.json": format_label(None)}


def test_a_fork_has_two_sides_of_one_sort() -> None:
    for names in (("a.checkpoint", "b.checkpoint"), ("a.leaf", "a.tlog-proof", "b.leaf", "b.tlog-proof")):
        _, parts = read_parts(fork_files(*names))
        assert isinstance(parts, ForkParts)
        assert len(parts.entries) == (2 if "a.leaf" in names else 0)


def test_a_withheld_entry_of_a_fork_has_its_hash_in_its_place() -> None:
    _, parts = read_parts(fork_files("a.leaf-hash", "a.tlog-proof", "b.leaf", "b.tlog-proof"))
    assert isinstance(parts, ForkParts)
    first, second = parts.entries
    assert first.leaf == b""
    assert first.leaf_hash == second.leaf_hash == leaf_hash(second.leaf)


@pytest.mark.parametrize(
    "names",
    [
        (),
        ("a.checkpoint",),
        ("b.checkpoint",),
        ("a.checkpoint", "b.leaf", "b.tlog-proof"),
        ("a.leaf", "b.leaf", "b.tlog-proof"),
        ("a.checkpoint", "b.checkpoint", "a.leaf"),
        ("a.leaf", "a.leaf-hash", "a.tlog-proof", "b.leaf", "b.tlog-proof"),
        ("a.leaf-hash", "b.leaf", "b.tlog-proof"),
    ],
)
def test_a_fork_with_another_set_of_files_is_refused(names: tuple[str, ...]) -> None:
    refusal(fork_files(*names))
