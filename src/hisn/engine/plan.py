"""Compile a pack into what the engine needs to judge it, and nothing that people read.

A plan is read at every start, so that its parts stay bytes until they are needed: a rule that no
value triggers is never unpacked, nor are the tests of a field that no record has.
"""

from __future__ import annotations

import hashlib

import msgspec

from hisn.engine.fieldtests import FieldBuilder, FieldTests, ValueTest, canonical
from hisn.engine.program import Lowering, Program, atoms_of, split_asked
from hisn.errors import InputError
from hisn.rules.expr import Atom, Exists, Expr, FieldRef, Keyword, KeywordRegex, Null
from hisn.rules.pack import Pack, RuleSource

PLAN_VERSION = 5
"""Raised with every change of what a plan holds or means; part of every cache's key."""


class SourcePlan(msgspec.Struct, frozen=True, array_like=True):
    """Hold what the rules of one log source need first.

    `fields` are positions of the fields that can trigger them, `always` the rules that no value
    triggers (they ask for what is absent, say) and that are evaluated on all their records.
    """

    source: RuleSource
    fields: tuple[int, ...]
    always: tuple[int, ...]


class Plan(msgspec.Struct, frozen=True, array_like=True):
    """Hold the rules of a pack, in its order, compiled.

    `rule_sources` gives for each rule its position in `sources`.  `programs` (see `program`) and
    `conditions` are msgpack, one per rule; `places` are the field positions and ids of a condition's
    tests in its order, -1 for tests that look at more than a value; `tests` is a msgpack
    `FieldTests` per name in `names`.
    """

    version: int
    digest: str
    sources: tuple[SourcePlan, ...]
    rule_sources: tuple[int, ...]
    programs: tuple[bytes, ...]
    conditions: tuple[bytes, ...]
    places: tuple[tuple[int, ...], ...]
    names: tuple[str, ...]
    tests: tuple[bytes, ...]

    def condition(self, rule: int) -> Expr:
        """Return the condition of a rule as its author wrote it."""
        return _EXPR.decode(self.conditions[rule])

    def program(self, rule: int) -> Program:
        """Return the program of a rule."""
        program: Program = msgspec.msgpack.decode(self.programs[rule])
        return program

    def places_of(self, rule: int, condition: Expr) -> dict[Atom, tuple[int, int]]:
        """Return (field position, id) of the tests of a rule's condition."""
        places = self.places[rule]
        return dict(zip(atoms_of(condition), zip(places[::2], places[1::2], strict=True), strict=True))

    def field_tests(self, field: int) -> FieldTests:
        """Return the tests of the field at a position in `names`."""
        return _TESTS.decode(self.tests[field])


_EXPR: msgspec.msgpack.Decoder[Expr] = msgspec.msgpack.Decoder(Expr)
_TESTS: msgspec.msgpack.Decoder[FieldTests] = msgspec.msgpack.Decoder(FieldTests)
_PLAN: msgspec.msgpack.Decoder[Plan] = msgspec.msgpack.Decoder(Plan)


class _Compiler:
    def __init__(self) -> None:
        self._fields: dict[str, FieldBuilder] = {}
        self._positions: dict[str, int] = {}
        self._next_id = 0
        self._sources: dict[RuleSource, int] = {}
        self._source_fields: list[set[int]] = []
        self._source_always: list[list[int]] = []
        self._programs: list[Program] = []
        self._rule_sources: list[int] = []
        self._places: list[tuple[int, ...]] = []

    def _position(self, name: str) -> int:
        if name not in self._positions:
            self._positions[name] = len(self._positions)
            self._fields[name] = FieldBuilder()
        return self._positions[name]

    def _place(self, test: ValueTest) -> tuple[int, int]:
        name = "" if isinstance(test, Keyword | KeywordRegex) else test.field
        position = self._position(name)
        test_id = self._fields[name].add(test, self._next_id)
        self._next_id += test_id == self._next_id
        return position, test_id

    def _place_of(self, atom: Atom) -> tuple[int, int]:
        return (-1, -1) if isinstance(atom, Null | Exists | FieldRef) else self._place(canonical(atom))

    def _source(self, source: RuleSource) -> int:
        if source not in self._sources:
            self._sources[source] = len(self._sources)
            self._source_fields.append(set())
            self._source_always.append([])
        return self._sources[source]

    def add(self, rule: int, source: RuleSource, condition: Expr) -> None:
        position = self._source(source)
        self._rule_sources.append(position)
        lowered = Lowering(self._position, self._place).lower(condition)
        self._programs.append(lowered.program)
        self._places.append(tuple(place for atom in atoms_of(condition) for place in self._place_of(atom)))
        if lowered.needs is None:
            self._source_always[position].append(rule)
            return
        builders = list(self._fields.values())
        for field, test_id in sorted(lowered.needs):
            builders[field].trigger(test_id, rule)
            self._source_fields[position].add(field)

    def plan(self, conditions: tuple[bytes, ...]) -> Plan:
        sources = tuple(
            SourcePlan(source, tuple(sorted(fields)), tuple(always))
            for source, fields, always in zip(
                self._sources, self._source_fields, self._source_always, strict=True
            )
        )
        asked = frozenset().union(*(builder.later() for builder in self._fields.values()))
        tests = tuple(msgspec.msgpack.encode(builder.build()) for builder in self._fields.values())
        places = msgspec.msgpack.encode(self._places)
        digest = hashlib.sha256(str(PLAN_VERSION).encode())
        for part in (*conditions, *tests, places, msgspec.msgpack.encode(sources)):
            digest.update(hashlib.sha256(part).digest())
        return Plan(
            version=PLAN_VERSION,
            digest=digest.hexdigest(),
            sources=sources,
            rule_sources=tuple(self._rule_sources),
            programs=tuple(msgspec.msgpack.encode(split_asked(p, asked)) for p in self._programs),
            conditions=conditions,
            places=tuple(self._places),
            names=tuple(self._fields),
            tests=tests,
        )


def compile_plan(pack: Pack) -> Plan:
    """Compile a pack."""
    compiler = _Compiler()
    for index, rule in enumerate(pack.rules):
        compiler.add(index, rule.logsource, rule.condition)
    return compiler.plan(tuple(msgspec.msgpack.encode(rule.condition) for rule in pack.rules))


def encode_plan(plan: Plan) -> bytes:
    """Return the plan as bytes for a local cache."""
    return msgspec.msgpack.encode(plan)


def decode_plan(data: bytes) -> Plan:
    """Read what `encode_plan` wrote. Raises InputError on anything else, also on another version."""
    try:
        plan = _PLAN.decode(data)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise InputError("E2150", f"the compiled rules cannot be read: {error}") from error
    if plan.version != PLAN_VERSION:
        raise InputError("E2150", f"the compiled rules have version {plan.version}, not {PLAN_VERSION}")
    return plan
