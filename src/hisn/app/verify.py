"""Verify a proof pack from a file: the isolated verifier, and the checks that it leaves to others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hisn.app.timestamps import Stamp, check_stamps, read_roots
from hisn.core.canon import parse_hex32
from hisn.core.proof_limits import MAX_PACK_BYTES
from hisn.errors import StorageError, UsageError, VerificationError
from hisn.evidence.pack import parse_pack
from hisn.verify.check import verify_pack
from hisn.verify.steps import Report


@dataclass(frozen=True, slots=True)
class Checked:
    """Hold the verifier's report, and what tokens of time-stamping services say beside it."""

    report: Report
    stamps: tuple[Stamp, ...] = ()


def verify_file(path: Path, genesis: str | None = None, roots: Sequence[Path] = ()) -> Checked:
    """Verify the pack at a path. Raises UsageError, StorageError, VerificationError (no pack at all)."""
    pinned = digest_in(genesis)
    data = read_pack(path)
    certificates = read_roots(roots)
    report = verify_pack(data, genesis=pinned)
    if not certificates or report.shown is None:
        return Checked(report)
    files = parse_pack(data)
    leaves = {
        int(name[5:9]): leaf
        for name, leaf in files.items()
        if name.startswith("acts/") and name.endswith(".leaf")
    }
    tokens = {int(name[11:15]): token for name, token in files.items() if name.startswith("timestamps/")}
    return Checked(report, check_stamps(leaves, tokens, certificates))


def read_pack(path: Path) -> bytes:
    """Return the bytes of a pack. Raises StorageError where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_PACK_BYTES + 1)
    except OSError as error:
        raise StorageError(
            "E5322", f"cannot read {path}: {error.strerror or error}", hint="check the path"
        ) from error


def digest_in(text: str | None) -> bytes | None:
    """Return the genesis digest that an option gives. Raises UsageError (E1322)."""
    if text is None:
        return None
    try:
        return parse_hex32(text.strip().lower())
    except VerificationError as error:
        raise UsageError(
            "E1322",
            "--genesis is no digest",
            hint="it has 64 hexadecimal digits; hisn node status prints it on each member's node",
        ) from error
