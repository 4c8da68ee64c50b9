"""Ask the second verifier, which runs under Node, and compare what it answers."""

from __future__ import annotations

import base64
import json
import subprocess
import unicodedata
from pathlib import Path

from tests.vectors.answers import ask_python

REPOSITORY = Path(__file__).resolve().parents[2]
JS = REPOSITORY / "tests" / "js"


def ask_node(questions: list[tuple[str, bytes]], folder: Path) -> list[str]:
    path = folder / "questions.json"
    path.write_text(json.dumps([(what, base64.b64encode(data).decode()) for what, data in questions]))
    done = subprocess.run(["node", JS / "answer.mjs", path], capture_output=True, text=True, check=True)
    answers: list[str] = json.loads(done.stdout)
    return answers


def differences(questions: list[tuple[str, bytes]], folder: Path) -> list[str]:
    theirs = ask_node(questions, folder)
    found = []
    for (what, data), answer in zip(questions, theirs, strict=True):
        # Which of several faults is named first may differ; whether there is one may not.
        ours = ask_python(what, data)
        if what == "shown" and "Cn" in map(unicodedata.category, data.decode("utf-8", "replace")):
            continue  # a sign that one of the two knows from a newer version of Unicode
        refused = [len(each) == 5 and each.startswith("E3") for each in (ours, answer)]
        if ours != answer and not all(refused):
            found.append(f"{what} {data[:300]!r}: {ours[:200]!r} here, {answer[:200]!r} there")
    return found
