"""Read a sealed file again as a batch's act says, and compute the batch's tree once more.

What comes out is compared with the root in the log before anything is done with it.  The acts may
be another member's: every value in them is hostile here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from hisn.app.judge import Placed, read_placed
from hisn.core.canon import Json
from hisn.errors import VerificationError
from hisn.events.schema import Declaration
from hisn.events.tasks import Task
from hisn.evidence.batch import Mode, OpenBatch, salt_key_of
from hisn.evidence.disclosure import Value

_MAX_ZONE_S = 86_400
_YEARS = range(1, 10_000)
_RECORDS = range(1, 1 << 53)


@dataclass(frozen=True, slots=True)
class BatchAct:
    """Hold what the act of a batch says: its entry, its public fields, the fields of its body."""

    index: int
    public: Mapping[str, Json]
    fields: Mapping[str, Value]

    @property
    def ciphertext(self) -> bytes:
        """Return the SHA-256 of the encrypted file."""
        return bytes.fromhex(str(self.public["ciphertext"]))

    @property
    def commitment(self) -> bytes:
        """Return the commitment to the file's intake key."""
        return bytes.fromhex(str(self.public["key"]))

    @property
    def source(self) -> str:
        """Return the source's name as it was sealed. Raises VerificationError where it is hidden."""
        return str(self.field("source"))

    @property
    def file(self) -> str:
        """Return the name of the whole file that was taken in: of an archive, not of a file in it."""
        return file_of(self.fields)

    @property
    def mode(self) -> Mode:
        """Return how its events are sealed."""
        return "whole" if self.public["mode"] == "whole" else "fields"

    def number(self, name: str) -> int:
        """Return a public number."""
        value = self.public[name]
        return value if isinstance(value, int) else 0

    def field(self, name: str) -> Value:
        """Return a field of the body. Raises VerificationError where it is hidden."""
        if name not in self.fields:
            raise _not_said(self.index)
        return self.fields[name]


def file_of(fields: Mapping[str, Value]) -> str:
    """Return the name of the file that a batch's body names, empty where it is hidden."""
    name, member = fields.get("task"), fields.get("member")
    text = "" if name is None else str(name)
    return text.removesuffix(f"!{member}") if isinstance(member, str) else text


@dataclass(frozen=True, slots=True)
class Reread:
    """Hold a batch whose tree was computed again and found to be the one in the log."""

    act: BatchAct
    placed: Placed
    batch: OpenBatch


class OtherRootError(VerificationError):
    """Say that a file, read again, does not hold the batch that the log says it holds.

    `root` is what came out instead; None: there is no such batch.
    """

    def __init__(self, act: BatchAct, root: bytes | None) -> None:
        parser = act.public["parser"]
        super().__init__(
            "E3381",
            f"the batch of entry {act.index} does not come out as it was sealed",
            hint=f"it was read by {parser}: use that version of Hisn to open it",
        )
        self.act = act
        self.root = root


def reread(acts: Sequence[BatchAct], path: str, key: bytes) -> Iterator[Reread]:
    """Yield batches of one decrypted file, which is read once for all that were read alike.

    Raises VerificationError: E3382 for an act that does not say how to read, `OtherRootError`.
    """
    for group in _alike(acts):
        yield from _read(group, _task(group[0], path), key)


def _alike(acts: Sequence[BatchAct]) -> list[list[BatchAct]]:
    """Group the acts by how their file is to be read."""
    groups: dict[object, list[BatchAct]] = {}
    for act in acts:
        how = tuple(act.field(name) for name in ("task", "member", "end", "declaration"))
        how += tuple(act.fields.get(name) for name in ("context", "record"))
        groups.setdefault((act.public["part"], how), []).append(act)
    return list(groups.values())


def _read(acts: Sequence[BatchAct], task: Task, key: bytes) -> Iterator[Reread]:
    """Read a task up to the last batch that is wanted."""
    wanted: dict[tuple[str, int], BatchAct] = {}
    for each in acts:
        if wanted.setdefault((each.source, each.number("ordinal")), each) is not each:
            raise OtherRootError(each, None)  # one stretch of a source cannot be two batches
    for item in read_placed([task]):
        if not isinstance(item, Placed):
            continue
        source = item.chunk.source
        act = wanted.pop((source, item.ordinal), None)
        if act is None:
            continue
        salt_key = salt_key_of(key, source, task.start, item.ordinal)
        batch = OpenBatch(item.chunk, salt_key, act.mode)
        if batch.sealed.root.hex() != act.public["root"]:
            raise OtherRootError(act, batch.sealed.root)
        yield Reread(act, item, batch)
        if not wanted:
            return
    raise OtherRootError(next(iter(wanted.values())), None)


def _task(act: BatchAct, path: str) -> Task:
    member, end, part = act.field("member"), act.field("end"), act.number("part")
    is_range = end is None or (isinstance(end, int) and end > part)
    if not is_range or not isinstance(member, str | None):
        raise _not_said(act.index)
    context, record = act.fields.get("context", part), act.fields.get("record")
    is_place = isinstance(context, int) and context >= 0 and (record is None or record in _RECORDS)
    if not is_place or not isinstance(context, int) or not isinstance(record, int | None):
        raise _not_said(act.index)
    return Task(
        path=path,
        name=str(act.field("task")),
        start=context,
        end=end if isinstance(end, int) else None,
        declaration=declaration_of(act),
        member=member,
        first_record=record,
        offset=part,
    )


def declaration_of(act: BatchAct) -> Declaration:
    """Return what was declared for a batch's source. Raises VerificationError (E3382)."""
    match act.field("declaration"):
        case (kind, year, zone_s, asset, products, categories, services):
            pass
        case _:
            raise _not_said(act.index)
    is_text = isinstance(kind, str | None) and isinstance(asset, str | None)
    is_year = year is None or (isinstance(year, int) and year in _YEARS)
    # An offset of years would take a reader's calendar past its end.
    is_zone = zone_s is None or (isinstance(zone_s, int) and abs(zone_s) < _MAX_ZONE_S)
    if not (is_text and is_year and is_zone):
        raise _not_said(act.index)
    return Declaration(
        kind=kind if isinstance(kind, str) else None,
        year=year if isinstance(year, int) else None,
        zone_s=zone_s if isinstance(zone_s, int) else None,
        asset=asset if isinstance(asset, str) else None,
        products=_names(products),
        categories=_names(categories),
        services=_names(services),
    )


def _names(value: Value) -> frozenset[str]:
    return frozenset(str(item) for item in value) if isinstance(value, tuple) else frozenset()


def _not_said(index: int) -> VerificationError:
    return VerificationError(
        "E3382",
        f"entry {index} does not say how its source was read",
        hint="use the version of Hisn that sealed it; the batch act names it",
    )
