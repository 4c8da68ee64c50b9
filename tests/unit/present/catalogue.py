"""Collect every text for people from the source; run it to bring the catalogues up to date.

``python tests/unit/present/catalogue.py`` merges new texts into each ``.po`` file and compiles it;
what has no translation yet is listed, and `test_catalogue.py` fails until it has one.
"""

from __future__ import annotations

import io
import re
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_file
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).resolve().parents[3]
PACKAGE = REPOSITORY / "src" / "hisn"
LOCALE = PACKAGE / "locale"
KEYWORDS = {
    "_": None,
    "mark": None,
    "Phrase": (1,),
    "ngettext": (1, 2),
    "Plural": (1, 2),
    "count_of": (1, 2),
}
Key = str | tuple[str, str]

# click writes these itself; `present.i18n` hands them to our catalogue.
LEVEL_TITLES = re.compile(r"^title: +(.+)$", re.MULTILINE)


def keys() -> dict[Key, str]:
    """Return every catalogue key of the source, with the file it stands in."""
    found: dict[Key, str] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        found |= dict.fromkeys(_extracted("python", path), path.relative_to(PACKAGE).as_posix())
    for path in sorted(PACKAGE.rglob("*.j2")):
        found |= dict.fromkeys(_extracted("jinja2", path), path.relative_to(PACKAGE).as_posix())
    for path in sorted(PACKAGE.glob("app/error_codes.toml")):
        for entry in tomllib.loads(path.read_text(encoding="utf-8")).values():
            found |= dict.fromkeys((entry["title"], entry["text"], entry["hint"]), "app/error_codes.toml")
    found.pop("", None)
    return found


def _extracted(method: str, path: Path) -> Iterator[Key]:
    name = "jinja2.ext:babel_extract" if method == "jinja2" else method
    for _line, message, _comments, _context in extract_from_file(name, path, KEYWORDS):
        yield message if isinstance(message, str) else (message[0], message[1])


def read_catalogue(path: Path) -> Catalog:
    """Read a ``.po`` file."""
    with path.open("rb") as file:
        return read_po(file, locale=path.parts[-3])


def compiled(catalogue: Catalog) -> bytes:
    """Return the ``.mo`` bytes of a catalogue, the same for the same texts."""
    file = io.BytesIO()
    write_mo(file, catalogue)
    return file.getvalue()


def missing(catalogue: Catalog) -> list[Key]:
    """Return the keys that have no translation, or not in every plural form."""
    return [key for key in keys() if not _is_translated(catalogue, key)]


def _is_translated(catalogue: Catalog, key: Key) -> bool:
    message = catalogue.get(key if isinstance(key, str) else key[0])
    if message is None:
        return False
    if isinstance(key, str):
        return isinstance(message.string, str) and bool(message.string)
    return (
        isinstance(message.string, tuple)
        and len(message.string) == catalogue.num_plurals
        and all(message.string)
    )


def update(path: Path) -> list[Key]:
    """Bring one ``.po`` and ``.mo`` up to date and return what still lacks a translation."""
    old = read_catalogue(path)
    new = Catalog(locale=old.locale, domain="hisn", header_comment=old.header_comment, fuzzy=False)
    new.mime_headers = [
        (name, value)
        for name, value in old.mime_headers
        if name in ("MIME-Version", "Content-Type", "Content-Transfer-Encoding", "Language", "Plural-Forms")
    ]
    for key, place in keys().items():
        known = old.get(key if isinstance(key, str) else key[0])
        new.add(key, known.string if known else None, locations=[(place, None)])
    with path.open("wb") as file:
        write_po(file, new, sort_output=True, width=100, omit_header=False)
    path.with_suffix(".mo").write_bytes(compiled(read_catalogue(path)))
    return missing(new)


if __name__ == "__main__":
    for po in sorted(LOCALE.glob("*/LC_MESSAGES/*.po")):
        for lacking in update(po):
            sys.stdout.write(f"{po.parts[-3]}: {lacking!r}\n")
