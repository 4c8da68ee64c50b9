"""The public rules and logs, read once for all tests of the engine."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from hisn.events.batch import Block, Chunk
from hisn.events.declare import Declarations
from hisn.events.discover import discover
from hisn.events.open import read
from hisn.rules.pack import Pack
from hisn.rules.sigma import RuleFile, build_pack


@cache
def public_pack(corpus: Path) -> Pack:
    """Return all published rules."""
    folder = corpus / "sigma"
    files = [
        RuleFile(path.relative_to(folder).as_posix(), path.read_bytes())
        for path in sorted(folder.rglob("*.yml"))
    ]
    return build_pack("sigma", files, {})


def read_chunks(paths: Sequence[Path]) -> Iterator[Chunk]:
    """Yield everything that can be read of files and folders."""
    for task in discover([str(path) for path in paths], Declarations()).tasks:
        yield from (item for item in read(task) if isinstance(item, Chunk))


def sample(chunks: Sequence[Chunk], wanted: int, seed: int) -> list[Chunk]:
    """Return about so many of the records, the same ones every time."""
    total = sum(chunk.records for chunk in chunks)
    if total <= wanted:
        return list(chunks)
    dice = random.Random(seed)
    thin = []
    for chunk in chunks:
        blocks = tuple(
            block for whole in chunk.blocks if len((block := _thin(whole, wanted / total, dice)).numbers)
        )
        records = sum(len(block.numbers) for block in blocks)
        thin.append(Chunk(chunk.source, chunk.kind, blocks, records=records))
    return thin


def _thin(block: Block, share: float, dice: random.Random) -> Block:
    rows = [row for row in range(len(block.numbers)) if dice.random() < share]
    return Block(
        block.layout,
        block.numbers[np.array(rows, np.intp)],
        block.times[np.array(rows, np.intp)],
        [[column[row] for row in rows] for column in block.columns],
        [block.raws[row] for row in rows],
    )
