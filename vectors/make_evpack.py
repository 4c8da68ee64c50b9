"""Make our test vectors for proof packs: good ones, and an attack in each of the others.

    python -m vectors.make_evpack

Beside every `NAME.evpack` stands `expected/NAME.json`: what `genesis` to pin (null: none), the
`result`, the exit code, the step that `failed` and its error `code`, the status of every step, the
codes of what is proven and what is not, the flags with the members they rest on, for every act the
states it was made after and the second it was made before, the events that are
`context` (act, index), and `why` in words.  A pack that is none at all has the failed step `container`
and nothing else.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vectors.evpack_vector import Vector

from hisn.errors import VerificationError
from hisn.verify.check import verify_pack
from hisn.verify.steps import Report, ShownAct
from vectors import evpack_bad, evpack_broken, evpack_good, evpack_lies, evpack_slots

HERE = Path(__file__).resolve().parent / "evpack"


def vectors() -> Iterator[Vector]:
    """Yield all vectors."""
    for module in (evpack_good, evpack_broken, evpack_bad, evpack_slots, evpack_lies):
        yield from module.vectors()


def expected(vector: Vector) -> dict[str, Any]:
    """Return what a verifier must find. Raises ValueError where ours finds something else."""
    said: dict[str, Any] = {"why": vector.why, "genesis": vector.genesis.hex() if vector.genesis else None}
    try:
        found = _of_report(verify_pack(vector.data, genesis=vector.genesis))
    except VerificationError as error:
        found = {"result": "INVALID", "exit": 4, "failed": "container", "code": error.code}
    if (found["result"], found["failed"]) != (vector.result, vector.failed):
        raise ValueError(f"{vector.name}: {found['result']}, failed {found['failed']} ({found.get('code')})")
    return said | found


def _of_report(report: Report) -> dict[str, Any]:
    failed = report.failed
    code = failed.detail.args.get("code", failed.detail.code) if failed else None
    return {
        "result": report.result.value,
        "exit": report.exit_code,
        "failed": failed.code if failed else None,
        "code": code,
        "steps": [f"{step.code} {step.status.value}" for step in report.steps],
        "proven": [said.code for said in report.proven],
        "not_proven": [said.code for said in report.not_proven],
        "flags": {flag.name.value: list(flag.by) for flag in report.flags},
        "acts": [_of_act(act) for act in report.shown.acts] if report.shown else [],
        "context": [
            [event.act, event.index]
            for event in (report.shown.events if report.shown else ())
            if event.is_context
        ],
    }


def _of_act(act: ShownAct) -> dict[str, Any]:
    return {
        "kind": act.kind,
        "origin": act.actor,
        "index": act.index,
        "after": [list(each) for each in act.after],
        "before": act.witnessed.before_s,
        "cosigners": [each.name for each in act.witnessed.cosigners],
        "missing": list(act.witnessed.missing),
    }


def write(folder: Path) -> int:
    """Write all vectors and return how many there are."""
    (folder / "expected").mkdir(parents=True, exist_ok=True)
    count = 0
    for count, vector in enumerate(vectors(), 1):  # noqa: B007  (the count is what is returned)
        text = json.dumps(expected(vector), indent=1, ensure_ascii=False)
        (folder / f"{vector.name}.evpack").write_bytes(vector.data)
        (folder / "expected" / f"{vector.name}.json").write_text(text + "\n", "utf-8")
    return count


if __name__ == "__main__":
    print(f"{write(HERE)} vectors", file=sys.stderr)  # noqa: T201  (a program for people)
