"""Seal one piece of a source as it came, without judging it: the call that live sources build on.

It keeps the order of `hisn guard --seal`: the bytes are encrypted and durable before a child
process parses them, and the batches are in the log when it returns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hisn.acts.statement import Ref
from hisn.app.home import Node
from hisn.app.intake import intake_folder
from hisn.app.judge import Judge, Part, read_placed
from hisn.app.pool import judge_groups
from hisn.app.sealer import seal_to
from hisn.engine.coverage import SourceCoverage
from hisn.engine.ledger import CoverageLedger
from hisn.events.declare import Declarations
from hisn.events.mapping import load_mapping
from hisn.events.source import SourceNote
from hisn.events.tasks import Discovery, Task
from hisn.evidence.batch import Mode
from hisn.rules.pack import Pack
from hisn.storage.files import write_whole

_NO_RULES = Pack(name="none", digest="", rules=())


def seal_batch(
    node: Node, source: str, data: bytes, declarations: Declarations | None = None, mode: Mode = "fields"
) -> tuple[tuple[Ref, ...], tuple[SourceCoverage, ...]]:
    """Seal what a source sent, perhaps nothing; return the places of the batch acts, and what was read.

    `source` names the source in every result; pieces of one source may be sealed one after another.
    Raises StorageError.
    """
    declared = declarations or Declarations()
    with intake_folder(node.places.intake) as folder:
        path = folder / "piece"
        write_whole(path, data)
        task = Task(str(path), source, declaration=declared.of(source), size_bytes=len(data))
        found, sealing = seal_to(node, folder, mode).take_in(
            Discovery((task,)), declared, load_mapping().digest
        )
        ledger = CoverageLedger()
        for note in found.notes:
            ledger.add_note(note)
        for part in judge_groups([found.tasks], _Reader, 1, sealing):
            ledger.merge(part.ledger)
        return sealing.places(), ledger.build(_NO_RULES).sources


class _Reader(Judge):
    """Read and seal, and judge nothing."""

    def __init__(self) -> None:
        """Need no rules."""

    def run(self, tasks: Sequence[Task]) -> Iterator[Part]:
        """Yield a part for each chunk that was sealed."""
        for item in read_placed(tasks):
            ledger = CoverageLedger()
            if isinstance(item, SourceNote):
                ledger.add_note(item)
                yield Part((), ledger, 0, 0)
                continue
            if self.seal and (wait := self.seal([item])):
                wait()
            ledger.add_chunk(item.chunk)
            yield Part((), ledger, item.chunk.records, item.chunk.size_bytes)
