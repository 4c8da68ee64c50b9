from __future__ import annotations

import subprocess
import sys
from contextvars import copy_context

import pytest
from tests.unit.present.samples import language

from hisn.present.i18n import (
    _,
    current_language,
    is_right_to_left,
    language_of_locale,
    ngettext,
    use_language,
)


def test_english_is_the_key_itself_and_loads_nothing() -> None:
    code = "import sys; from hisn.present.i18n import _; _('x'); sys.exit('gettext' in sys.modules)"
    assert subprocess.run([sys.executable, "-I", "-c", code], check=False).returncode == 0
    assert _("Coverage") == "Coverage"


def test_arabic_has_six_forms() -> None:
    with language("ar"):
        forms = {ngettext("{count} hit", "{count} hits", count) for count in (0, 1, 2, 3, 11)}
    assert len(forms) == 5


def test_the_language_belongs_to_the_context() -> None:
    context = copy_context()
    context.run(use_language, "ar")
    assert current_language() == "en"
    assert context.run(is_right_to_left)


def test_the_empty_text_is_not_the_catalogues_header() -> None:
    with language("ar"):
        assert _("") == ""


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(ValueError, match="no catalogue"):
        use_language("tlh")


@pytest.mark.parametrize(
    ("name", "expected"), [("ar_EG.UTF-8", "ar"), ("ar", "ar"), ("AR-sy", "ar"), ("C", "en"), ("fr_FR", "en")]
)
def test_a_locale_names_a_language(name: str, expected: str) -> None:
    assert language_of_locale(name) == expected
