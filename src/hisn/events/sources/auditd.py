r"""Read the Linux audit log (``/var/log/audit/audit.log``).

Each line is a record; its fields have the names that auditd writes: ``type``, ``syscall``,
``exe``, ``key``, ``a0`` …, those of ``msg='…'`` in user-space messages among them, and the ones
that an enriched log adds in capitals (``SYSCALL``, ``AUID``).  Where a log is not enriched,
``SYSCALL`` is the call's name on x86-64 and AArch64.  ``serial`` joins lines of one event.

Texts that auditd writes in hexadecimal, because they hold spaces or quotes, are decoded: an
attacker who puts a blank into a path must not hide it.  ``proctitle`` has blanks for its NULs.
Values of SYSCALL's ``a0`` to ``a3`` are hexadecimal numbers and stay as they are.

An EXECVE line is also a process creation, as most rules for Linux want it: ``CommandLine`` joins
its arguments, ``Image`` is the ``exe`` of the SYSCALL line of the same event before it, or ``a0``
where that line stands in the stretch before (one event in two megabytes at most).
"""

from __future__ import annotations

import re

import numpy as np

from hisn.events.batch import NO_TIME, Block
from hisn.events.lines import decode, head_lines, holes, share, split_lines
from hisn.events.schema import Cell, Declaration, Layout, Logsource
from hisn.events.source import Parsed
from hisn.events.syscalls import syscall_name
from hisn.events.times import EARLIEST, LATEST

NAME = "auditd"
KIND = "auditd"

_HEAD = re.compile(
    r"(?:node=(\S{1,255}) )?type=([A-Z][A-Z0-9_]{1,63}|UNKNOWN\[\d{1,6}\]) "
    r"msg=audit\((\d{1,12})\.(\d{3}):(\d{1,20})\): ?"
)
_PAIR = re.compile(r"""([A-Za-z_][\w\[\]-]{0,63})=("[^"]*"|'[^']*'|[^\s'"]*)""")
_HEX = re.compile(r"(?:[0-9A-F]{2})+")
_ARGUMENT = re.compile(r"a\d{1,4}(?:\[\d{1,4}\])?")

_ENCODED = frozenset(
    ("acct", "cmd", "comm", "cwd", "data", "dir", "exe", "file", "grp", "key", "name", "new-disk",
     "old-disk", "new-fs", "old-fs", "ocomm", "ogrp", "path", "proctitle", "res_path", "sw", "unit",
     "vm", "watch")
)  # fmt: skip
"""Fields whose unquoted hexadecimal value is an encoded text (audit's field dictionary)."""

_MAX_LAYOUTS = 1_024
"""Sets of names told apart in one stretch; further records are holes: daemons have few."""
_TOO_MANY = "too many different sets of fields"


def _value(name: str, text: str, *, is_execve: bool) -> Cell:
    """Return a field's text without quotes and encoding."""
    if text[:1] in ("'", '"'):
        return text[1:-1]
    if text in ("(null)", "?"):
        return None
    encoded = name in _ENCODED or (is_execve and _ARGUMENT.fullmatch(name))
    if encoded and len(text) >= 4 and _HEX.fullmatch(text):
        return decode(bytes.fromhex(text).rstrip(b"\0").replace(b"\0", b" "))
    return text


def _fields(line: str) -> dict[str, Cell] | None:
    """Return the fields of one line, None for a line that is no record."""
    head = _HEAD.match(line)
    if head is None:
        return None
    kind = head[2]
    record: dict[str, Cell] = {"type": kind, "serial": head[5]}
    if head[1]:
        record["node"] = head[1]
    is_execve = kind == "EXECVE"
    for name, text in _PAIR.findall(line, head.end()):
        if name == "msg" and text[:1] == "'":
            for inner, value in _PAIR.findall(text[1:-1]):
                record.setdefault(inner, _value(inner, value, is_execve=False))
        else:
            record.setdefault(name, _value(name, text, is_execve=is_execve))
    if "syscall" in record and "SYSCALL" not in record:
        name = syscall_name(str(record.get("arch")), str(record["syscall"]))
        if name is not None:
            record["SYSCALL"] = name
    return record


def _add_process(record: dict[str, Cell], programs: dict[tuple[Cell, Cell], Cell]) -> None:
    """Remember the program of a SYSCALL line, and give it to the EXECVE line of the same event."""
    event = (record.get("node"), record["serial"])
    if record["type"] == "SYSCALL" and record.get("exe"):
        programs[event] = record["exe"]
    elif record["type"] == "EXECVE":
        # A long argument comes in pieces: a1[0]=… a1[1]=…; the regular ones come in order.
        arguments = [(name, text) for name, text in record.items() if _ARGUMENT.fullmatch(name)]
        joined = "".join(
            str(text or "") if name.endswith("]") and not name.endswith("[0]") else f" {text or ''}"
            for name, text in arguments
        )
        record["Image"] = programs.get(event, record.get("a0"))
        record["CommandLine"] = joined[1:]


def _time(line: str) -> int:
    head = _HEAD.match(line)
    if head is None:
        return NO_TIME
    time = int(head[3]) * 1_000_000 + int(head[4]) * 1000
    return time if EARLIEST <= time < LATEST else NO_TIME


class AuditdReader:
    """Parse audit lines."""

    def __init__(self, declaration: Declaration) -> None:
        self._declared = Logsource(declaration.products, declaration.categories, declaration.services)
        self._asset = declaration.asset

    def parse(self, lines: bytes, first_number: int) -> Parsed:
        """Parse whole lines; see `LineReader`."""
        data, raws = split_lines(lines)
        texts = decode(data).split("\n")
        groups: dict[tuple[Cell, tuple[str, ...]], tuple[list[int], list[dict[str, Cell]]]] = {}
        programs: dict[tuple[Cell, Cell], Cell] = {}
        bad: list[int] = []
        flood: list[int] = []
        for at, text in enumerate(texts):
            record = _fields(text)
            if record is None:
                # Not the text: `str.strip` would take control characters for blanks, and skip the line.
                if raws[at].strip():
                    bad.append(at)
                continue
            _add_process(record, programs)
            key = (record.pop("type"), tuple(record))
            group = groups.get(key)
            if group is None:
                if len(groups) == _MAX_LAYOUTS:
                    flood.append(at)
                    continue
                group = groups[key] = ([], [])
            group[0].append(at)
            group[1].append(record)
        blocks = []
        for (kind, names), (ats, records) in groups.items():
            layout = Layout(KIND, names, (("type", kind),), self._declared, self._asset)
            numbers = np.array(ats, np.int64) + first_number
            times = np.fromiter((_time(texts[at]) for at in ats), np.int64, len(ats))
            columns = list(zip(*(record.values() for record in records), strict=True))
            blocks.append(Block(layout, numbers, times, columns, [raws[at] for at in ats]))
        unparsed = holes(bad, first_number) + holes(flood, first_number, _TOO_MANY)
        return Parsed(tuple(blocks), unparsed, sum(len(block.numbers) for block in blocks))


class AuditdFormat:
    """Recognise and open audit logs."""

    name = NAME
    kind = KIND
    splittable = True

    def sniff(self, head: bytes) -> float:
        """Return the share of the first lines that are audit records."""
        return share(head_lines(head), _HEAD.match)

    def open(self, head: bytes, declaration: Declaration) -> AuditdReader:
        """Make a reader; nothing in the head matters to it."""
        del head
        return AuditdReader(declaration)


FORMAT = AuditdFormat()
