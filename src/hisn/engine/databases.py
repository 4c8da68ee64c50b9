"""Hold the Hyperscan databases of a plan: compiled once, kept in a local cache, never taken from elsewhere.

A serialised database is machine code in all but name: reading a hostile one is as bad as running
it.  So the bytes here may only come from the cache folder that this installation wrote itself;
they are never part of a pack, and `cache_key` binds them to plan, version and processor.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from hisn.engine.literals import FEW_LITERALS, HyperscanLiterals
from hisn.engine.plan import PLAN_VERSION, Plan
from hisn.engine.regexes import HyperscanRegexes, hyperscan_flags, is_same_in_hyperscan
from hisn.rules.expr import Regex

if TYPE_CHECKING:
    import hyperscan


class _Stored(msgspec.Struct, array_like=True):
    """Hold serialised databases by field position; of regexes also which ones they hold."""

    key: str
    literals: dict[int, bytes]
    regexes: dict[int, tuple[tuple[int, ...], bytes]]


def is_available() -> bool:
    """Tell whether Hyperscan can be used here; on macOS and Windows it usually cannot."""
    try:
        import hyperscan  # noqa: F401
    except ImportError:
        return False
    return True


def cache_key(plan: Plan) -> str:
    """Return what a cached database depends on: plan, engine, Hyperscan and the processor's features."""
    import hyperscan

    # An empty database's description names version, mode and instruction set.
    probe = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    probe.compile(expressions=[b"hisn"], ids=[0], elements=1, flags=0, literal=True)
    parts = (str(PLAN_VERSION), plan.digest, repr(probe.info()))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


class Databases:
    """Give the databases of fields, from the stored bytes or compiled on first use."""

    def __init__(self, plan: Plan, stored: bytes | None = None) -> None:
        """Take what `encode` gave on this very machine, or nothing; what does not fit is made anew."""
        self._plan = plan
        self._stored = self._read(plan, stored)
        self.has_changed = False
        """Whether something was compiled that `encode` would add."""

    @staticmethod
    def _read(plan: Plan, stored: bytes | None) -> _Stored:
        key = cache_key(plan)
        if stored is not None:
            try:
                read = msgspec.msgpack.decode(stored, type=_Stored)
            except (msgspec.MsgspecError, UnicodeError, RecursionError):
                read = None
            if read is not None and read.key == key:
                return read
        return _Stored(key, {}, {})

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing is compiled yet: nothing was stored, or what was stored did not fit."""
        return not (self._stored.literals or self._stored.regexes)

    def encode(self) -> bytes:
        """Return all databases for the local cache."""
        return msgspec.msgpack.encode(self._stored)

    def compile_all(self) -> None:
        """Compile every database of the plan that is not there yet."""
        for field in range(len(self._plan.names)):
            tests = self._plan.field_tests(field)
            if len(tests.literals) > FEW_LITERALS:
                self.literals(field, tests.literals)
            if tests.regexes:
                self.regexes(field, tests.regex_tests())

    def literals(self, field: int, literals: Sequence[bytes]) -> HyperscanLiterals:
        """Return the finder of the literals of a field."""
        import hyperscan

        database = self._load(self._stored.literals.get(field))
        if database is None:
            database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
            database.compile(
                expressions=literals, ids=range(len(literals)), elements=len(literals), flags=0, literal=True
            )
            self._stored.literals[field] = hyperscan.dumpb(database)
            self.has_changed = True
        return HyperscanLiterals(_ready(database))

    def regexes(self, field: int, regexes: Sequence[Regex]) -> HyperscanRegexes:
        """Return the finder of candidates for the regexes of a field."""
        import hyperscan

        held, data = self._stored.regexes.get(field, (None, None))
        database = self._load(data) if data else None
        if held is None or (held and database is None):
            wanted = [at for at, regex in enumerate(regexes) if is_same_in_hyperscan(regex)]
            # All together first: compiling each alone as well would cost the same time again.
            held = tuple(wanted)
            database = _compile(regexes, held) if held else None
            if database is None and held:
                held = tuple(at for at in wanted if _compile(regexes, [at]) is not None)
                database = _compile(regexes, held) if held else None
            if database is None:
                held = ()
            dumped = b"" if database is None else hyperscan.dumpb(database)
            self._stored.regexes[field] = (held, dumped)
            self.has_changed = True
        return HyperscanRegexes(None if database is None else _ready(database), held, len(regexes))

    @staticmethod
    def _load(data: bytes | None) -> hyperscan.Database | None:
        import hyperscan

        if not data:
            return None
        try:
            return hyperscan.loadb(data, hyperscan.HS_MODE_BLOCK)
        except hyperscan.error:
            return None


def _ready(database: hyperscan.Database) -> hyperscan.Database:
    import hyperscan

    database.scratch = hyperscan.Scratch(database)
    return database


def _compile(regexes: Sequence[Regex], chosen: Sequence[int]) -> hyperscan.Database | None:
    """Compile the chosen regexes; None where Hyperscan refuses (too large, empty match, unknown syntax)."""
    import hyperscan

    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    try:
        database.compile(
            expressions=[regexes[at].pattern.encode() for at in chosen],
            ids=list(chosen),
            elements=len(chosen),
            flags=[hyperscan_flags(regexes[at].flags) for at in chosen],
        )
    except hyperscan.error:
        return None
    return database
