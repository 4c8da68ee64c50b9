from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from tests.unit.present.catalogue import LOCALE, PACKAGE, compiled, keys, missing, read_catalogue

from hisn.present.i18n import LANGUAGES
from hisn.verify.texts import FLAGS, RESULTS, SAID, STEPS

CATALOGUES = sorted(LOCALE.glob("*/LC_MESSAGES/hisn.po"))
_PLACE = re.compile(r"\{[a-z_]+(?:!r)?\}")
_OPTION = re.compile(r"(?<![\w-])--[a-z]")
_ISOLATED = re.compile("\u2066[^\u2066\u2069]*\u2069")


def forms_of(string: object) -> tuple[str, ...]:
    return tuple(string) if isinstance(string, (tuple, list)) else (str(string),)


def test_every_language_but_english_has_a_catalogue() -> None:
    assert {path.parts[-3] for path in CATALOGUES} == set(LANGUAGES) - {"en"}


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parts[-3])
class TestCatalogue:
    def test_no_text_for_people_is_missing(self, path: Path) -> None:
        assert missing(read_catalogue(path)) == []

    def test_the_compiled_form_is_in_step(self, path: Path) -> None:
        assert path.with_suffix(".mo").read_bytes() == compiled(read_catalogue(path))

    def test_no_text_is_left_over(self, path: Path) -> None:
        known = {key if isinstance(key, str) else key[0] for key in keys()}
        left = [m.id for m in read_catalogue(path) if m.id and forms_of(m.id)[0] not in known]
        assert left == []

    def test_no_place_is_lost_or_invented(self, path: Path) -> None:
        # A plural form may leave the count to its words ("two records"); nothing else may be lost.
        wrong = []
        for message in read_catalogue(path):
            if not message.id:
                continue
            places = [set(_PLACE.findall(form)) for form in forms_of(message.id)]
            wanted, needed = set.union(*places), set.intersection(*places)
            optional = {"{count}", "{more}"} if isinstance(message.id, tuple | list) else set()
            for form in forms_of(message.string):
                found = set(_PLACE.findall(form))
                if not needed - optional <= found <= wanted:
                    wrong.append((message.id, form))
        assert wrong == []

    def test_options_keep_their_direction(self, path: Path) -> None:
        # In a right-to-left line a bare ``--level`` is painted as ``level--``.
        bare = [
            m.id
            for m in read_catalogue(path)
            if any(_OPTION.search(_ISOLATED.sub("", form)) for form in forms_of(m.string))
        ]
        assert bare == []

    def test_isolates_are_closed(self, path: Path) -> None:
        for message in read_catalogue(path):
            for form in forms_of(message.string):
                assert form.count("\u2066") == form.count("\u2069")

    def test_an_incomplete_run_is_never_called_sound_or_safe(self, path: Path) -> None:
        for message in read_catalogue(path):
            assert not any(word in " ".join(forms_of(message.string)) for word in ("سليم", "آمن", "اكتشاف"))


def test_the_page_and_the_terminal_say_the_same_in_arabic() -> None:
    # Whoever reads both must not wonder whether two words mean two things.
    page = (PACKAGE / "verify/browser/messages.mjs").read_text()
    catalogue = read_catalogue(LOCALE / "ar/LC_MESSAGES/hisn.po")
    names = {code: code for code in (*RESULTS, *FLAGS)}
    for table, texts in {
        "STEPS": STEPS,
        "SAID": SAID,
        "RESULTS": RESULTS,
        "FLAGS": FLAGS,
        "NAMES": names,
    }.items():
        said = _table_of(page, f"{table}_AR")
        for code, text in texts.items():
            message = catalogue.get(text)
            assert message is not None
            assert said[code] == re.sub("[\u2066\u2069]", "", str(message.string)), (table, code)


def _table_of(page: str, name: str) -> dict[str, str]:
    table = page.partition(f"const {name} = {{\n")[2].partition("\n};\n")[0]
    return {
        quoted or bare: json.loads(f'"{text}"')
        for quoted, bare, text in re.findall(
            r'^  (?:"([^"]+)"|(\w+)):\s+"((?:[^"\\]|\\.)*)",$', table, re.MULTILINE
        )
    }
