"""Hold what a verification says: numbered steps, what is proven and what is not, and one result.

Everything here is data. Texts stand in `hisn.verify.texts`, values are hostile until shown safely.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias

from hisn.core.display import shown
from hisn.evidence.disclosure import Value
from hisn.unit.quorum import Witnessed
from hisn.verify.texts import SAID, STEPS

Args: TypeAlias = Mapping[str, str | int]


class Status(Enum):
    """Say how a step ended; `absent`: there was nothing to check, or an earlier step failed."""

    OK = "ok"
    FAILED = "failed"
    ABSENT = "absent"


class Result(Enum):
    """Say the one result of a verification."""

    VALID = "VALID"
    VALID_UNWITNESSED = "VALID, UNWITNESSED"
    INVALID = "INVALID"
    FORK_PROVEN = "FORK PROVEN"


class FlagName(Enum):
    """Name what a reader must know of a finding beside its proof."""

    ALLEGED = "ALLEGED"
    RECHECKED = "RECHECKED"
    DISSENTED = "DISSENTED"
    OVERDUE = "OVERDUE"


@dataclass(frozen=True, slots=True)
class Said:
    """Say one thing by its code and the values in it; `str()` gives it in English, safe to show."""

    code: str
    args: Args = field(default_factory=dict, hash=False)

    def __str__(self) -> str:
        return SAID[self.code].format_map({name: shown(str(value)) for name, value in self.args.items()})


@dataclass(frozen=True, slots=True)
class Step:
    """Hold one numbered step: what was checked, and what was found."""

    number: int
    code: str
    status: Status
    detail: Said

    @property
    def text(self) -> str:
        """Return in English what the step checks."""
        return STEPS[self.code]


@dataclass(frozen=True, slots=True)
class Flag:
    """Hold a flag and the members it rests on."""

    name: FlagName
    by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownAct:
    """Hold an act of the pack and who witnessed the state of its log; `claimed_time` is a claim.

    It was made after the heads `after`: origin, size, and the second by which a quorum had seen that
    head, None without quorum.
    """

    number: int
    kind: str
    actor: str
    side: str
    index: int
    leaf_hash: bytes
    claimed_time: str
    size: int
    witnessed: Witnessed
    after: tuple[tuple[str, int, int | None], ...]


@dataclass(frozen=True, slots=True)
class ShownBatch:
    """Hold a batch: how many events it has, and the indices of those that are shown."""

    act: int
    count: int
    shown: tuple[int, ...]
    fields: Mapping[str, Value] = field(hash=False)


@dataclass(frozen=True, slots=True)
class ShownEvent:
    """Hold what is shown of an event: fields, names of hidden ones, the record; context is not named."""

    act: int
    index: int
    fields: Mapping[str, Value] = field(hash=False)
    hidden: tuple[str, ...] = ()
    record: bytes | None = None
    is_context: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """Hold what a pack shows, every value of it verified against what was signed.

    `states` are the newest state of each log, as origin and size; `number` is that of the finding's
    act, None in a fork pack; `others` counts the events that the finding names and the pack does not
    show; `tokens` counts the RFC 3161 responses, which nobody has checked.
    """

    unit: str
    genesis: bytes
    is_pinned: bool
    epoch: int
    states: tuple[tuple[str, int], ...] = ()
    number: int | None = None
    acts: tuple[ShownAct, ...] = ()
    finding: Mapping[str, Value] = field(default_factory=dict, hash=False)
    hidden: tuple[str, ...] = ()
    batches: tuple[ShownBatch, ...] = ()
    events: tuple[ShownEvent, ...] = ()
    others: int = 0
    tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Hold the outcome; `shown` is None, and nothing proven, where a step failed."""

    result: Result
    steps: tuple[Step, ...]
    proven: tuple[Said, ...]
    not_proven: tuple[Said, ...]
    flags: tuple[Flag, ...] = ()
    shown: Shown | None = None

    @property
    def exit_code(self) -> int:
        """Return the exit code of programs: 0, 5 or 4."""
        return {Result.VALID: 0, Result.VALID_UNWITNESSED: 5}.get(self.result, 4)

    @property
    def failed(self) -> Step | None:
        """Return the step that failed."""
        return next((step for step in self.steps if step.status is Status.FAILED), None)
