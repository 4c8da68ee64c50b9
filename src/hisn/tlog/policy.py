"""Read and apply trust policies (C2SP tlog-policy): logs, witnesses, nested groups, one quorum.

The text is octets.  Names are held as `str` by "surrogateescape", so that equal names are equal
octets and nothing else.  A member's witness has two lines and a group, for it signs with two keys.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from hisn.core.canon import parse_decimal
from hisn.core.limits import MAX_POLICY_BYTES, MAX_POLICY_ENTRIES
from hisn.errors import PolicyError, VerificationError
from hisn.tlog.checkpoint import SignedCheckpoint, times_of, verify_log_signature
from hisn.tlog.note import (
    COSIGNATURE_ED25519,
    COSIGNATURE_ML_DSA_44,
    ED25519,
    VerifierKey,
    format_vkey,
)
from hisn.tlog.vkey import parse_vkey

NONE = "none"
LOG_TYPES = (ED25519, COSIGNATURE_ML_DSA_44)
WITNESS_TYPES = (COSIGNATURE_ED25519, COSIGNATURE_ML_DSA_44)

_FORBIDDEN = re.compile(rb"[^\t\n\x20-\x7e\x80-\xff]")
_BLANKS = re.compile(r"[ \t]+")


@dataclass(frozen=True, slots=True)
class LogLine:
    """Accept checkpoints that this key signed for the origin that is its name."""

    vkey: VerifierKey
    url: str = ""


@dataclass(frozen=True, slots=True)
class WitnessLine:
    """Give a witness key its name inside the policy."""

    name: str
    vkey: VerifierKey
    url: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Witness what at least `k` of the members witness; members are defined before it."""

    name: str
    k: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """Say which witness of a policy cosigned, and when, in seconds since 1970."""

    name: str
    vkey: VerifierKey
    timestamp: int


@dataclass(frozen=True, slots=True)
class QuorumResult:
    """Say who cosigned a checkpoint, who is missing, and whether that reaches the quorum."""

    cosigned: tuple[Seen, ...]
    missing: tuple[str, ...]
    reached: bool


@dataclass(frozen=True, slots=True)
class Policy:
    """Hold a checked policy; `quorum` names a witness or a group, or is ``none``."""

    logs: tuple[LogLine, ...]
    witnesses: tuple[WitnessLine, ...]
    groups: tuple[Group, ...]
    quorum: str

    def __post_init__(self) -> None:
        _check(self)

    def is_reached(self, cosigned: Collection[VerifierKey]) -> bool:
        """Tell whether those witnesses suffice; what the policy does not know is ignored."""
        met = {NONE} | {line.name for line in self.witnesses if line.vkey in cosigned}
        for group in self.groups:
            if sum(member in met for member in group.members) >= group.k:
                met.add(group.name)
        return self.quorum in met

    def satisfied_by(self, signed: SignedCheckpoint) -> QuorumResult:
        """Return who of the known witnesses cosigned. Raises VerificationError if one of them fails."""
        times = times_of(signed.note, [line.vkey for line in self.witnesses])
        cosigned = tuple(
            Seen(line.name, line.vkey, times[line.vkey]) for line in self.witnesses if line.vkey in times
        )
        missing = tuple(line.name for line in self.witnesses if line.vkey not in times)
        return QuorumResult(cosigned, missing, self.is_reached({each.vkey for each in cosigned}))


def _refuse(reason: str, number: int = 0) -> VerificationError:
    where = f"line {number} of the policy" if number else "the policy"
    return VerificationError(
        "E3215", f"{where}: {reason}", hint="see the policy format, C2SP tlog-policy, and correct the text"
    )


def _check_keys(vkeys: list[VerifierKey], types: tuple[int, ...], what: str) -> None:
    if len(vkeys) > MAX_POLICY_ENTRIES:
        raise _refuse(f"more than {MAX_POLICY_ENTRIES} {what} lines")
    if any(key.sig_type not in types for key in vkeys):
        raise _refuse(f"a key is not of a type for a {what}")


def _check_groups(policy: Policy) -> None:
    names = {line.name for line in policy.witnesses}
    if len(names) != len(policy.witnesses):
        raise _refuse("a name is defined twice")
    if len(policy.groups) > MAX_POLICY_ENTRIES:
        raise _refuse(f"more than {MAX_POLICY_ENTRIES} group lines")
    placed: set[str] = set()
    for group in policy.groups:
        if not set(group.members) <= names:
            raise _refuse(f"a member of group {group.name} is not defined before it")
        if len(set(group.members)) != len(group.members) or placed & set(group.members):
            # A witness that stands in two groups would count twice.
            raise _refuse(f"a member of group {group.name} is already a member of a group")
        if not 1 <= group.k <= len(group.members):
            raise _refuse(f"group {group.name} needs more members than it has, or none")
        if group.name in names:
            raise _refuse("a name is defined twice")
        placed |= set(group.members)
        names.add(group.name)
    if NONE in names:
        raise _refuse("the name none is reserved")
    if policy.quorum not in {NONE, *names}:
        raise _refuse("the quorum is not defined before it")


def _check(policy: Policy) -> None:
    logs = [line.vkey for line in policy.logs]
    witnesses = [line.vkey for line in policy.witnesses]
    _check_keys(logs, LOG_TYPES, "log")
    _check_keys(witnesses, WITNESS_TYPES, "witness")
    vkeys = logs + witnesses
    if len({key.material for key in vkeys}) != len(vkeys):
        # Under two names one key would count twice; as log and witness it would witness itself.
        raise _refuse("two lines hold the same public key")
    if len({(key.name, key.key_id) for key in vkeys}) != len(vkeys):
        raise _refuse("two keys have the same name and id")
    _check_groups(policy)


class _Reader:
    """Collect the lines of a policy in their order, for names must be defined before their use."""

    def __init__(self) -> None:
        self.logs: list[LogLine] = []
        self.witnesses: list[WitnessLine] = []
        self.groups: list[Group] = []
        self.quorums: list[str] = []
        self.defined: set[str] = set()

    def line(self, number: int, items: list[str]) -> None:
        match items:
            case ["log", vkey] | ["log", vkey, _]:
                self.logs.append(LogLine(parse_vkey(vkey), *items[2:]))
            case ["witness", name, vkey] | ["witness", name, vkey, _]:
                self.witnesses.append(WitnessLine(name, parse_vkey(vkey), *items[3:]))
                self.defined.add(name)
            case ["group", name, k, *members] if members:
                if not self.defined.issuperset(members):
                    raise _refuse("a member of the group is not defined before it", number)
                words = {"all": len(members), "any": 1}
                count = words[k] if k in words else parse_decimal(k, "the number of a group")
                self.groups.append(Group(name, count, tuple(members)))
                self.defined.add(name)
            case ["quorum", name]:
                if name not in self.defined and name != NONE:
                    raise _refuse("the quorum is not defined before it", number)
                self.quorums.append(name)
            case _:
                raise _refuse("not a line of a log, witness, group or quorum", number)


def _lines(data: bytes) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(data[:-1].split(b"\n"), 1):
        text = line.decode("utf-8", "surrogateescape").strip(" \t")
        if text and not text.startswith("#"):
            yield number, _BLANKS.split(text)


def parse_policy(data: bytes) -> Policy:
    """Return the policy that a text states. Raises VerificationError."""
    if len(data) > MAX_POLICY_BYTES:
        raise _refuse(f"more than {MAX_POLICY_BYTES} bytes")
    if _FORBIDDEN.search(data):
        raise _refuse("it holds a control character")
    if not data.endswith(b"\n"):
        raise _refuse("the last line does not end")
    reader = _Reader()
    for number, items in _lines(data):
        reader.line(number, items)
    if len(reader.quorums) != 1:
        raise _refuse("it needs exactly one quorum line")
    return Policy(tuple(reader.logs), tuple(reader.witnesses), tuple(reader.groups), reader.quorums[0])


def format_policy(policy: Policy) -> bytes:
    """Return the text of a policy. Raises ValueError where it could not be parsed again."""
    lines = [f"log {format_vkey(line.vkey)} {line.url}" for line in policy.logs]
    lines += [f"witness {line.name} {format_vkey(line.vkey)} {line.url}" for line in policy.witnesses]
    lines += [f"group {group.name} {group.k} {' '.join(group.members)}" for group in policy.groups]
    lines.append(f"quorum {policy.quorum}")
    data = "".join(line.rstrip(" ") + "\n" for line in lines).encode("utf-8", "surrogateescape")
    try:
        same = parse_policy(data) == policy
    except VerificationError as error:
        raise ValueError(str(error)) from error
    if not same:
        raise ValueError("a name or address of a policy holds a blank")
    return data


def _unmet(missing: Collection[str]) -> PolicyError:
    names = ", ".join(sorted(missing)) or "nobody"
    return PolicyError(
        "E4200",
        f"the cosignatures do not reach the quorum; missing: {names}",
        hint="wait for the witnesses, or ask them: the log could still show others another tree",
    )


def check(policy: Policy, cosigned: Collection[VerifierKey]) -> None:
    """Return if those witnesses reach the quorum. Raises PolicyError."""
    if not policy.is_reached(cosigned):
        raise _unmet([line.name for line in policy.witnesses if line.vkey not in cosigned])


def verify_log(policy: Policy, signed: SignedCheckpoint) -> tuple[VerifierKey, ...]:
    """Return the keys of the policy's logs that signed the checkpoint. Raises VerificationError."""
    origin = signed.checkpoint.origin
    vkeys = [line.vkey for line in policy.logs if line.vkey.name == origin]
    return verify_log_signature(signed, vkeys)


def verify_quorum(policy: Policy, signed: SignedCheckpoint) -> QuorumResult:
    """Return who cosigned if that reaches the quorum. Raises PolicyError or VerificationError.

    The log's own signature is another question: `verify_log` or `verify_checkpoint` answer it.
    """
    result = policy.satisfied_by(signed)
    if not result.reached:
        raise _unmet(result.missing)
    return result
