from __future__ import annotations

import base64
import hashlib
import re
import shutil
from pathlib import Path

import pytest

from hisn.app.verify_page import BROWSER, build_page, bundle


def copied(folder: Path, **changed: str) -> Path:
    """Return a copy of the modules with some of them replaced."""
    shutil.copytree(BROWSER, folder)
    for name, text in changed.items():
        (folder / f"{name}.mjs").write_text(text, "utf-8")
    return folder


def between(page: str, start: str, end: str) -> str:
    return page.partition(start)[2].partition(end)[0]


def sha256_of(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def test_the_same_sources_give_the_same_bytes() -> None:
    assert build_page() == build_page()


def test_the_policy_allows_this_script_and_this_style_and_nothing_else() -> None:
    page = build_page().decode()
    policy = between(page, 'http-equiv="Content-Security-Policy" content="', '"')
    assert sha256_of(between(page, "<script>", "</script>")) in between(policy, "script-src", ";")
    assert sha256_of(between(page, "<style>", "</style>")) in between(policy, "style-src", ";")
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert page.count("<script") == page.count("</script") == page.count("<style") == 1


def test_the_page_names_no_other_file_and_no_host() -> None:
    page = build_page().decode()
    assert re.findall(r"(?:https?:)?//[\w.-]+\.\w+[^\s\"'`]*", page) == ["https://in-toto.io/Statement/v1"]
    assert (
        re.findall(r"\b(?:src|href|url|import|fetch|XMLHttpRequest|WebSocket|EventSource)\s*[=(]", page) == []
    )
    assert "{{" not in page


def test_no_text_ever_becomes_an_element() -> None:
    script = bundle()
    forbidden = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function|\bon[a-z]+\s*="
    assert re.findall(forbidden, script) == []


def test_every_module_stands_once_and_after_what_it_imports() -> None:
    script = bundle()
    made = re.findall(r'^modules\["([\w.]+)"\] =', script, re.MULTILINE)
    assert sorted(made) == sorted(path.name for path in BROWSER.glob("*.mjs"))
    for name, wanted in re.findall(r'^const \{ (.*) \} = modules\["([\w.]+)"\];', script, re.MULTILINE):
        assert script.index(f'modules["{wanted}"] =') < script.index(
            f'const {{ {name} }} = modules["{wanted}"]'
        )


@pytest.mark.parametrize(
    "text",
    [
        'import * as all from "./bytes.mjs";\nexport const start = 1;\n',
        'import thing from "./bytes.mjs";\n',
        'import "./bytes.mjs";\n',
        "export default 1;\n",
        "export { start };\n",
        'import { x } from "https://example.org/x.mjs";\n',
    ],
)
def test_a_form_of_import_that_is_not_known_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not known"):
        bundle(copied(tmp_path / "browser", page=text))


def test_modules_that_import_each_other_are_refused(tmp_path: Path) -> None:
    text = 'import { start } from "./page.mjs";\nexport const utf8 = 1;\n'
    with pytest.raises(ValueError, match="by way of others"):
        bundle(copied(tmp_path / "browser", bytes=text))


@pytest.mark.parametrize("text", ["</SCRIPT >", "<!-- "])
def test_a_script_that_would_end_its_element_is_refused(text: str, tmp_path: Path) -> None:
    module = f'export const start = () => "{text}";\n'
    with pytest.raises(ValueError, match="end its own element"):
        bundle(copied(tmp_path / "browser", page=module))
