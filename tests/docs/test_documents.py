"""Run what the documents tell readers to type, and compare what the documents say it prints.

Code blocks hold commands: ``hisn …`` is run in a folder like the reader's; a line that begins with
``$`` is followed by what it prints, where ``…`` alone stands for any lines.  A command with a
placeholder (a word in capitals, ``…``) or one that needs a network or never ends is not run, but
its options must exist.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

import pytest

from hisn.cli.main import COMMANDS

REPOSITORY = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted(
    [*REPOSITORY.glob("*.md"), *(REPOSITORY / "bench").glob("*.md"), *(REPOSITORY / "docs").rglob("*.md")]
)
PROGRAMS = Path(sys.executable).parent
# Findings (1), something unread (3) and something unwitnessed (5) are results; 2, 4, 6 and 70 are not
# what a reader should get.
RESULTS = {0, 1, 3, 5}
GROUPS = ("evidence", "node", "rules", "unit")

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`(hisn [^`]+)`")
_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
_PLACEHOLDER = re.compile(r"…|####|\.\.\.|(?<![\w=-])[A-Z][A-Z-]+\b|://")


@dataclass(frozen=True, slots=True)
class Command:
    """Hold one command of a document and what the document says that it prints."""

    document: Path
    line: int
    text: str
    prints: tuple[str, ...] | None = None

    def __str__(self) -> str:
        return f"{self.document.relative_to(REPOSITORY)}:{self.line}: {self.text}"

    @property
    def words(self) -> list[str]:
        return shlex.split(self.text, comments=True)

    @property
    def can_run(self) -> bool:
        needs_network = self.words[:3] == ["hisn", "rules", "get"]
        never_ends = self.words[:2] == ["hisn", "watch"] and "--once" not in self.words
        return not (_PLACEHOLDER.search(self.text) or needs_network or never_ends)


def commands_in_blocks(document: Path) -> list[Command]:
    found = []
    text = document.read_text("utf-8")
    for block in _BLOCK.finditer(text):
        if block[1] not in ("", "sh", "console"):
            continue
        lines = block[2].splitlines()
        first = text.count("\n", 0, block.start()) + 2
        for offset, line in enumerate(lines):
            if line.startswith("$ "):
                rest = lines[offset + 1 :]
                end = next((at for at, each in enumerate(rest) if each.startswith("$ ")), len(rest))
                found.append(Command(document, first + offset, line[2:], tuple(rest[:end])))
            elif block[1] != "console" and re.match(r"(\.venv/bin/)?hisn |make |\w+ .*\| hisn ", line):
                found.append(Command(document, first + offset, line.removeprefix(".venv/bin/")))
    return found


def commands_inline(document: Path) -> list[Command]:
    text = document.read_text("utf-8")
    return [
        Command(document, text.count("\n", 0, match.start()) + 1, match[1])
        for match in _INLINE.finditer(text)
    ]


@cache
def help_of(*path: str) -> str:
    done = subprocess.run([PROGRAMS / "hisn", *path, "--help"], capture_output=True, text=True, check=False)
    return done.stdout


def unknown_parts(command: Command) -> list[str]:
    """Return the sub-command and options that the program does not have."""
    words = [word for word in command.words if word not in ("[", "]")]
    while words[:1] != ["hisn"]:
        words = words[1:]  # what stands before the pipe
    path = [word for word in words[1:2] if word in COMMANDS]
    if not path:
        return [word for word in words[1:2] if re.fullmatch(r"[a-z]+", word)]
    if path[0] in GROUPS and len(words) > 2 and words[2].isalpha() and words[2].islower():
        path.append(words[2])
    known = help_of(*path) + help_of()
    options = [
        word.partition("=")[0].strip("[],;") for word in words if word.startswith("-") and len(word) > 1
    ]
    return (
        []
        if known == ""
        else [each for each in options if not re.search(rf"(?<![\w-]){each}(?![\w-])", known)]
    )


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder like the one a reader sits in: logs of an evening, single files, rules."""
    folder = tmp_path_factory.mktemp("stage")
    program = [sys.executable, "-m", "hisn.testing", "--size", "2000", "--out", str(folder / "logs")]
    subprocess.run(program, check=True, capture_output=True)
    portal = next(path for path in (folder / "logs").rglob("*.log") if "portal" in path.as_posix())
    shutil.copyfile(portal, folder / "access.log")
    subprocess.run(["gzip", "--keep", str(folder / "access.log")], check=True)
    line = "Nov  3 20:15:00 ems-01 sshd[812]: Failed password for root from 192.0.2.7 port 50122 ssh2\n"
    (folder / "messages").write_text(line)
    shutil.copytree(REPOSITORY / "src" / "hisn" / "elections" / "pack", folder / "rules")
    return folder


def run(command: Command, folder: Path) -> subprocess.CompletedProcess[str]:
    text = command.text.replace("/var/log", "logs")
    environment = os.environ | {
        "PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}",
        "COLUMNS": "100",
        "HISN_HOME": str(folder / "home"),
        "HISN_PASSPHRASE": "a passphrase for readers",
    }
    return subprocess.run(
        ["bash", "-c", text],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def agrees(said: tuple[str, ...], printed: str) -> bool:
    """Tell whether the printed text is what the document says, ``…`` standing for any lines."""
    lines = [line.rstrip() for line in printed.strip().splitlines()]
    parts = "\n".join(line.rstrip() for line in said).strip().split("\n…\n")
    pattern = "*\n".join(part.replace("[", "[[]").strip("\n") + "\n" for part in parts)
    return fnmatchcase("\n".join(lines) + "\n", pattern.replace("…", "*"))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(REPOSITORY).as_posix())
def test_links_lead_somewhere(document: Path) -> None:
    links = [link for link in _LINK.findall(document.read_text("utf-8")) if "://" not in link]
    assert [link for link in links if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(REPOSITORY).as_posix())
def test_commands_and_options_exist(document: Path) -> None:
    commands = [
        each
        for each in (*commands_in_blocks(document), *commands_inline(document))
        if "hisn" in each.words[:1] or "| hisn" in each.text
    ]
    assert {str(each): parts for each in commands if (parts := unknown_parts(each))} == {}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(REPOSITORY).as_posix())
def test_make_targets_exist(document: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = set(re.findall(r"`make ([a-z-]+)`|^make ([a-z-]+)", document.read_text("utf-8"), re.MULTILINE))
    assert {first or second for first, second in named} - targets == set()


@pytest.mark.needs("bash", "gzip")
@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(REPOSITORY).as_posix())
def test_commands_do_what_the_document_says(document: Path, stage: Path, tmp_path: Path) -> None:
    folder = tmp_path / "reader"
    shutil.copytree(stage, folder)
    # A node of the reader's own; compiled rules are shared with the other documents.
    (folder / "home").mkdir(mode=0o700)
    (stage / "cache").mkdir(mode=0o700, exist_ok=True)
    (folder / "home" / "cache").symlink_to(stage / "cache")
    wrong = {}
    for command in commands_in_blocks(document):
        if "hisn" not in command.text or command.text.startswith("make ") or not command.can_run:
            continue
        if "sigma.pack" in command.text and not (folder / "sigma.pack").exists():
            subprocess.run(
                [PROGRAMS / "hisn", "rules", "build", "rules", "-o", "sigma.pack"], cwd=folder, check=True
            )
        done = run(command, folder)
        if done.returncode not in RESULTS:
            wrong[str(command)] = f"exit {done.returncode}: {done.stderr.strip()[-500:]}"
        elif command.prints is not None and not agrees(command.prints, done.stdout + done.stderr):
            wrong[str(command)] = f"printed:\n{done.stdout + done.stderr}"
    assert not wrong, "\n" + "\n".join(f"{command}\n    {reason}" for command, reason in wrong.items())


def test_every_command_is_in_the_reference() -> None:
    reference = (REPOSITORY / "docs" / "reference" / "commands.md").read_text("utf-8")
    assert [name for name in COMMANDS if f"`hisn {name}" not in reference] == []


def test_what_is_called_shown_names_what_shows_it() -> None:
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in (REPOSITORY / "docs" / "status.md").read_text("utf-8").splitlines()
        if line.startswith("| ") and not line.startswith("| point")
    ]
    states = {row[2].partition(":")[0] for row in rows}
    assert states <= {"open", "partly", "shown"}
    nowhere = [
        path
        for _, shown_by, state in rows
        if state != "open"
        for path in re.findall(r"`([\w./-]+)`", shown_by)
        if not (REPOSITORY / path).exists()
    ]
    assert nowhere == []
