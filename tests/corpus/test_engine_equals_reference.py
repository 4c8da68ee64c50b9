"""On public logs and rules, the columnar engine gives the reference's hits and reasons, hit by hit."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.corpus.public import public_pack, read_chunks, sample
from tests.unit.engine.plain import assert_same, plain_hits, reference_scan

from hisn.engine.plan import compile_plan
from hisn.engine.scan import Scanner
from hisn.events.batch import Chunk
from hisn.events.mapping import load_mapping

pytestmark = pytest.mark.corpus

# What the engine judges; `intel`, `stix` and `tlog` hold no logs.
FOLDERS = ("evtx", "evtx-odd", "sigma-regression", "otrf", "web", "syslog", "election")
SAMPLE_RECORDS = {"otrf": 400, "web": 600, "syslog": 600}
SAMPLE_FILES = 4
"""Files of a folder read in the normal set, where a folder is sampled at all."""


def assert_equal(chunks: Sequence[Chunk], corpus: Path) -> None:
    pack = public_pack(corpus)
    mapping = load_mapping()
    plan = compile_plan(pack)
    expected = reference_scan(pack, mapping, chunks)
    for use_hyperscan in (True, False):
        assert_same(Scanner(plan, mapping, use_hyperscan=use_hyperscan).scan(chunks), expected)


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_sample_of_every_source_is_judged_as_the_reference_judges_it(corpus: Path, folder: str) -> None:
    paths = [corpus / folder]
    if folder in SAMPLE_RECORDS:
        files = sorted(path for path in paths[0].rglob("*") if path.suffix in {".gz", ".jsonl", ".log"})
        paths = random.Random(3).sample(files, min(SAMPLE_FILES, len(files)))
    chunks = sample(list(read_chunks(paths)), SAMPLE_RECORDS.get(folder, 1_500), seed=7)
    print(f"{folder}: {sum(chunk.records for chunk in chunks)} records")
    assert sum(chunk.records for chunk in chunks) > 0
    assert_equal(chunks, corpus)


@pytest.mark.full
@pytest.mark.parametrize("folder", FOLDERS)
def test_every_record_is_judged_as_the_reference_judges_it(corpus: Path, folder: str) -> None:
    pack = public_pack(corpus)
    mapping = load_mapping()
    plan = compile_plan(pack)
    scanners = [Scanner(plan, mapping, use_hyperscan=use) for use in (True, False)]
    batch: list[Chunk] = []
    for chunk in read_chunks([corpus / folder]):
        batch.append(chunk)
        if sum(part.records for part in batch) > 5_000:
            expected = reference_scan(pack, mapping, batch)
            for scanner in scanners:
                assert_same(scanner.scan(batch), expected)
            batch.clear()
    expected = reference_scan(pack, mapping, batch)
    for scanner in scanners:
        assert_same(scanner.scan(batch), expected)


def test_hits_do_not_depend_on_order_or_size_of_batches(corpus: Path) -> None:
    chunks = list(read_chunks([corpus / "evtx", corpus / "sigma-regression"]))
    mapping = load_mapping()
    plan = compile_plan(public_pack(corpus))
    whole = plain_hits(Scanner(plan, mapping).scan(chunks))
    assert len(whole) > 300
    dice = random.Random(11)
    for size in (1, 7, 60):
        dice.shuffle(chunks)
        scanner = Scanner(plan, mapping)
        parts = [
            hit
            for start in range(0, len(chunks), size)
            for hit in plain_hits(scanner.scan(chunks[start : start + size]))
        ]
        assert sorted(parts, key=repr) == sorted(whole, key=repr)
