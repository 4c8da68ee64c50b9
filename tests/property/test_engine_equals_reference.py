"""The columnar engine gives the reference's hits, with Hyperscan and without, whatever comes."""

from __future__ import annotations

from collections.abc import Mapping

import hypothesis.strategies as st
import pytest
from hypothesis import given
from tests.unit.engine.plain import Row, assert_same, chunk_of, mapping_of, pack_of, reference_scan

from hisn.engine import groups, judge, literals
from hisn.engine.plan import compile_plan, decode_plan, encode_plan
from hisn.engine.scan import Scanner, Window
from hisn.events.batch import NO_TIME, Chunk
from hisn.events.schema import Cell
from hisn.rules.expr import (
    And,
    Atom,
    Const,
    Exists,
    Expr,
    FieldRef,
    Keyword,
    KeywordRegex,
    Network,
    Not,
    Null,
    Number,
    Or,
    Regex,
    Text,
    TimeOf,
    Wildcard,
)

FIELDS = ("A", "B", "C", "Alias", "Constant", "Coded", "Missing")
MAPPING = """
asset = ["B"]
[aliases]
Alias = "A"
[[rule]]
[rule.constants]
Constant = "Fixed \u017ft\u00df"
[rule.tables.Coded]
"%%1" = "Read"
"1" = "One"
"""

# Letters whose folding grows, shrinks or meets ASCII; separators of lines and values; lone surrogates.
TOKENS = (
    "a", "A", "b", "B", "abc", "ABC", "bca", "Power", "sHell", "ß", "ss", "ẞ", "İ", "i̇", "I", "ı", "ſ", "s",
    "S", "K", "k", "\x00", "\x0b", "\n", "\r", "\\", " ", "1", "0x1", ".", "*", "?", "é", "\ud800", "\udc00",
    "😀", "ﬁ", "fi", "%%1", "-", "::", "10.0.0.1",
)  # fmt: skip
WHOLE = (
    "", "1", "01", "1.0", "+1", "-1", " 1", "1e2", "100", "0x64", "0X1F", "0x", "1_0", "true", "True", "null",
    "١", "10.0.0.1", "::ffff:10.0.0.1", "10.0.0.1:80", "fe80::1%eth0", "fe80::1", "010.0.0.1", "2024-02-29",
    "2024-02-30", "2024-11-05T19:30:00Z", "2024-11-05 19:30", "2024/11/05 19:30:01.5+01:00", "fixed stss",
    "one", "read", "powershell", "powershell\n",
)  # fmt: skip
PATTERNS = (
    "a", "^a", "a$", "^a$", "abc", "(?i)abc", "[^\\s]", "\\s", "\\bab", "\\W", "\\w+\\d", ".", "^.$", "a.c", "s",
    "(?i)k", "(?i)s", "ſ", "[^a]", "[^\\v]", "\\x0b", "\\x00", "\\pL", "\\\\", "a{2}", "a*", "", "x{0,2}$", "é",
    "(a|b)c", "[[:space:]]b", "\\d+\\.\\d+", "shell$", "\\z", "\\Aab", "(?s)a.b", "\\Qa.b\\E", ".{3,}", "\\x{20}",
    "[\\w-]b", "(?:a|^b)", "\\B1", "😀",
)  # fmt: skip
NETWORKS = ("10.0.0.0/8", "10.0.0.1/32", "0.0.0.0/0", "fe80::/10", "::/0", "::ffff:10.0.0.0/104", "::1")
LITERALS = tuple(f"literal{index}" for index in range(10))

texts = st.one_of(st.lists(st.sampled_from(TOKENS), max_size=6).map("".join), st.sampled_from(WHOLE))
scalars = st.one_of(st.none(), st.integers(-2, 101), texts)
cells = st.one_of(scalars, st.lists(scalars, max_size=3).map(tuple))
fields = st.sampled_from(FIELDS)
# A pack is UTF-8: no rule can hold half of a pair.
wanted_texts = texts.map(lambda text: text.encode("utf-8", "replace").decode())
ops = st.sampled_from(("equals", "contains", "startswith", "endswith"))
compares = st.sampled_from(("eq", "lt", "lte", "gt", "gte"))
parts = st.lists(st.one_of(st.sampled_from((0, 1)), wanted_texts), min_size=1, max_size=5).map(tuple)
flags = st.sampled_from(("", "i", "s", "m", "im", "ims"))
patterns = st.sampled_from(PATTERNS)

atoms: st.SearchStrategy[Atom] = st.one_of(
    st.builds(Text, fields, ops, wanted_texts, st.booleans()),
    st.builds(Text, fields, ops, wanted_texts),
    st.builds(Wildcard, fields, parts, st.booleans()),
    st.builds(Regex, fields, patterns, flags),
    st.builds(Number, fields, compares, st.sampled_from(("1", "-1", "1.0", "100", "31", "0.5"))),
    st.builds(Network, fields, st.sampled_from(NETWORKS)),
    st.builds(Exists, fields),
    st.builds(Null, fields),
    st.builds(FieldRef, fields, fields, ops, st.booleans()),
    st.builds(
        TimeOf,
        fields,
        st.sampled_from(("minute", "hour", "day", "week", "month", "year")),
        compares,
        st.sampled_from((5, 9, 11, 19, 30, 45, 2024)),
    ),
    st.builds(Keyword, parts, st.booleans()),
    st.builds(KeywordRegex, patterns, flags),
)
conditions: st.SearchStrategy[Expr] = st.recursive(
    st.one_of(atoms, st.builds(Const, st.booleans())),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=4).map(lambda items: And(tuple(items))),
        st.lists(inner, min_size=1, max_size=4).map(lambda items: Or(tuple(items))),
        st.builds(Not, inner),
    ),
    max_leaves=8,
)
records: st.SearchStrategy[Mapping[str, Cell]] = st.dictionaries(
    st.sampled_from(("A", "B", "C", "Coded")), cells
)
rows: st.SearchStrategy[Row] = st.builds(
    Row,
    fields=records,
    constants=st.sampled_from(({}, {"C0": "abc"}, {"Missing": None}, {"Missing": ("abc", None)})),
    number=st.just(0),
    time=st.sampled_from((NO_TIME, 0, 5, 3_600_000_001, 10_000_000_000)),
    raw=st.one_of(
        st.sampled_from(("{}", "<Event/>", "<34>abc", b"\xffabc")),
        texts.map(lambda text: text.encode("utf-8", "replace")),
    ),
)

# Enough literals on every field that tables and databases are used, not plain searches.
FILLING = (
    *(Or(tuple(Text(field, "contains", literal) for literal in (*LITERALS, "power"))) for field in FIELDS),
    Or(tuple(Keyword((literal,)) for literal in LITERALS)),
)


def chunks_of(rows: list[Row], copies: int) -> list[Chunk]:
    numbered = [
        Row(row.fields, row.constants, index + 1, row.time, row.raw)
        for index, row in enumerate(row for _ in range(copies) for row in rows)
    ]
    middle = len(numbered) // 2
    return [chunk_of(numbered[:middle], "one"), chunk_of(numbered[middle:], "two")]


@given(
    rules=st.lists(conditions, min_size=1, max_size=6),
    rows=st.lists(rows, min_size=1, max_size=8),
    copies=st.sampled_from((1, 1, 3)),
    few_rows=st.sampled_from((0, 64)),
    window=st.sampled_from((None, Window(0, 3_600_000_001), Window(5), Window(end=5))),
)
def test_every_hit_and_reason_is_the_reference_engines(
    rules: list[Expr], rows: list[Row], copies: int, few_rows: int, window: Window | None
) -> None:
    pack = pack_of(*rules, *FILLING)
    mapping = mapping_of(MAPPING)
    chunks = chunks_of(rows, copies)
    expected = reference_scan(pack, mapping, chunks, window)
    plan = decode_plan(encode_plan(compile_plan(pack)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(groups, "FEW_ROWS", few_rows)
        patch.setattr(judge, "PIECE_CHARS", 16)
        for use_hyperscan in (True, False):
            scanner = Scanner(plan, mapping, window, use_hyperscan=use_hyperscan)
            assert_same(scanner.scan(chunks), expected)
            # Values that were judged before give the same answers.
            assert_same(scanner.scan(chunks), expected)
            # So do records in other batches.
            for chunk in chunks:
                alone = reference_scan(pack, mapping, [chunk], window)
                assert_same(scanner.scan([chunk]), alone)


@given(
    wanted=st.lists(texts, min_size=1, max_size=12, unique_by=str.casefold),
    values=st.lists(st.lists(st.sampled_from(TOKENS), max_size=30).map("".join), min_size=1, max_size=12),
)
def test_gram_tables_find_what_a_plain_search_finds(wanted: list[str], values: list[str]) -> None:
    patterns = [text.casefold().encode("utf-8", "surrogatepass") for text in wanted]
    patterns = [pattern for pattern in dict.fromkeys(patterns) if len(pattern) >= 3]
    buffer = "\n".join(values).casefold().encode("utf-8", "surrogatepass")
    finders = (
        literals.FewLiterals(patterns),
        literals.GramLiterals(patterns, literals.gram_offsets(patterns)),
    )
    plain, table = (
        sorted(zip(*(part.tolist() for part in finder.find(buffer)), strict=True)) for finder in finders
    )
    assert table == plain
