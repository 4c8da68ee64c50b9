"""The look-up table says what the log says, whatever happened to it: it may be thrown away."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.app.units import alone, opened

from hisn.acts.envelope import parse_envelope
from hisn.acts.statement import Ref, parse_statement
from hisn.app.fold import Appended, Fold
from hisn.app.home import Node
from hisn.app.member import Draft
from hisn.app.places import blob_name
from hisn.storage.projection import Projection
from hisn.tlog.merkle import leaf_hash

BATCH = Draft(
    kind="batch",
    public={
        **dict.fromkeys(("source", "root", "ciphertext", "raw", "key", "mapping"), "11" * 32),
        "part": 7,
        "ordinal": 0,
        "prev": "",
        "mode": "fields",
        "parser": "hisn",
        "count": 3,
        "unparsed": 0,
        "first": None,
        "last": None,
    },
    sealed={"source": "a.log"},
)
OBSERVATION = Draft(kind="observation", public={"what": "seen", "digest": "22" * 32})


def finding(name: str) -> Draft:
    return Draft(kind="finding", sealed={"id": name, "title": "A marked path"})


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    with alone(tmp_path) as made:
        yield made


def rows_of(table: Projection) -> list[tuple[object, ...]]:
    tables = ("acts", "batches", "findings", "folded")
    query = "SELECT * FROM {} ORDER BY 1, 2"
    return [row for name in tables for row in table._database.execute(query.format(name))]


def made_anew(node: Node, folder: Path) -> list[tuple[object, ...]]:
    """Return what a table that is folded from the log alone holds."""
    table = Projection(folder / "fresh.db")
    Fold(table, node.blobs).catch_up(node.log)
    rows = rows_of(table)
    table.close()
    (folder / "fresh.db").unlink()
    return rows


def test_what_is_folded_while_appending_is_what_the_log_says(node: Node, tmp_path: Path) -> None:
    found = node.member.record([BATCH, finding("f-1"), OBSERVATION])
    node.member.record(
        [Draft(kind="recheck", public={"outcome": "same"}, sealed={"engine": "1"}, in_reply_to=found[1])]
    )
    table = node.member.fold.table
    assert rows_of(table) == made_anew(node, tmp_path)
    assert table.findings("f-") == [("f-1", 2)]
    assert table.intake_positions(bytes.fromhex("11" * 32)) == [1]
    assert table.replies(node.config.origin, 2) == [4]
    assert table.counts() == {"batch": 1, "charter": 1, "finding": 1, "observation": 1, "recheck": 1}


def test_a_deleted_table_is_made_again(node: Node, tmp_path: Path) -> None:
    node.member.record([finding("f-1"), finding("f-2")])
    before = rows_of(node.member.fold.table)
    node.close()
    for path in (tmp_path / "state").glob("projection.db*"):
        path.unlink()
    with opened(tmp_path) as again:
        again.member.fold.catch_up(again.log)
        assert rows_of(again.member.fold.table) == before


@pytest.mark.parametrize("other_size", [1, 9])
def test_the_table_of_another_log_is_made_again(tmp_path: Path, other_size: int) -> None:
    """Somebody restored the state folder of another node, or an older one."""
    with alone(tmp_path / "mine") as mine, alone(tmp_path / "theirs", "other.example") as theirs:
        mine.member.record([finding("f-1")])
        theirs.member.record([finding(f"f-other-{number}") for number in range(other_size)])
    for path in (tmp_path / "mine" / "state").glob("projection.db*"):
        path.unlink()
    (tmp_path / "theirs" / "state" / "projection.db").replace(tmp_path / "mine" / "state" / "projection.db")
    with opened(tmp_path / "mine") as again:
        again.member.fold.catch_up(again.log)
        assert again.member.fold.table.findings("f-") == [("f-1", 1)]
        assert rows_of(again.member.fold.table) == made_anew(again, tmp_path)


def test_another_process_that_folds_meanwhile_costs_nothing(node: Node, tmp_path: Path) -> None:
    """It has folded what it appended before we looked at the table: that is no other log."""
    with opened(tmp_path) as other:
        other.member.fold.catch_up(other.log)
        table, folded = node.member.fold.table, node.member.fold.table.folded
        cleared: list[bool] = []

        def overtaken() -> tuple[int, bytes]:
            state = folded()
            if not cleared:
                other.member.record([finding("f-2")])
                cleared.append(False)
            return state

        table.folded = overtaken  # type: ignore[method-assign]
        table.clear = lambda: cleared.append(True)  # type: ignore[method-assign]
        assert node.member.fold.catch_up(node.log)[0] == 2
        assert cleared == [False]


def test_a_table_that_was_cleared_meanwhile_is_folded_later(node: Node, tmp_path: Path) -> None:
    node.member.record([finding("f-1")])
    leaf = node.log.read_entry(1)
    node.member.fold.table.clear()
    act = parse_statement(parse_envelope(leaf).payload)
    node.member.fold.add(1, [Appended(act, leaf_hash(leaf), "f-1")])
    assert node.member.fold.table.folded()[0] == 0
    node.member.fold.catch_up(node.log)
    assert rows_of(node.member.fold.table) == made_anew(node, tmp_path)


def test_a_log_longer_than_one_run_is_folded_whole(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node.member.record([finding(f"f-{number}") for number in range(7)])
    monkeypatch.setattr("hisn.app.fold._RUN", 3)
    assert made_anew(node, tmp_path) == rows_of(node.member.fold.table)


def test_an_entry_of_another_program_has_a_place_and_nothing_else(node: Node, tmp_path: Path) -> None:
    node.log.append([b"no act at all"])
    node.member.fold.catch_up(node.log)
    assert node.member.fold.table.counts() == {"charter": 1, "unknown": 1}
    assert rows_of(node.member.fold.table) == made_anew(node, tmp_path)


@pytest.mark.parametrize("body", [None, b"[]", b'["not base64!"]'])
def test_a_finding_whose_body_is_gone_or_damaged_keeps_its_place(
    node: Node, tmp_path: Path, body: bytes | None
) -> None:
    node.member.record([finding("f-1")])
    ((_, _, digest),) = [row for row in node.member.fold.table.bodies() if row[1] == "finding"]
    path = tmp_path / blob_name(digest)
    path.unlink()
    if body is not None:
        path.write_bytes(body)
    node.member.fold.table.clear()
    node.member.fold.catch_up(node.log)
    assert node.member.fold.table.positions("finding") == [1]
    assert node.member.fold.table.findings("f-") == []


def test_a_finding_without_an_id_is_not_looked_up_by_one(node: Node) -> None:
    (place,) = node.member.record([Draft(kind="finding", sealed={"id": 7})])
    assert isinstance(place, Ref)
    assert node.member.fold.table.findings("") == []
    assert node.member.fold.table.positions("finding") == [1]
