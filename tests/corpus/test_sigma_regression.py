"""Every published rule with an example event fires on it, and stops firing when its reason is gone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice, product
from pathlib import Path
from typing import TypeAlias

import msgspec
import numpy as np
import pytest
from tests.corpus.public import public_pack, read_chunks

from hisn.engine import reference
from hisn.engine.plan import compile_plan
from hisn.engine.scan import Scanner
from hisn.events.batch import Block, Chunk
from hisn.events.mapping import Mapping, load_mapping
from hisn.events.schema import Cell, Layout, Logsource
from hisn.rules.expr import And, Atom, Const, Exists, Expr, Keyword, KeywordRegex, Not, Null, Or
from hisn.rules.pack import Pack, Rule

pytestmark = pytest.mark.corpus

Record: TypeAlias = dict[str, Cell]

LOSSY_JSON: dict[str, str] = {}
"""Cases whose JSON has lost what the rule needs, with the reason."""

MAX_WAYS = 6
"""Ways to break one event's reasons that are tried; there are as many as products of conjunctions."""
GONE: tuple[Cell, ...] = ("zz-gone-zz", "", "0", None)


class Case(msgspec.Struct):
    """Hold what a case states."""

    rule_id: str
    at_least: int


def cases(corpus: Path) -> list[tuple[Path, Case]]:
    folder = corpus / "sigma-regression"
    return [
        (path.parent, msgspec.json.decode(path.read_bytes(), type=Case))
        for path in sorted(folder.glob("*/expected.json"))
    ]


def rule_of(pack: Pack, rule_id: str) -> tuple[int, Rule]:
    return next((index, rule) for index, rule in enumerate(pack.rules) if rule.id == rule_id)


def hits(scanner: Scanner, chunks: Sequence[Chunk], rule: int) -> int:
    return sum(len(hit.numbers) for hit in scanner.scan(chunks).hits if hit.rule == rule)


@pytest.mark.parametrize("name", ["events.evtx", "events.json"])
def test_every_case_reaches_the_stated_number_of_hits(corpus: Path, name: str) -> None:
    pack = public_pack(corpus)
    scanner = Scanner(compile_plan(pack), load_mapping())
    found = cases(corpus)
    assert len(found) == 98
    short = {}
    for folder, case in found:
        index, rule = rule_of(pack, case.rule_id)
        count = hits(scanner, list(read_chunks([folder / name])), index)
        if count < case.at_least:
            short[case.rule_id] = f"{rule.info.title}: {count} of {case.at_least}"
    assert short == (LOSSY_JSON if name == "events.json" else {})


def ways_to_break(condition: Expr, record: Record, raw_text: str | None) -> Iterator[frozenset[Atom]]:
    """Yield sets of tests that hold, one out of every satisfied branch, for a condition that holds."""
    match condition:
        case And(items):
            for item in items:
                yield from ways_to_break(item, record, raw_text)
        case Or(items):
            satisfied = [item for item in items if reference.holds(item, record, raw_text)]
            ways = [list(islice(ways_to_break(item, record, raw_text), MAX_WAYS)) for item in satisfied]
            # A branch that holds by what is absent cannot be broken by taking something away.
            if all(ways):
                for choice in islice(product(*ways), MAX_WAYS):
                    yield frozenset().union(*choice)
        case Not() | Const() | Keyword() | KeywordRegex():
            return
        case _:
            yield frozenset({condition})


def broken(atoms: frozenset[Atom], condition: Expr, record: Record, raw_text: str | None) -> Record | None:
    """Return the record with the fields changed such that none of the tests and so no rule holds."""
    for value in GONE:
        changed = dict(record)
        for atom in atoms:
            if isinstance(atom, Keyword | KeywordRegex):
                return None
            if isinstance(atom, Exists):
                changed.pop(atom.field, None)
            else:
                changed[atom.field] = "zz-gone-zz" if isinstance(atom, Null) else value
        if any(reference.holds(atom, changed, raw_text) for atom in atoms):
            continue
        if not reference.holds(condition, changed, raw_text):
            return changed
    return None


def chunk_of(records: Sequence[Record], logsource: Logsource) -> Chunk:
    """Return records as they are, each with a layout of its own, of one declared log source."""
    blocks = tuple(
        Block(
            Layout("as-it-is", tuple(record), declared=logsource),
            np.array([number], np.int64),
            np.array([number], np.int64),
            [[cell] for cell in record.values()],
            ["{}"],
        )
        for number, record in enumerate(records, 1)
    )
    return Chunk("mutants", "as-it-is", blocks, records=len(records))


def hit_records(chunks: Sequence[Chunk], mapping: Mapping, rule: Rule) -> Iterator[tuple[Record, Logsource]]:
    source = rule.logsource
    for chunk in chunks:
        for block, row in chunk.rows():
            logsource = mapping.shape(block.layout).logsource
            record = mapping.record(block, row)
            if logsource.satisfies(source.product, source.category, source.service) and reference.holds(
                rule.condition, record
            ):
                yield record, logsource


def test_a_hit_disappears_when_one_reason_of_every_satisfied_branch_is_gone(corpus: Path) -> None:
    pack = public_pack(corpus)
    mapping = load_mapping()
    scanner = Scanner(compile_plan(pack), mapping)
    mutants = 0
    unbroken = []
    for folder, case in cases(corpus):
        index, rule = rule_of(pack, case.rule_id)
        chunks = list(read_chunks([folder / "events.evtx"]))
        before = mutants
        for record, logsource in hit_records(chunks, mapping, rule):
            assert reference.trace(rule.condition, record)
            assert hits(scanner, [chunk_of([record], logsource)], index) == 1
            changed = [
                mutant
                for atoms in islice(ways_to_break(rule.condition, record, None), MAX_WAYS)
                if (mutant := broken(atoms, rule.condition, record, None)) is not None
            ]
            mutants += len(changed)
            assert hits(scanner, [chunk_of(changed, logsource)], index) == 0, rule.info.title
        if mutants == before:
            unbroken.append(rule.info.title)
    print(f"{mutants} mutants")
    assert mutants > 200
    assert unbroken == []
