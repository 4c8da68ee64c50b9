"""Store the cosignatures of the newest checkpoint as they come, one witness at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from hisn.core.canon import canonical, parse_canonical
from hisn.core.proof_limits import MAX_NOTE_BYTES
from hisn.errors import StorageError, VerificationError
from hisn.node.known import origin_hash
from hisn.tlog.ports import Conflict, Register

_MAX_ROW_BYTES = 2 * MAX_NOTE_BYTES


@dataclass(frozen=True, slots=True)
class Collected:
    """Hold signature lines of one checkpoint by witness, and the sizes that witnesses have signed last."""

    lines: Mapping[str, bytes]
    sizes: Mapping[str, int]


class CosignedRow:
    """Keep the cosignatures of one log in one row of the register."""

    def __init__(self, register: Register, origin: str) -> None:
        self._register = register
        self._name = f"cosigned/{origin_hash(origin)}"

    def load(self, text: bytes) -> Collected:
        """Return what is stored for a checkpoint's note text; of another one only the sizes are of use.

        Raises StorageError (E5400).
        """
        return self._parse(self._register.get(self._name), text)

    def keep(self, text: bytes, witness: str, lines: bytes, size: int) -> Collected:
        """Store the lines of one witness; return everything that is stored then."""
        while True:
            row = self._register.get(self._name)
            held = self._parse(row, text)
            new = Collected({**held.lines, witness: lines}, {**held.sizes, witness: size})
            try:
                self._register.swap(self._name, row, _format(text, new))
            except Conflict:
                continue  # another process has stored another witness's
            return new

    def _parse(self, row: bytes | None, text: bytes) -> Collected:
        if row is None:
            return Collected({}, {})
        try:
            match parse_canonical(row, max_bytes=_MAX_ROW_BYTES, wide=True):
                case {"lines": dict(lines), "sizes": dict(sizes), "text": str(digest)}:
                    is_same = digest == hashlib.sha256(text).hexdigest()
                    return Collected(
                        {name: str(line).encode() for name, line in lines.items() if is_same},
                        {name: size for name, size in sizes.items() if isinstance(size, int)},
                    )
                case _:
                    raise self._damaged()
        except VerificationError as error:
            raise self._damaged() from error

    def _damaged(self) -> StorageError:
        return StorageError(
            "E5400",
            f"the row {self._name} of the register is damaged",
            hint="stop the node, keep the register's file, and run: hisn node doctor",
            unchanged="nothing was published",
        )


def _format(text: bytes, held: Collected) -> bytes:
    return canonical(
        {
            "lines": {name: lines.decode() for name, lines in held.lines.items()},
            "sizes": dict(held.sizes),
            "text": hashlib.sha256(text).hexdigest(),
        },
        wide=True,
    )
