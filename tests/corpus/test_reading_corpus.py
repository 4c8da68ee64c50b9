"""Reading of the public data: every record, and the same record whatever carried it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from hisn.events.batch import Chunk
from hisn.events.mapping import load_mapping
from hisn.events.open import read
from hisn.events.schema import Cell, Logsource, Unparsed
from hisn.events.tasks import Task

pytestmark = pytest.mark.corpus

Row = tuple[int, dict[str, Cell], Logsource]


def records(path: Path) -> tuple[list[Row], list[Unparsed]]:
    mapping = load_mapping()
    rows: list[Row] = []
    holes: list[Unparsed] = []
    for item in read(Task(str(path), path.name)):
        assert isinstance(item, Chunk), item
        holes.extend(item.unparsed)
        for block, row in item.rows():
            fields = {**block.fields(row), "time": int(block.times[row])}
            rows.append((int(block.numbers[row]), fields, mapping.shape(block.layout).logsource))
    return sorted(rows, key=lambda found: found[0]), holes


def trimmed(fields: dict[str, Cell]) -> dict[str, Cell]:
    """Drop blanks at the ends, which the JSON of the regression data lost."""
    return {name: cell.strip() if isinstance(cell, str) else cell for name, cell in fields.items()}


def test_event_log_and_its_json_give_the_same_fields(corpus: Path) -> None:
    cases = 0
    for folder in sorted((corpus / "sigma-regression").iterdir()):
        if not (folder / "events.evtx").is_file():
            continue
        cases += 1
        native, no_holes = records(folder / "events.evtx")
        converted, none_either = records(folder / "events.json")
        assert (no_holes, none_either) == ([], []), folder.name
        assert len(native) == len(converted), folder.name
        for (_, fields, logsource), (_, other_fields, other_logsource) in zip(native, converted, strict=True):
            assert trimmed(fields) == trimmed(other_fields), folder.name
            assert logsource == other_logsource, folder.name
    assert cases == 98


@pytest.mark.parametrize(
    ("pattern", "least", "lost"),
    [
        ("2-vss_0*", 1910, 8),
        ("2-vss_7*", 1160, 0),
        ("E_Windows*", 340, 0),
        ("Microsoft-Windows-HelloForBusiness*", 6, 14),
        ("post-Security*", 126, 0),
        ("sample-with-irregular*", 3028, 0),
        ("security*", 2261, 0),
        ("sysmon*", 358, 0),
    ],
)
def test_damaged_logs_give_at_least_what_another_parser_gives(
    corpus: Path, pattern: str, least: int, lost: int
) -> None:
    (path,) = (corpus / "evtx-odd").glob(pattern)
    rows, holes = records(path)
    assert len(rows) >= least
    assert sum(hole.count for hole in holes) >= lost
    assert [number for number, _, _ in rows] == sorted({number for number, _, _ in rows})


def test_every_event_of_the_attack_samples_is_read(corpus: Path) -> None:
    services: Counter[str] = Counter()
    total = 0
    for path in sorted((corpus / "evtx").rglob("*.evtx")):
        rows, holes = records(path)
        assert holes == [], path.name
        total += len(rows)
        for _, fields, logsource in rows:
            assert "windows" in logsource.products
            services.update(logsource.services or {f"none: {fields.get('Channel')}"})
    assert total == 3412
    assert services["sysmon"] > 1000
    assert services["security"] > 500


def test_every_line_of_the_simulated_attacks_is_read(corpus: Path) -> None:
    paths = sorted((corpus / "otrf").glob("*.json.gz"), key=lambda path: path.stat().st_size)
    print(f"files: {len(paths[:14])} of {len(paths)}, the smaller ones")
    for path in paths[:14]:
        rows, holes = records(path)
        assert holes == []
        assert rows[-1][0] == len(rows)
        assert all("windows" in logsource.products for _, _, logsource in rows)
        assert all(fields["time"] > 0 for _, fields, _ in rows if isinstance(fields["time"], int))
