"""Hold the house to its own drawing, from the first day and with no exceptions."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
import zipfile
from functools import cache
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).resolve().parent.parent
PACKAGE = REPOSITORY / "src" / "hisn"
MODULES = sorted(PACKAGE.rglob("*.py"))
MAX_LINES = 500
MAX_MEDIAN_LINES = 300
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "shared"}
ERROR_FAMILIES = {
    "UsageError": "E1",
    "InputError": "E2",
    "VerificationError": "E3",
    "PolicyError": "E4",
    "StorageError": "E5",
}
# `hisn --help` has 150 ms; each of these alone takes a good part of it.
HEAVY = {"babel", "evtx", "hyperscan", "jinja2", "lxml", "numpy", "re2", "requests", "rich", "sigma"}


def name_of(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


def expect_none(found: list[str]) -> None:
    # Written out: what is wrong is a list for people, and pytest would cut it.
    assert not found, "\n" + "\n".join(found)


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_bytes(), filename=str(path))


def committed_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, check=True)
    names = listed.stdout.decode().split("\0")
    return [path for name in names if name and (path := REPOSITORY / name).is_file()]


def test_rooms_import_only_downwards() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint, "--no-logo"], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_module_outgrows_its_idea() -> None:
    lines = {name_of(path): path.read_bytes().count(b"\n") for path in MODULES}
    assert {name: count for name, count in lines.items() if count > MAX_LINES} == {}
    assert median(count for count in lines.values() if count) <= MAX_MEDIAN_LINES


def test_no_module_is_named_after_nothing() -> None:
    assert [name_of(path) for path in PACKAGE.rglob("*") if path.stem.strip("_") in EMPTY_NAMES] == []


def has_logic(module: ast.Module) -> bool:
    """Tell whether a module has a function that does something: methods of protocols do not."""

    def functions(node: ast.AST) -> Iterator[ast.AST]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.ClassDef) and any(
                "Protocol" in ast.unparse(base) for base in child.bases
            ):
                continue
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                yield child
            yield from functions(child)

    return any(True for _ in functions(module))


def stems(folder: Path) -> set[str]:
    return {path.stem.removeprefix("test_") for path in folder.glob("test_*.py")}


def test_every_module_with_logic_has_its_tests_in_the_same_place() -> None:
    missing = []
    for path in MODULES:
        if not has_logic(tree_of(path)):
            continue
        place = path.relative_to(PACKAGE)
        name = place.parent.name if path.stem == "__init__" else path.stem.strip("_")
        folder = place.parent.parent if path.stem == "__init__" else place.parent
        tested = stems(REPOSITORY / "tests" / "unit" / folder) | (
            stems(REPOSITORY / "tests" / "cli") if folder.name == "cli" else set()
        )
        if not any(stem == name or stem.startswith(f"{name}_") for stem in tested):
            missing.append(f"{name_of(path)}: tests/unit/{(folder / f'test_{name}.py').as_posix()}")
    expect_none(missing)


def test_every_unit_test_has_its_module() -> None:
    orphans = []
    unit = REPOSITORY / "tests" / "unit"
    for path in sorted(unit.rglob("test_*.py")):
        folder = PACKAGE / path.relative_to(unit).parent
        modules = {each.stem.strip("_") for each in folder.glob("*.py")} | {
            each.name for each in folder.glob("*/") if (each / "__init__.py").exists()
        }
        stem = path.stem.removeprefix("test_")
        if not any(stem == module or stem.startswith(f"{module}_") for module in modules):
            orphans.append(name_of(path))
    expect_none(orphans)


def declared_exports(path: Path) -> set[str] | None:
    for node in tree_of(path).body:
        if isinstance(node, ast.Assign) and any(ast.unparse(target) == "__all__" for target in node.targets):
            return set(ast.literal_eval(node.value))
    return None


def path_of_module(dotted: str) -> Path | None:
    place = REPOSITORY / "src" / Path(*dotted.split("."))
    for path in (place.with_suffix(".py"), place / "__init__.py"):
        if path.exists():
            return path
    return None


def test_nobody_reaches_into_another_module() -> None:
    found = []
    for path in MODULES:
        for node in ast.walk(tree_of(path)):
            if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("hisn"):
                continue
            source = path_of_module(node.module or "")
            exports = declared_exports(source) if source else None
            for alias in node.names:
                is_module = path_of_module(f"{node.module}.{alias.name}") is not None
                # `_` is gettext's name for "translate this".
                is_private = alias.name.startswith("_") and alias.name not in ("_", "__version__")
                is_hidden = exports is not None and alias.name not in exports and not is_module
                if is_private or is_hidden or alias.name == "*":
                    found.append(f"{name_of(path)}:{node.lineno}: {node.module}.{alias.name}")
    expect_none(found)


def calls(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            yield node.lineno, ast.unparse(node.func)


def test_only_the_command_line_and_the_renderers_print() -> None:
    found = [
        f"{name_of(path)}:{line}"
        for path in MODULES
        if path.relative_to(PACKAGE).parts[0] not in ("cli", "present")
        for line, function in calls(path)
        if function == "print"
    ]
    expect_none(found)


def test_only_the_command_line_ends_the_program() -> None:
    enders = {"sys.exit", "exit", "quit", "SystemExit"}
    found = [
        f"{name_of(path)}:{line}"
        for path in MODULES
        if path.relative_to(PACKAGE).parts[0] != "cli" and path.name != "__main__.py"
        for line, function in calls(path)
        if function in enders
    ]
    expect_none(found)


def test_nothing_committed_names_a_machine_or_a_registry() -> None:
    own_places = [re.escape(str(place)) for place in (REPOSITORY, REPOSITORY.parent / "shared")]
    hosts = [r"pypi[.]org", r"pythonhosted[.]org", r"crates[.]io", r"npmjs[.]org", r"artifactory[/.]"]
    options = [r"^--(extra-)?index-url", r"^--find-links", r"^--trusted-host"]
    forbidden = re.compile("|".join(own_places + hosts + options).encode(), re.MULTILINE)
    found = [
        f"{name_of(path)}: {match[0].decode(errors='replace')}"
        for path in committed_files()
        for match in forbidden.finditer(path.read_bytes())
    ]
    expect_none(found)


def error_codes_in_use() -> dict[str, str]:
    used: dict[str, str] = {}
    for path in MODULES:
        for node in ast.walk(tree_of(path)):
            if (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and re.fullmatch(r"E\d{4}", node.value)
            ):
                used.setdefault(node.value, f"{name_of(path)}:{node.lineno}")
    return used


def error_codes_explained() -> dict[str, dict[str, str]]:
    return tomllib.loads((PACKAGE / "app" / "error_codes.toml").read_text("utf-8"))


def test_every_error_code_is_explained_and_every_explanation_is_used() -> None:
    used, explained = error_codes_in_use(), error_codes_explained()
    expect_none(
        [f"{place}: {code} is not explained" for code, place in used.items() if code not in explained]
    )
    expect_none([f"{code} is not used" for code in sorted(set(explained) - set(used))])


def test_every_explanation_says_what_happened_and_what_to_do() -> None:
    incomplete = [
        f"{code}: {part}"
        for code, entry in error_codes_explained().items()
        for part in ("title", "text", "hint")
        if not entry.get(part, "").strip()
    ]
    expect_none(incomplete)


def test_an_error_code_belongs_to_the_family_of_its_error() -> None:
    found = []
    for path in MODULES:
        for node in ast.walk(tree_of(path)):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            family = ERROR_FAMILIES.get(ast.unparse(node.func).rpartition(".")[2])
            code = node.args[0]
            if family and isinstance(code, ast.Constant) and not str(code.value).startswith(family):
                found.append(f"{name_of(path)}:{node.lineno}: {code.value!r}")
    expect_none(found)


def names_of_dependencies(*, dev: bool) -> set[str]:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    wanted: list[str] = list(project["dependencies"])
    if dev:
        for group in project["optional-dependencies"].values():
            wanted += group
    return {re.split(r"[^A-Za-z0-9._-]", each)[0].lower() for each in wanted}


def test_every_dependency_has_its_reason() -> None:
    names = names_of_dependencies(dev=True)
    record = (REPOSITORY / "docs" / "adr" / "0002-dependencies.md").read_text("utf-8")
    reasoned = {match[1].lower() for match in re.finditer(r"^\| `([^`]+)` \|", record, re.MULTILINE)}
    assert names - reasoned == set(), "without a reason"
    assert reasoned - names == set(), "reasons for what is not used"


@pytest.mark.parametrize(("file", "dev"), [("requirements.lock", False), ("requirements-dev.lock", True)])
def test_the_lock_files_pin_everything_with_its_hash(file: str, dev: bool) -> None:
    entries = re.split(r"\n(?=[a-z0-9])", (REPOSITORY / file).read_text("utf-8").strip())
    assert [entry for entry in entries if "==" not in entry or "--hash=sha256:" not in entry] == []
    assert names_of_dependencies(dev=dev) - {entry.partition("==")[0] for entry in entries} == set()


def test_the_wheel_carries_every_data_file(tmp_path: Path) -> None:
    builder = pytest.importorskip("hatchling.builders.wheel").WheelBuilder(str(REPOSITORY))
    (wheel,) = builder.build(directory=str(tmp_path), versions=["standard"])
    with zipfile.ZipFile(wheel) as archive:
        packed = set(archive.namelist())
    source = REPOSITORY / "src"
    wanted = {
        path.relative_to(source).as_posix()
        for path in committed_files()
        if path.is_relative_to(source / "hisn")
    }
    assert wanted - packed == set()


def test_asking_for_help_loads_nothing_heavy() -> None:
    program = "import sys, hisn.cli.main; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) & HEAVY == set()
