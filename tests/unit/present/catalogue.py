"""Collect every text for people from the source; run it to bring the catalogues up to date.

``python tests/unit/present/catalogue.py`` merges new texts into each ``.po`` file and compiles it;
what has no translation yet is listed, and `test_i18n_catalogue.py` fails until it has one.
"""

from __future__ import annotations

import ast
import io
import sys
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
SINGULAR = {"_", "mark", "Phrase"}
PLURAL = {"ngettext", "Plural", "count_of", "mark_plural"}
TABLES = {"verify/texts.py": {"STEPS", "SAID", "RESULTS", "FLAGS"}}
"""Tables whose values are texts, where the module may not import `mark`: the verifier stays small."""
Key = str | tuple[str, str]


def keys() -> dict[Key, str]:
    """Return every catalogue key of the source, with the file it stands in."""
    found: dict[Key, str] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        place = path.relative_to(PACKAGE).as_posix()
        tree = ast.parse(path.read_bytes())
        found |= dict.fromkeys(_in_python(tree), place)
        found |= dict.fromkeys(_in_tables(tree, TABLES.get(place, set())), place)
    for path in sorted(PACKAGE.rglob("*.j2")):
        place = path.relative_to(PACKAGE).as_posix()
        found |= dict.fromkeys(_in_template(path), place)
    found.pop("", None)
    return found


def _in_python(tree: ast.Module) -> Iterator[Key]:
    # Babel's own extractor does not look into f-strings.
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        texts = [
            arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)
        ]
        if name in SINGULAR and texts:
            yield texts[0]
        elif name in PLURAL and len(texts) >= len(("one", "many")):
            yield texts[0], texts[1]
        elif name == "Attack":
            yield from _of_attack(node)


def _of_attack(node: ast.Call) -> Iterator[str]:
    # The demonstration shows what it planted; `Attack` stands below the room that translates.
    named = {word.arg: word.value for word in node.keywords} | dict(
        zip(("name", "title"), node.args, strict=False)
    )
    yield from (ast.literal_eval(named[name]) for name in ("title", "note") if name in named)


def _in_tables(tree: ast.Module, names: set[str]) -> Iterator[str]:
    found = set()
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            if name in names:
                found.add(name)
                yield from ast.literal_eval(node.value).values()
    if found != names:
        message = f"no such tables: {names - found}"
        raise ValueError(message)


def _in_template(path: Path) -> Iterator[Key]:
    keywords: dict[str, tuple[int, ...] | None] = dict.fromkeys(SINGULAR)
    keywords |= dict.fromkeys(PLURAL, (1, 2))
    for _line, message, _comments, _context in extract_from_file("jinja2.ext:babel_extract", path, keywords):
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
    # No clock: the same texts give the same files.
    new.creation_date, new.revision_date = old.creation_date, old.revision_date
    for key, place in keys().items():
        known = old.get(key if isinstance(key, str) else key[0])
        new.add(key, known.string if known else None, locations=[(place, 0)])
    with path.open("wb") as file:
        write_po(file, new, sort_output=True, width=100, include_lineno=False)
    path.with_suffix(".mo").write_bytes(compiled(read_catalogue(path)))
    return missing(new)


if __name__ == "__main__":
    for po in sorted(LOCALE.glob("*/LC_MESSAGES/*.po")):
        for lacking in update(po):
            sys.stdout.write(f"{po.parts[-3]}: {lacking!r}\n")
