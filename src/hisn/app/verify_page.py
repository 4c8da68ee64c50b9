"""Build ``verify.html``: the second verifier and its page in one file that works from disk.

The modules in `hisn/verify/browser` stand as they are, each in a function of its own, so that no
name of one meets a name of another; what they import and export is all that is rewritten.  The page
may run this one script, use this one style, and open no connection: a content policy says so by
their digests.  The same sources give the same bytes on every machine.
"""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

BROWSER = Path(__file__).resolve().parents[1] / "verify" / "browser"
ENTRY = "page.mjs"

_IMPORT = re.compile(r'^import \{([^}]*)\} from "\./([a-z0-9_]+\.mjs)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:const|function|class) (\w+))", re.MULTILINE)
_OTHER = re.compile(r"^\s*(?:import|export)\b", re.MULTILINE)


def _modules(name: str, found: dict[str, str], folder: Path) -> None:
    """Add a module after those that it imports. Raises ValueError for a circle or an unknown form."""
    if name in found:
        if not found[name]:
            raise ValueError(f"{name} imports itself by way of others")
        return
    found[name] = ""
    text = (folder / name).read_text("utf-8")
    for _, wanted in _IMPORT.findall(text):
        _modules(wanted, found, folder)
    exports = _EXPORT.findall(text)
    body = _EXPORT.sub("", _IMPORT.sub(_taken, text))
    if strange := _OTHER.search(body):
        raise ValueError(f"{name}: a form of import or export that is not known: {strange[0].strip()}")
    # Placed anew: dictionaries keep the order, and this module comes after what it imports.
    del found[name]
    found[name] = f'modules["{name}"] = (() => {{\n{body}return {{ {", ".join(exports)} }};\n}})();\n'


def _taken(match: re.Match[str]) -> str:
    names = " ".join(match[1].split()).rstrip(",").replace(" as ", ": ")
    return f'const {{ {names} }} = modules["{match[2]}"];\n'


def bundle(folder: Path = BROWSER) -> str:
    """Return all modules as one script that needs no other file. Raises ValueError."""
    found: dict[str, str] = {}
    _modules(ENTRY, found, folder)
    script = (
        '"use strict";\nconst modules = {};\n' + "".join(found.values()) + f'modules["{ENTRY}"].start();\n'
    )
    if "</script" in script.lower() or "<!--" in script:
        raise ValueError("the script would end its own element")
    return script


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def build_page(folder: Path = BROWSER) -> bytes:
    """Return the bytes of ``verify.html``. Raises ValueError."""
    script, style = f"\n{bundle(folder)}", f"\n{(folder / 'verify.css').read_text('utf-8')}"
    policy = "; ".join(
        (
            "default-src 'none'",
            f"script-src {_digest(script)}",
            f"style-src {_digest(style)}",
            "base-uri 'none'",
            "form-action 'none'",
            # No text can become an element, by no way that we forgot.
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    )
    page = (folder / "verify.html").read_text("utf-8")
    parts = {"policy": policy, "style": style, "script": script}
    return re.sub(r"\{\{(policy|style|script)\}\}", lambda match: parts[match[1]], page).encode()
