"""The list of formats: asked by content, imported when needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hisn.events import sources


def test_every_format_of_the_folder_is_listed() -> None:
    folder = Path(sources.__file__).parent
    formats = {path.stem for path in folder.glob("*.py") if "\nFORMAT = " in path.read_text("utf-8")}
    assert formats == {entry.module for entry in sources.REGISTRY}


def test_names_of_formats_are_unique_and_found_again() -> None:
    found = [sources.by_name(name) for name in ("evtx", "json-lines", "json")]
    assert [form.name for form in found if form is not None] == ["evtx", "json-lines", "json"]
    assert sources.by_name("nobody-knows") is None


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"ElfFile\0" + bytes(5000), "evtx"),
        (bytes(4096) + b"ElfChnk\0", "evtx"),
        (b'{"a":1}\n{"a":2}\n', "json-lines"),
        (b'{\n "a": 1\n}\n', "json"),
        (b'[{"a":1}]', "json"),
        (b'{"a":"' + b"x" * 65536, "json"),
        (b"", None),
        (b"\0\0\0\0", None),
        (b"Dear diary,\n", None),
    ],
)
def test_head_decides(head: bytes, name: str | None) -> None:
    found = sources.sniff(head)
    assert (None if found is None else found.name) == name


def test_json_does_not_cost_the_import_of_text_formats() -> None:
    script = (
        "import sys; from hisn.events import sources; sources.sniff(b'ElfFile\\0'); "
        "print(sorted(name for name in sys.modules if name.startswith('hisn.events.sources.')))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "combined" not in done.stdout
    assert "evtx" in done.stdout
