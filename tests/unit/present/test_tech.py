from __future__ import annotations

import ast

from tests.unit.present.catalogue import PACKAGE
from tests.unit.present.samples import language

from hisn.present.tech import Html, Terminal, prose, tech


def test_a_value_is_isolated_where_the_language_runs_the_other_way() -> None:
    assert tech("203.0.113.7:443") == "203.0.113.7:443"
    with language("ar"):
        assert tech("203.0.113.7:443") == "\u2066203.0.113.7:443\u2069"


def test_a_right_to_left_letter_in_a_log_does_not_reorder_an_english_line() -> None:
    assert tech("א 10.0.0.5") == "\u2066א 10.0.0.5\u2069"


def test_a_value_cannot_close_its_isolate() -> None:
    with language("ar"):
        assert tech("a\u2069b") == "\u2066a\\u2069b\u2069"


def test_foreign_prose_keeps_its_own_direction_and_ours_is_translated() -> None:
    with language("ar"):
        assert prose("no source was found") == "لم يوجد أي مصدر"
        assert "\u2066hisn guard\u2069" in prose("the logs; judge them yourself with hisn guard")
        assert prose("Suspicious logon") == "\u2068Suspicious logon\u2069"


def test_html_escapes_values_templates_and_prose() -> None:
    medium = Html()
    assert medium.tech("<b>") == '<bdi dir="ltr">&lt;b&gt;</bdi>'
    assert medium.prose("<b>") == "<bdi>&lt;b&gt;</bdi>"
    assert medium.say("<{a}>", a="<") == "&lt;&lt;&gt;"
    assert medium.say("{a}", a=medium.tech("x")) == '<bdi dir="ltr">x</bdi>'


def test_braces_in_a_value_are_not_filled() -> None:
    # A log line that says {0.__class__} must stay what it is.
    assert Terminal().say("{a}", a=tech("{b}{0.__class__}")) == "{b}{0.__class__}"
    assert Html().say("{a}", a="{b}") == "{b}"


def test_markup_is_made_of_literals_alone() -> None:
    wrong = []
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_bytes())):
            name = getattr(getattr(node, "func", None), "id", "")
            if isinstance(node, ast.Call) and name in ("markup", "Markup"):
                argument = node.args[0]
                inside = path.name in ("tech.py", "html.py") and name == "Markup"
                if not isinstance(argument, ast.Constant) and not inside:
                    wrong.append(f"{path.name}:{node.lineno}")
    assert wrong == []
