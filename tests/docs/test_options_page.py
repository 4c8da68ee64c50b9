"""The page of options says what the program says, and the formats page names every format."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.docs.options_page import PAGE

REPOSITORY = Path(__file__).resolve().parents[2]
EVENTS = REPOSITORY / "src" / "hisn" / "events"
_PRINT = "import sys; from tests.docs.options_page import page; sys.stdout.buffer.write(page().encode())"
FORMATS = (PAGE.parent / "formats.md").read_text(encoding="utf-8")


def test_page_of_options_is_up_to_date() -> None:
    # Options are translated when a command is imported, and another test may have done that in Arabic.
    done = subprocess.run([sys.executable, "-c", _PRINT], cwd=REPOSITORY, capture_output=True, check=True)
    page = done.stdout.decode()
    assert PAGE.read_text(encoding="utf-8") == page, "run: python -m tests.docs.options_page"


@pytest.mark.parametrize("kind", sorted(path.stem for path in (EVENTS / "mappings").glob("*.toml")))
def test_formats_page_names_every_mapping(kind: str) -> None:
    assert f"`{kind}.toml`" in FORMATS
