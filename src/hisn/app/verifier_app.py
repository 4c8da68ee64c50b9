"""Build the verifier as one file, ``hisn-verify.pyz``: the modules it imports, and nothing else.

The same sources give the same bytes on every machine: entries are sorted, stored without
compression, and carry no time.
"""

from __future__ import annotations

import ast
import io
import zipfile
from pathlib import Path

SHEBANG = b"#!/usr/bin/env python3\n"
_EPOCH = (1980, 1, 1, 0, 0, 0)
_MAIN = b"""\
import sys

try:
    import cryptography  # noqa: F401
except ImportError:
    sys.exit("the verifier needs the package cryptography, 48 or later: python -m pip install cryptography")

from hisn.verify.__main__ import main

sys.exit(main(sys.argv[1:]))
"""


def verifier_modules(source: Path | None = None) -> dict[str, Path]:
    """Return the modules that `hisn.verify` imports, in any number of steps, by dotted name.

    Packages on the way are among them.  `source` is the folder that holds the package `hisn`.
    """
    source = source or Path(__file__).resolve().parents[2]
    wanted = [f"hisn.verify.{path.stem}" for path in (source / "hisn" / "verify").glob("*.py")]
    found: dict[str, Path] = {}
    while wanted:
        name = wanted.pop().removesuffix(".__init__")
        path = _path_of(source, name)
        if name in found or path is None:
            continue
        found[name] = path
        wanted += [name.rpartition(".")[0], *_imports(path)]
    return dict(sorted(found.items()))


def foreign_imports(modules: dict[str, Path]) -> set[str]:
    """Return the top-level names that modules import from outside of the package."""
    names = {name.partition(".")[0] for path in modules.values() for name in _imports(path)}
    return names - {"hisn"}


def _path_of(source: Path, name: str) -> Path | None:
    if not name.startswith("hisn"):
        return None
    place = source.joinpath(*name.split("."))
    paths = (place.with_suffix(".py"), place / "__init__.py")
    return next((path for path in paths if path.is_file()), None)


def _imports(path: Path) -> list[str]:
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_bytes(), filename=str(path))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            # `from hisn.core import limits` names a module, `from hisn.errors import X` does not.
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return names


def build_verifier(source: Path | None = None) -> bytes:
    """Return the bytes of ``hisn-verify.pyz``."""
    source = source or Path(__file__).resolve().parents[2]
    modules = verifier_modules(source)
    files = {path.relative_to(source).as_posix(): path.read_bytes() for path in modules.values()}
    held = io.BytesIO()
    held.write(SHEBANG)
    with zipfile.ZipFile(held, "a", zipfile.ZIP_STORED) as archive:
        for name, data in sorted((files | {"__main__.py": _MAIN}).items()):
            info = zipfile.ZipInfo(name, _EPOCH)
            info.create_system, info.external_attr = 3, 0o644 << 16
            archive.writestr(info, data)
    return held.getvalue()
