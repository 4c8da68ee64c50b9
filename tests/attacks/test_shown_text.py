"""The attacker writes our log lines: nothing he writes may act on whoever reads our output."""

from __future__ import annotations

import csv
import io
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.present.samples import language, report
from tests.unit.present.test_html import Page

from hisn.present.csv_out import render_csv
from hisn.present.html import render_html
from hisn.present.json_out import render_json
from hisn.present.terminal import render_text

ATTACKS = {
    "terminal": "\x1b[2J\x1b]0;owned\x07\x9b31m\x1b]52;c;ZXZpbA==\x07",
    "script": "</title></style><script>alert(1)</script><img src=x onerror=alert(1)>",
    "attribute": "\" onload=\"alert(1)' style='x",
    "template": "{{ 7+7 }}{% include '/etc/passwd' %}{0.__class__}{asset}%(x)s",
    "bidi": "\u202eexe.gpj\u2066\u2069\u200f\u061c",
    "formula": '=HYPERLINK("http://x","y")',
    "lines": "a\r\nINCOMPLETE\u2028b\u2029c\x85d\x0be",
    "nul": "a\x00b",
    "surrogate": "a\ud800b\udfff",
    "tags": "a\U000e0041\U000e007f\ufeff\u200b",
    "long": "x" * 100_000,
    "svg": "]]><svg onload=alert(1)>&#x3c;script&#x3e;",
}
languages = pytest.mark.parametrize("name", ["en", "ar"])
attacks = pytest.mark.parametrize("attack", ATTACKS)


def is_harmless_line(line: str) -> bool:
    own = "\u2066\u2068\u2069"
    return all(
        char in own or unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") for char in line
    )


@languages
@attacks
def test_a_terminal_is_not_controlled(name: str, attack: str) -> None:
    with language(name):
        text = render_text(report(ATTACKS[attack]), width=100)
        plain = render_text(report("plain"), width=None)
        attacked = render_text(report(ATTACKS[attack]), width=None)
    assert all(is_harmless_line(line) for line in text.split("\n"))
    # No value makes a line of its own: it could be taken for one of ours.
    assert attacked.count("\n") == plain.count("\n")
    text.encode("utf-8")


@languages
@attacks
def test_a_page_gets_no_element_and_no_attribute(name: str, attack: str) -> None:
    with language(name):
        plain, attacked = Page(render_html(report("plain"))), Page(render_html(report(ATTACKS[attack])))
    assert [tag for tag, _ in attacked.tags] == [tag for tag, _ in plain.tags]
    assert [set(attributes) for _, attributes in attacked.tags] == [set(a) for _, a in plain.tags]
    assert all(is_harmless_line(text.replace("\n", " ")) for text, _parents in attacked.texts)


@attacks
def test_a_table_gets_no_formula_and_no_row(attack: str) -> None:
    data = render_csv(report(ATTACKS[attack])).decode("utf-8")
    rows = list(csv.reader(io.StringIO(data, newline="")))
    assert len(rows) == 4
    for row in rows:
        assert not any(cell.startswith(("=", "+", "-", "@")) for cell in row)
        assert all(is_harmless_line(cell) for cell in row)


@attacks
def test_a_document_is_ascii(attack: str) -> None:
    assert all(byte == 0x0A or 0x20 <= byte < 0x7F for byte in render_json(report(ATTACKS[attack])))


@given(text=st.text(st.characters(exclude_categories=()), max_size=30))
def test_no_text_at_all_is_active(text: str) -> None:
    made = report(text)
    assert all(is_harmless_line(line) for line in render_text(made).split("\n"))
    Page(render_html(made))
    assert len(list(csv.reader(io.StringIO(render_csv(made).decode("utf-8"), newline="")))) == 4
