"""What was folded out of the log can be looked up, thrown away and made again."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from hisn.errors import StorageError
from hisn.storage.projection import ActRow, Projection, Wanted

SOURCE = b"s" * 32
INTAKE = b"k" * 32


def hash_of(position: int) -> bytes:
    return bytes([position]) * 32


KINDS = ("batch", "finding", "key-event", "observation")
ROWS = (
    ActRow(0, "charter", hash_of(0)),
    ActRow(1, "batch", hash_of(1), b"b" * 32, source=SOURCE, part=0, ordinal=0, intake=INTAKE),
    ActRow(2, "batch", hash_of(2), b"c" * 32, source=SOURCE, part=0, ordinal=1, intake=INTAKE),
    ActRow(3, "batch", hash_of(3), b"d" * 32, source=SOURCE, part=9, ordinal=0, intake=b"o" * 32),
    ActRow(4, "finding", hash_of(4), b"e" * 32, finding="f-00aa"),
    ActRow(5, "finding", hash_of(5), b"f" * 32, finding="f-00ab"),
    ActRow(6, "finding", hash_of(6), b"g" * 32, finding="f-00aa"),
    ActRow(7, "recheck", hash_of(7), reply=("other.example", 4)),
)


@pytest.fixture
def projection(tmp_path: Path) -> Projection:
    made = Projection(tmp_path / "projection.db")
    made.add(ROWS[:3])
    made.add(ROWS[3:])
    made.add(())
    return made


def test_what_was_folded_is_found_again_after_a_restart(projection: Projection, tmp_path: Path) -> None:
    projection.close()
    again = Projection(tmp_path / "projection.db")
    assert again.folded() == (8, hash_of(7))
    assert (again.with_body(b"f" * 32), again.with_body(b"?" * 32)) == ([5], [])
    assert again.positions("batch") == [1, 2, 3]
    assert [(place, kind) for place, kind, _body in again.bodies()] == [
        (1, "batch"), (2, "batch"), (3, "batch"), (4, "finding"), (5, "finding"), (6, "finding"),
    ]  # fmt: skip
    assert again.counts() == {"batch": 3, "charter": 1, "finding": 3, "recheck": 1}


def test_batches_under_one_key_are_found(projection: Projection) -> None:
    assert projection.intake_positions(INTAKE) == [1, 2]
    assert projection.intake_positions(b"n" * 32) == []


def test_the_batches_of_a_source_are_found_in_the_order_of_its_records(projection: Projection) -> None:
    projection.add([ActRow(8, "batch", hash_of(8), source=SOURCE, part=9, ordinal=1, intake=INTAKE)])
    projection.add([ActRow(9, "batch", hash_of(9), source=SOURCE, part=9, ordinal=0, intake=INTAKE)])
    projection.add([ActRow(10, "batch", hash_of(10), source=b"t" * 32, intake=INTAKE)])
    assert projection.neighbours(2) == [1, 2, 9, 8]
    assert projection.neighbours(10) == [10]
    assert projection.neighbours(4) == []


def test_acts_that_another_process_has_folded_are_passed_over(projection: Projection) -> None:
    projection.add(ROWS[5:])
    projection.add([*ROWS[7:], ActRow(8, "batch", hash_of(8))])
    assert projection.folded() == (9, hash_of(8))
    assert projection.counts()["finding"] == 3


def test_a_finding_logged_twice_is_found_at_its_newest_place(projection: Projection) -> None:
    assert projection.findings("f-00") == [("f-00aa", 6), ("f-00ab", 5)]
    assert projection.findings("f-00ab") == [("f-00ab", 5)]


@pytest.mark.parametrize("prefix", ["%", "_-00aa", "f-00a_", "\\"])
def test_patterns_in_an_id_are_text(projection: Projection, prefix: str) -> None:
    assert projection.findings(prefix) == []


def test_answers_to_an_act_are_found(projection: Projection) -> None:
    assert projection.replies("other.example", 4) == [7]
    assert projection.replies("other.example", 5) == []


def test_a_hole_in_what_is_folded_is_refused(projection: Projection) -> None:
    with pytest.raises(StorageError) as caught:
        projection.add([ActRow(9, "batch", hash_of(9))])
    assert caught.value.code == "E5032"
    assert projection.folded() == (8, hash_of(7))


def test_it_can_be_thrown_away(projection: Projection) -> None:
    projection.clear()
    assert projection.folded() == (0, b"")
    projection.add(ROWS)
    assert projection.findings("f-00ab") == [("f-00ab", 5)]


def test_a_damaged_file_says_that_it_can_be_made_again(tmp_path: Path) -> None:
    path = tmp_path / "projection.db"
    path.write_bytes(b"no database " * 1000)
    with pytest.raises(StorageError) as caught:
        Projection(path)
    assert caught.value.code == "E5031"
    assert "made again" in caught.value.hint


def test_of_each_log_the_newest_cited_state_is_kept(projection: Projection) -> None:
    cited = [("b.example", 5, b"5"), ("a.example", 2, b"2"), ("b.example", 4, b"4"), ("b.example", 5, b"?")]
    projection.add([ActRow(8 + at, "batch", hash_of(8), cited=(each,)) for at, each in enumerate(cited)])
    projection.add([ActRow(12, "batch", hash_of(12), cited=(("a.example", 1, b"1"), ("c.example", 0, b"0")))])
    assert projection.cited() == {"a.example": (2, b"2"), "b.example": (5, b"5"), "c.example": (0, b"0")}
    projection.clear()
    assert projection.cited() == {}


def test_a_table_of_an_older_version_is_made_again(tmp_path: Path) -> None:
    """It lacks what is folded now, and would be asked for it."""
    path = tmp_path / "projection.db"
    with sqlite3.connect(path) as old:
        old.executescript("CREATE TABLE folded (only INTEGER PRIMARY KEY, size INTEGER, last_leaf BLOB);")
        old.execute("INSERT INTO folded VALUES (0, 7, x'00')")
    old.close()
    made, again = Projection(path), Projection(path)
    assert made.folded() == again.folded() == (0, b"")
    made.add(ROWS)
    assert again.folded() == (8, hash_of(7))


MANY = [
    ActRow(
        at,
        KINDS[at % len(KINDS)],
        hash_of(at % 251),
        hash_of(at % 256) if at % 3 else None,
        reply=("other.example", at // 2) if at % 7 == 0 else None,
        source=SOURCE if KINDS[at % len(KINDS)] == "batch" else None,
        part=at,
        ordinal=at,
        intake=INTAKE if KINDS[at % len(KINDS)] == "batch" else b"",
        finding=f"f-{at:04x}" if KINDS[at % len(KINDS)] == "finding" else None,
        cited=(("south.example", at + 1, hash_of(at % 251)), ("east.example", at // 9 + 1, hash_of(7))),
        wanted="sealed" if at % 3 else None,
    )
    for at in range(200)
]


def everything(table: Projection) -> dict[str, object]:
    """Ask every question there is."""
    return {
        "folded": table.folded(),
        "findings": table.findings("f-"),
        "replies": table.replies("other.example", 7),
        "intake": table.intake_positions(INTAKE),
        "positions": {kind: table.positions(kind) for kind in KINDS},
        "bodies": list(table.bodies()),
        "with": table.with_body(hash_of(11)),
        "cited": table.cited(),
        "counts": table.counts(),
        "wanted": table.wanted(1, 0, 1_000),
        "missing": table.missing(),
    }


@pytest.mark.parametrize("how", ["flip", "zero", "page", "cut"])
def test_damage_anywhere_is_told_and_is_never_a_crash(tmp_path: Path, how: str) -> None:
    """At each of many places; a page of zeros is what a lost write leaves, a short file a lost end."""
    path = tmp_path / "sound.db"
    made = Projection(path)
    made.add(MANY)
    sound = everything(made)
    made.close()
    data = path.read_bytes()
    told = 0
    for at in range(0, len(data), 4_096 if how in ("page", "cut") else 409):
        damaged = bytearray(data)
        match how:
            case "flip":
                damaged[at] ^= 0xFF
            case "zero":
                damaged[at : at + 16] = bytes(16)
            case "page":
                damaged[at : at + 4_096] = bytes(4_096)
            case _:
                del damaged[at:]
        broken = tmp_path / f"{at}.db"
        broken.write_bytes(damaged)
        told += not answers_or_says_so(broken, sound)
        for left in tmp_path.glob(f"{at}.db*"):
            left.unlink()
    assert told > 0


def answers_or_says_so(path: Path, sound: dict[str, object]) -> bool:
    """Open, ask and fold on; tell whether nothing was said.

    What an erasure rests on, and what is signed next, is as it was or is told.  A fold that looks
    another than it is, is seen when the log is read.
    """
    try:
        table = Projection(path)
        try:
            found = everything(table)
            if found["folded"] == sound["folded"]:
                assert found["positions"] == sound["positions"]
                assert found["cited"] == sound["cited"]
                table.add([ActRow(len(MANY), "batch", hash_of(1), cited=(("new.example", 3, hash_of(3)),))])
            table.clear()
        finally:
            table.close()
    except StorageError as error:
        if error.code not in ("E5031", "E5032") or "delete" not in error.hint:
            raise
        return False
    return True


def test_a_body_is_wanted_until_it_is_here_or_erased(tmp_path: Path) -> None:
    table = Projection(tmp_path / "projection.db")
    table.add(
        [
            ActRow(0, "finding", hash_of(0), b"a" * 32, wanted="sealed"),
            ActRow(1, "observation", hash_of(1), b"b" * 32, wanted="body"),
            ActRow(2, "finding", hash_of(2), b"c" * 32, wanted="sealed"),
            ActRow(3, "key-event", hash_of(3), erases=b"a" * 32),
        ]
    )
    assert table.wanted(1_000, 100, 9) == [Wanted(1, "body", b"b" * 32), Wanted(2, "sealed", b"c" * 32)]
    assert table.missing() == [1, 2]
    table.got(2)
    table.asked(1, 1_000)
    assert table.missing() == [1]
    assert table.wanted(1_050, 100, 9) == []
    assert [each.position for each in table.wanted(1_100, 100, 9)] == [1]
    assert [each.position for each in table.wanted(900, 100, 9)] == [1], "the clock was set back"


def test_bodies_that_were_never_asked_for_go_first(tmp_path: Path) -> None:
    table = Projection(tmp_path / "projection.db")
    rows = [ActRow(at, "finding", hash_of(at), hash_of(at), wanted="sealed") for at in range(4)]
    table.add(rows)
    table.asked(0, 500)
    table.asked(1, 400)
    assert [each.position for each in table.wanted(10_000, 100, 3)] == [2, 3, 1]
