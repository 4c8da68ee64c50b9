"""Write and read the bodies of the witness and mirror protocols (C2SP tlog-witness, tlog-mirror).

A request is a few lines, an empty line and a checkpoint; the checkpoint is handed on as the bytes
that were sent.  Whatever is not exactly in its form is an `InputError`, from which the services
make "400 Bad Request".
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from hisn.core.canon import b64, parse_b64, parse_decimal
from hisn.errors import InputError, VerificationError
from hisn.tlog.merkle import HASH_BYTES, is_subtree

MAX_PROOF_LINES = 63
SIZE_TYPE = "text/x.tlog.size"
MIRROR_INFO_TYPE = "text/x.tlog.mirror-info"
MAX_TICKET_BYTES = 2**16 - 1

_OLD = re.compile(rb"old (0|[1-9][0-9]{0,18})")
_RANGE = re.compile(rb"subtree (0|[1-9][0-9]{0,18}) (0|[1-9][0-9]{0,18})")


@dataclass(frozen=True, slots=True)
class AddCheckpoint:
    """Ask for a cosignature: the size cosigned before, the proof from there, the checkpoint's bytes."""

    old: int
    proof: tuple[bytes, ...]
    note: bytes


@dataclass(frozen=True, slots=True)
class SignSubtree:
    """Ask for the cosignature of a subtree `[start, end)`, with a checkpoint that contains it."""

    start: int
    end: int
    root: bytes
    proof: tuple[bytes, ...]
    note: bytes


@dataclass(frozen=True, slots=True)
class MirrorInfo:
    """Say where an upload may go on: a valid end, the next entry, and the mirror's ticket for it."""

    size: int
    next_entry: int
    ticket: bytes


def _malformed(what: str, why: str) -> InputError:
    return InputError(
        "E2400", f"{what} is malformed: {why}", hint="C2SP tlog-witness and tlog-mirror have its form"
    )


def _sections(what: str, data: bytes) -> tuple[list[bytes], bytes]:
    """Cut a request at its first empty line into lines and checkpoint."""
    head, gap, note = data.partition(b"\n\n")
    if not gap or not note:
        raise _malformed(what, "lines, an empty line and a checkpoint are expected")
    return head.split(b"\n"), note


def _hashes(what: str, lines: list[bytes]) -> tuple[bytes, ...]:
    if len(lines) > MAX_PROOF_LINES:
        raise _malformed(what, f"more than {MAX_PROOF_LINES} lines of proof")
    return tuple(_hash(what, line) for line in lines)


def _hash(what: str, line: bytes) -> bytes:
    try:
        found = parse_b64(line)
    except VerificationError as error:
        raise _malformed(what, "a line of proof is not strict base64") from error
    if len(found) != HASH_BYTES:
        raise _malformed(what, f"a hash has {HASH_BYTES} bytes, this one {len(found)}")
    return found


def _number(what: str, text: bytes) -> int:
    try:
        return parse_decimal(text)
    except VerificationError as error:
        raise _malformed(what, "a number is not a plain decimal below 2**63") from error


def parse_add_checkpoint(data: bytes) -> AddCheckpoint:
    """Read the body of add-checkpoint. Raises InputError (E2400)."""
    what = "the request to add a checkpoint"
    (first, *proof), note = _sections(what, data)
    if not (match := _OLD.fullmatch(first)):
        raise _malformed(what, "it does not begin with the old size")
    return AddCheckpoint(_number(what, match[1]), _hashes(what, proof), note)


def format_add_checkpoint(request: AddCheckpoint) -> bytes:
    """Write the body of add-checkpoint."""
    lines = [f"old {request.old}", *map(b64, request.proof), "", ""]
    return "\n".join(lines).encode() + request.note


def parse_sign_subtree(data: bytes) -> SignSubtree:
    """Read the body of sign-subtree; the range is a subtree. Raises InputError (E2400)."""
    what = "the request to sign a subtree"
    (first, *hashes), note = _sections(what, data)
    if not (match := _RANGE.fullmatch(first)) or not hashes:
        raise _malformed(what, "it does not begin with a range and a hash")
    start, end = _number(what, match[1]), _number(what, match[2])
    if not is_subtree(start, end):
        raise _malformed(what, f"[{start}, {end}) is no subtree")
    return SignSubtree(start, end, _hash(what, hashes[0]), _hashes(what, hashes[1:]), note)


def format_sign_subtree(request: SignSubtree) -> bytes:
    """Write the body of sign-subtree."""
    lines = [f"subtree {request.start} {request.end}", b64(request.root), *map(b64, request.proof), "", ""]
    return "\n".join(lines).encode() + request.note


def parse_tree_size(data: bytes) -> int:
    """Read the answer 409 of add-checkpoint: one size. Raises InputError (E2400)."""
    what = "the size that a witness answered"
    if not data.endswith(b"\n"):
        raise _malformed(what, "the line does not end")
    return _number(what, data[:-1])


def format_tree_size(size: int) -> bytes:
    """Write the answer 409 of add-checkpoint."""
    return b"%d\n" % size


def parse_mirror_info(data: bytes) -> MirrorInfo:
    """Read the answer 202 or 409 of add-entries. Raises InputError (E2400)."""
    what = "the state that a mirror answered"
    lines = data.split(b"\n")
    if len(lines) != 4 or lines[3]:
        raise _malformed(what, "three lines are expected")
    try:
        ticket = parse_b64(lines[2])
    except VerificationError as error:
        raise _malformed(what, "the ticket is not strict base64") from error
    if len(ticket) > MAX_TICKET_BYTES:
        raise _malformed(what, "the ticket is too long to be sent back")
    return MirrorInfo(_number(what, lines[0]), _number(what, lines[1]), ticket)


def format_mirror_info(info: MirrorInfo) -> bytes:
    """Write the answer 202 or 409 of add-entries."""
    return f"{info.size}\n{info.next_entry}\n{b64(info.ticket)}\n".encode()
