"""What is told of a record by some of its fields never contradicts the record as a whole.

Records, mappings and conditions are generated; some values are hidden at random.  With nothing
hidden the answer is the reference's, with more hidden it is the same or none.
"""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from dataclasses import dataclass

import hypothesis.strategies as st
import numpy as np
from hypothesis import given
from tests.property.test_engine_equals_reference import cells, conditions, texts

from hisn.engine.partial import Partial
from hisn.engine.reference import holds
from hisn.events.batch import NO_TIME, Block
from hisn.events.mapping import Mapping, Shape, load_mapping
from hisn.events.partial import Disclosed, PartialRecord, partial_record
from hisn.events.schema import Cell, Declaration, Layout, Logsource
from hisn.rules.expr import Expr

FORMAT, KIND = "syslog", "syslog"
SWITCHES = ("S1", "S2")
COLUMNS = ("A", "B", "C", "Coded")
MAPPING = b"""
kind = "syslog"
products = ["base"]
[aliases]
Alias = ["B", "A"]
Missing = { of = "Coded", values = { "%%1" = "abc" } }
[[lookup]]
constant = "S1"
adds = "services"
[lookup.values]
"abc" = ["one"]
"1" = ["two", "three"]
[[lookup]]
constant = "S2"
adds = "services"
fallback = true
[lookup.values]
"abc" = ["four"]
"" = ["one"]
[[lookup]]
constant = "S2"
adds = "categories"
when.service = ["one"]
[lookup.values]
"1" = ["looked"]
[[rule]]
when.S1 = ["1", "abc"]
unless.S2 = ["abc"]
has = ["A"]
categories = ["first"]
[rule.aliases]
Alias = "C"
[rule.constants]
Constant = "abc"
[rule.tables.Coded]
"%%1" = "Read"
[[rule]]
when.category = ["first"]
products = ["second"]
[rule.aliases]
Missing = "Constant"
Constant = "A"
[rule.tables.A]
"abc" = "bca"
[[rule]]
when.Constant = ["abc"]
services = ["constant"]
[[rule]]
has = ["Constant"]
categories = ["has"]
[[rule]]
when.S2 = ["1"]
[rule.constants]
Constant = "1"
[rule.tables.Coded]
"%%1" = "Read"
"a" = "s"
"""
GENERATED = Mapping({KIND: MAPPING})
AXES = {"product": "products", "category": "categories", "service": "services"}


@dataclass(frozen=True)
class Sample:
    """Hold a record, which of its fields are hidden, and whether the declaration is."""

    fields: MappingOf[str, Cell]
    hidden: frozenset[str]
    declared: Declaration | None

    def shown(self, hidden: frozenset[str], mapping: Mapping = GENERATED) -> PartialRecord:
        """Return what rules see if these fields are hidden."""
        known = {name: cell for name, cell in self.fields.items() if name not in hidden}
        return partial_record(mapping, Disclosed(FORMAT, known, hidden, self.declared))

    def whole(self, mapping: Mapping = GENERATED) -> tuple[Shape, MappingOf[str, Cell]]:
        """Return the record as the engine's reference sees it."""
        names = tuple(name for name in self.fields if name not in SWITCHES)
        constants = tuple((name, self.fields[name]) for name in self.fields if name in SWITCHES)
        declared = self.declared or Declaration()
        source = Logsource(declared.products, declared.categories, declared.services)
        layout = Layout(KIND, names, constants, source)
        columns = [[self.fields[name]] for name in names]
        block = Block(layout, np.array([1]), np.array([NO_TIME]), columns, [b""])
        return mapping.shape(layout), mapping.record(block, 0)


switches = st.dictionaries(
    st.sampled_from(SWITCHES), st.one_of(st.sampled_from(("abc", "ABC", "1", 1, "", None)), cells)
)
columns = st.dictionaries(st.sampled_from(COLUMNS), cells)
declarations = st.sampled_from(
    (None, Declaration(), Declaration(services=frozenset({"one"}), products=frozenset({"declared"})))
)


@st.composite
def samples(draw: st.DrawFn) -> Sample:
    """Draw a record with hidden fields."""
    fields = {**draw(switches), **draw(columns)}
    hidden = draw(st.sets(st.sampled_from(sorted(fields)))) if fields else set()
    return Sample(fields, frozenset(hidden), draw(declarations))


@given(samples())
def test_what_is_known_of_a_mapped_record_is_so_in_the_whole_one(sample: Sample) -> None:
    part, (shape, record) = sample.shown(sample.hidden), sample.whole()
    for name, cell in part.known.items():
        assert record[name] == cell
    assert part.hidden.keys() <= record.keys()
    assert record.keys() <= part.known.keys() | part.hidden.keys() | part.undecided.keys()
    assert all((*part.hidden.values(), *part.undecided.values()))
    for axis, plural in AXES.items():
        full: frozenset[str] = getattr(shape.logsource, plural)
        if sample.declared is None:
            continue
        assert part.sure[axis] <= full <= part.sure[axis] | part.maybe[axis].keys()


@given(samples())
def test_with_nothing_hidden_the_mapped_record_is_the_whole_one(sample: Sample) -> None:
    part, (shape, record) = sample.shown(frozenset()), sample.whole()
    assert (dict(part.known), part.hidden, part.undecided) == (dict(record), {}, {})
    for axis, plural in AXES.items():
        assert part.sure[axis] == getattr(shape.logsource, plural)
        assert part.maybe[axis] == {}


@given(samples(), conditions, st.one_of(st.none(), texts), st.booleans())
def test_what_is_told_of_a_part_never_contradicts_the_whole(
    sample: Sample, condition: Expr, raw_text: str | None, is_raw_known: bool
) -> None:
    record = sample.whole()[1]
    part = Partial(sample.shown(sample.hidden), raw_text if is_raw_known else None, is_raw_known=is_raw_known)
    answer, needs = part.answer(condition)
    assert (answer is None) is bool(needs)
    if answer is not None:
        assert answer is holds(condition, record, raw_text)


@given(samples(), conditions, st.one_of(st.none(), texts))
def test_with_nothing_hidden_it_is_the_reference(
    sample: Sample, condition: Expr, raw_text: str | None
) -> None:
    part = Partial(sample.shown(frozenset()), raw_text, is_raw_known=True)
    assert part.answer(condition)[0] is holds(condition, sample.whole()[1], raw_text)


@given(samples(), conditions)
def test_disclosing_what_is_needed_tells_more(sample: Sample, condition: Expr) -> None:
    """Whoever shows every field that is asked for, again and again, gets the answer."""
    hidden = sample.hidden
    while True:
        answer, needs = Partial(sample.shown(hidden), None, is_raw_known=True).answer(condition)
        if answer is not None:
            break
        assert needs & hidden
        hidden -= needs
    assert answer is holds(condition, sample.whole()[1])


@given(
    st.dictionaries(
        st.sampled_from(("Channel", "Provider_Name", "EventID", "EventType", "OperationType", "ObjectName",
                         "NewProcessName", "ProcessName", "CommandLine", "Image", "TargetObject")),
        st.sampled_from(("Security", "4688", "4657", 4657, 12, "Microsoft-Windows-Sysmon",
                         "Microsoft-Windows-Sysmon/Operational", "DeleteKey", "%%1904", "%%1906", "x")),
    ),
    st.data(),
)  # fmt: skip
def test_windows_events_whose_id_is_hidden_are_not_guessed(
    fields: dict[str, Cell], data: st.DataObject
) -> None:
    """The bundled mapping, in which event id and channel decide what the fields are called."""
    mapping = load_mapping()
    fields = {"EventID": 1, "Channel": "Security", **fields}
    hidden = frozenset(data.draw(st.sets(st.sampled_from(sorted(fields)))))
    promoted = {"12": "EventType", "4657": "OperationType"}.get(str(fields.get("EventID")))
    constants = {"Channel", "Provider_Name", "EventID", promoted} & fields.keys()
    names = tuple(name for name in fields if name not in constants)
    layout = Layout("windows", names, tuple((name, fields[name]) for name in fields if name in constants))
    block = Block(layout, np.array([1]), np.array([NO_TIME]), [[fields[name]] for name in names], [b""])
    record = mapping.record(block, 0)
    known = {name: cell for name, cell in fields.items() if name not in hidden}
    part = partial_record(mapping, Disclosed("evtx", known, hidden, Declaration()))
    for name, cell in part.known.items():
        assert record[name] == cell
    assert record.keys() <= part.known.keys() | part.hidden.keys() | part.undecided.keys()
    full = mapping.shape(layout).logsource
    for axis, plural in AXES.items():
        assert part.sure[axis] <= getattr(full, plural) <= part.sure[axis] | part.maybe[axis].keys()
