from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parents[3] / "bench" / "web.py"


@pytest.mark.corpus
def test_web_rules_see_labelled_attacks_and_leave_ordinary_lines_alone(corpus: Path) -> None:
    done = subprocess.run(
        [sys.executable, BENCH, corpus / "web"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
