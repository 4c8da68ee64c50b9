"""Write what other programs must verify: a log of ours with tiles, checkpoints, proofs and policies.

    python -m interop.ours FOLDER

The folder gets `exchange.json`, whose form is in `interop/go/exchange.go`, and the files of a log
as a node serves them, under `log`.
"""

from __future__ import annotations

import json
import sys
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hisn.core.signers import dual_from_seed
from hisn.storage.blobs import FileBlobs
from hisn.testing.fake_clock import FakeClock
from hisn.testing.memory_register import MemoryRegister
from hisn.tlog.append import LogWriter
from hisn.tlog.checkpoint import parse_signed_checkpoint
from hisn.tlog.merkle import (
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root_of,
    subtree_root,
)
from hisn.tlog.note import ED25519, VerifierKey, format_vkey, vkey_of
from hisn.tlog.policy import Group, Policy, WitnessLine, format_policy
from hisn.tlog.proof import TlogProof
from hisn.tlog.prove import format_tlog_proof
from hisn.tlog.sign import Cosigner, LogSigner, add_signatures, format_note, sign_note

ORIGIN = "hisn.example/سجل"
SIZES = (1, 2, 7, 255, 256, 257, 700)
ENTRIES = tuple(b"" if number == 5 else f"entry {number}".encode() for number in range(max(SIZES)))
LEAVES = tuple(leaf_hash(entry) for entry in ENTRIES)
NOBODY = Policy((), (), (), "none")
TIME_S = 1_800_000_000


def log_signer() -> LogSigner:
    """Return the log's signer."""
    return LogSigner(ORIGIN, dual_from_seed(b"l" * 32), FakeClock())


def witness(number: int) -> Cosigner:
    """Return one of three witnesses."""
    return Cosigner(f"hisn.example/w{number}", dual_from_seed(bytes([number]) * 32))


WITNESSES = tuple(witness(number) for number in range(3))


@dataclass(frozen=True)
class Stage:
    """Hold the log at one size."""

    size: int
    note: bytes
    witnesses: tuple[int, ...] = ()
    from_last: tuple[bytes, ...] = field(default=())

    @property
    def root(self) -> bytes:
        """Return the root hash."""
        return root_of(LEAVES[: self.size])


def grow(folder: Path) -> list[Stage]:
    """Append to a log in files, publish it at every size, and have it cosigned."""
    folder.mkdir(parents=True, exist_ok=True)
    blobs = FileBlobs(folder)
    writer = LogWriter.create(log_signer(), blobs, MemoryRegister())
    stages: list[Stage] = []
    last = 0
    for number, size in enumerate(SIZES):
        appended = writer.append(ENTRIES[last:size])
        text = parse_signed_checkpoint(appended.checkpoint).note.text
        who = tuple(each for each in range(len(WITNESSES)) if (number + each) % 3)
        lines = [line for each in who for line in WITNESSES[each].cosign(text, TIME_S + number)]
        note = add_signatures(appended.checkpoint, lines)
        writer.publish(note, NOBODY)
        stages.append(Stage(size, note, who, consistency_proof(LEAVES, last, size) if last else ()))
        last = size
    return stages


def _b64(data: bytes) -> str:
    return b64encode(data).decode()


def _path(hashes: Sequence[bytes]) -> list[str]:
    return [_b64(each) for each in hashes]


def _notes() -> Iterator[dict[str, str]]:
    signer = dual_from_seed(b"n" * 32).ed25519
    for name, text in (
        ("hisn.example/plain", "one line\n"),
        ("hisn.example/ключ", "\n\nempty lines\n\n— hisn.example/ключ AAAAAAAA\n\n"),
        ("hisn.example/مفتاح", "a\u2028b\u0085c\u007f\n"),
        ("\U0001f511\u200bx", "ends with an empty line\n\n"),
    ):
        key = vkey_of(name, ED25519, signer.public)
        note = format_note(text.encode(), [sign_note(text.encode(), name, signer)])
        yield {"key": format_vkey(key), "note": _b64(note), "text": _b64(text.encode())}


def _inclusions() -> Iterator[dict[str, Any]]:
    for size in SIZES:
        for index in range(0, size, 1 + size // 9):
            case = {"index": index, "size": size, "root": _b64(root_of(LEAVES[:size]))}
            path = inclusion_proof(LEAVES, index, size)
            yield {**case, "leaf": _b64(LEAVES[index]), "path": _path(path), "good": True}
            yield {**case, "leaf": _b64(LEAVES[index - 1]), "path": _path(path), "good": False}
            yield {**case, "leaf": _b64(LEAVES[index]), "path": _path((*path, bytes(32))), "good": False}


def _consistency() -> Iterator[dict[str, Any]]:
    for new in SIZES:
        for old in (size for size in SIZES if size <= new):
            path = consistency_proof(LEAVES, old, new)
            roots = {"old_root": _b64(root_of(LEAVES[:old])), "new_root": _b64(root_of(LEAVES[:new]))}
            yield {"old": old, "new": new, **roots, "path": _path(path), "good": True}
            if path:
                spoiled = (bytes(32), *path[1:])
                yield {"old": old, "new": new, **roots, "path": _path(spoiled), "good": False}


def _subtrees() -> Iterator[dict[str, Any]]:
    root = subtree_root(LEAVES, 512, 700)
    signature = _b64(WITNESSES[1].cosign_subtree(ORIGIN, 512, 700, root).signature)
    for number, start, end, good in ((1, 512, 700, True), (1, 512, 699, False), (2, 512, 700, False)):
        case = {"witness": number, "start": start, "end": end, "root": _b64(root)}
        yield {**case, "signature": signature, "good": good}


def _proofs(stages: Sequence[Stage]) -> Iterator[dict[str, Any]]:
    for stage in stages:
        index = stage.size // 2
        path = inclusion_proof(LEAVES, index, stage.size)
        data = format_tlog_proof(TlogProof(index, path, stage.note, b"extra" if index % 2 else b""))
        for entry, good in ((ENTRIES[index], True), (ENTRIES[index - 1], False)):
            yield {"entry": _b64(entry), "proof": _b64(data), "index": index, "good": good}


def policy(k: int) -> bytes:
    """Return the policy that k of the three witnesses must sign, each with both keys."""
    lines, groups = [], []
    for number, each in enumerate(WITNESSES):
        names = tuple(f"w{number}.{kind}" for kind in ("ed", "pq"))
        address = f"https://w{number}.example/"
        lines += [WitnessLine(name, key, address) for name, key in zip(names, each.keys.vkeys, strict=True)]
        groups.append(Group(f"w{number}", 2, names))
    quorum = Group("q", k, ("w0", "w1", "w2"))
    return format_policy(Policy((), tuple(lines), (*groups, quorum), "q"))


def _policies(stages: Sequence[Stage]) -> Iterator[dict[str, Any]]:
    for stage in stages:
        for k in (1, 2, 3):
            reached = len(stage.witnesses) >= k
            yield {"policy": _b64(policy(k)), "checkpoint": _b64(stage.note), "reached": reached}


def _vkeys(keys: Sequence[VerifierKey]) -> list[str]:
    return [format_vkey(key) for key in keys]


def write(folder: Path) -> list[Stage]:
    """Write everything; return the stages of the log."""
    home = folder / "home"
    stages = grow(home)
    (found,) = (home / "log").iterdir()
    found.rename(folder / "log")
    exchange = {
        "origin": ORIGIN,
        "log_keys": _vkeys(log_signer().keys.vkeys),
        "witness_keys": [_vkeys(each.keys.vkeys) for each in WITNESSES],
        "notes": list(_notes()),
        "checkpoints": [
            {
                "size": stage.size,
                "root": _b64(stage.root),
                "note": _b64(stage.note),
                "witnesses": stage.witnesses,
                "from_last": _path(stage.from_last),
            }
            for stage in stages
        ],
        "inclusions": list(_inclusions()),
        "consistency": list(_consistency()),
        "subtrees": list(_subtrees()),
        "proofs": list(_proofs(stages)),
        "policies": list(_policies(stages)),
    }
    (folder / "exchange.json").write_text(json.dumps(exchange, indent=1), "utf-8")
    print(f"ok  a log of {max(SIZES)} entries with {len(stages)} checkpoints is written")
    return stages


if __name__ == "__main__":
    write(Path(sys.argv[1]))
