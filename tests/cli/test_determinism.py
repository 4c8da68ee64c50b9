"""Same input, same bytes out: whatever the order, the batches, the processes and the hash seed."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hisn.app.demo import generate_evening
from hisn.app.rules import BUNDLED


@pytest.fixture(scope="module")
def evening(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evening")
    generate_evening(folder, seed=7, size=6_000)
    return folder / "logs"


def findings_of(folders: list[Path], rules: list[Path], words: list[str], hash_seed: str) -> bytes:
    command = [sys.executable, "-m", "hisn", "guard", *map(str, folders), "--json", "--quiet", *words]
    for path in rules:
        command += ["--rules", str(path)]
    done = subprocess.run(
        command, capture_output=True, check=False, env=os.environ | {"PYTHONHASHSEED": hash_seed}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def plain(evening: Path) -> bytes:
    return findings_of([evening], [BUNDLED], ["--processes", "1"], "0")


@pytest.mark.parametrize("hash_seed", ["1", "4711"])
@pytest.mark.parametrize(
    "words",
    [
        ["--processes", "1", "--batch-rows", "1000"],
        ["--processes", "2", "--batch-rows", "77"],
        ["--processes", "3"],
        ["--processes", "1", "--no-hyperscan"],
    ],
)
def test_run_does_not_show_in_the_result(
    evening: Path, plain: bytes, words: list[str], hash_seed: str
) -> None:
    assert plain.count(b'"rule_id"') > 10
    assert findings_of([evening], [BUNDLED], words, hash_seed) == plain


def test_order_of_rules_does_not_show_in_the_findings(evening: Path) -> None:
    files = sorted(BUNDLED.glob("*.yml"))
    random.Random(3).shuffle(files)
    first = findings_of([evening], files, ["--jsonl"], "0")
    second = findings_of([evening], files[::-1], ["--jsonl"], "5")
    assert first.count(b'"rule_id"') > 10
    assert first == second


def test_order_of_files_on_the_disk_and_of_arguments_does_not_show(evening: Path, tmp_path: Path) -> None:
    folders = sorted(path for path in evening.iterdir() if path.is_dir())
    copies = tmp_path / "copies"
    for folder in reversed(folders):
        shutil.copytree(folder, copies / folder.name)
    plain = findings_of(folders, [BUNDLED], [], "0")
    assert findings_of(folders[::-1], [BUNDLED], [], "1") == plain
    copied = [copies / folder.name for folder in folders]
    assert findings_of(copied, [BUNDLED], [], "2") == plain
