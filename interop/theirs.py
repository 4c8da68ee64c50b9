"""Verify what Go's packages and transparency-dev's modules have written (`interop make`).

    python -m interop.theirs FOLDER

Ends with a trace at the first thing that does not hold.
"""

from __future__ import annotations

import json
import sys
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hisn.core.keys import DualPublic
from hisn.errors import HisnError, VerificationError
from hisn.tlog.checkpoint import (
    LogKeys,
    SignedCheckpoint,
    open_note,
    parse_signed_checkpoint,
    verify_checkpoint,
)
from hisn.tlog.cosign import CosignerKeys, verify_cosigner, verify_subtree_cosignature
from hisn.tlog.merkle import consistency_at, inclusion_at, leaf_hash, verify_consistency, verify_inclusion
from hisn.tlog.note import NoteSignature, format_vkey, parse_note
from hisn.tlog.policy import Policy, parse_policy
from hisn.tlog.proof import parse_tlog_proof
from hisn.tlog.prove import format_tlog_proof, verify_tlog_proof
from hisn.tlog.tile import WIDTH, TileReader
from hisn.tlog.vkey import parse_vkey

NOBODY = Policy((), (), (), "none")


def expect(what: str, *, ok: bool) -> None:
    """End the program if what ought to be is not."""
    if not ok:
        raise SystemExit(f"interop: {what}")


def holds(verify: Callable[..., object], *values: Any, **options: Any) -> bool:
    """Tell whether a verification of those values returns."""
    try:
        verify(*values, **options)
    except HisnError:
        return False
    return True


def _public(keys: list[str]) -> tuple[str, DualPublic]:
    ed25519, mldsa = (parse_vkey(key) for key in keys)
    expect("a key is written in another way", ok=keys == [format_vkey(ed25519), format_vkey(mldsa)])
    return ed25519.name, DualPublic(ed25519.public, mldsa.public)


def _hashes(path: list[str] | None) -> tuple[bytes, ...]:
    return tuple(b64decode(each) for each in path or ())


class Theirs:
    """Hold the exchange file and verify its parts."""

    def __init__(self, folder: Path) -> None:
        self.data: dict[str, Any] = json.loads((folder / "exchange.json").read_bytes())
        self.files = folder / "log"
        self.log = LogKeys(*_public(self.data["log_keys"]))
        self.witnesses = [CosignerKeys(*_public(keys)) for keys in self.data["witness_keys"]]

    def notes(self) -> None:
        """Verify plain notes."""
        for each in self.data["notes"]:
            note = parse_note(b64decode(each["note"]))
            expect("another text", ok=note.text == b64decode(each["text"]))
            open_note(note, [parse_vkey(each["key"])])
        print(f"ok  {len(self.data['notes'])} notes")

    def stages(self) -> list[SignedCheckpoint]:
        """Verify checkpoints and cosignatures of both kinds."""
        found = []
        for each in self.data["checkpoints"]:
            signed = parse_signed_checkpoint(b64decode(each["note"]))
            checkpoint = verify_checkpoint(signed, self.log)
            same = (checkpoint.size, checkpoint.root) == (each["size"], b64decode(each["root"]))
            expect(f"checkpoint {each['size']}", ok=same and checkpoint.origin == self.data["origin"])
            for number, keys in enumerate(self.witnesses):
                signs = holds(verify_cosigner, signed, keys)
                expect("a cosignature", ok=signs == (number in (each["witnesses"] or ())))
            found.append(signed)
        print(f"ok  {len(found)} checkpoints, signed and cosigned with Ed25519 and ML-DSA-44")
        return found

    def merkle(self) -> None:
        """Verify single proofs."""
        for each in self.data["inclusions"]:
            path, root = _hashes(each["path"]), b64decode(each["root"])
            verify_inclusion(b64decode(each["leaf"]), each["index"], each["size"], path, root)
        for each in self.data["consistency"]:
            roots = b64decode(each["old_root"]), b64decode(each["new_root"])
            verify_consistency(each["old"], roots[0], each["new"], roots[1], _hashes(each["path"]))
        counts = len(self.data["inclusions"]), len(self.data["consistency"])
        print(f"ok  {counts[0]} proofs of inclusion, {counts[1]} of consistency")

    def subtrees(self) -> None:
        """Verify cosigned subtrees."""
        for each in self.data["subtrees"]:
            keys = self.witnesses[each["witness"]]
            line = NoteSignature(keys.name, keys.vkeys[1].key_id, b64decode(each["signature"]))
            bounds, root = (each["start"], each["end"]), b64decode(each["root"])
            origin = self.data["origin"]
            good = holds(verify_subtree_cosignature, line, keys, origin, bounds, root)
            expect(f"subtree {bounds}", ok=good == each["good"])
        print(f"ok  {len(self.data['subtrees'])} subtrees")

    def proofs(self) -> None:
        """Verify proofs of logging, and write them again the same."""
        for each in self.data["proofs"]:
            data, leaf = b64decode(each["proof"]), leaf_hash(b64decode(each["entry"] or ""))
            proof = parse_tlog_proof(data)
            expect("a proof is written in another way", ok=format_tlog_proof(proof) == data)
            good = holds(verify_tlog_proof, proof, leaf, self.log, NOBODY)
            expect(f"proof of {each['index']}", ok=good == each["good"])
        print(f"ok  {len(self.data['proofs'])} proofs of logging")

    def policies(self) -> None:
        """Judge checkpoints by their policies."""
        for each in self.data["policies"]:
            signed = parse_signed_checkpoint(b64decode(each["checkpoint"]))
            result = parse_policy(b64decode(each["policy"])).satisfied_by(signed)
            expect("a policy", ok=result.reached == each["reached"])
        print(f"ok  {len(self.data['policies'])} policies")

    def tiles(self, stages: list[SignedCheckpoint]) -> None:
        """Read every entry through checked tiles, and prove from them."""
        last = stages[-1].checkpoint
        reader = TileReader(self._get, last.size, last.root)
        for bundle in range(-(-last.size // WIDTH)):
            for at, entry in enumerate(reader.bundle(bundle)):
                index = bundle * WIDTH + at
                path = inclusion_at(index, last.size, reader)
                verify_inclusion(leaf_hash(entry), index, last.size, path, last.root)
        for stage in (signed.checkpoint for signed in stages[:-1]):
            path = consistency_at(stage.size, last.size, reader)
            verify_consistency(stage.size, stage.root, last.size, last.root, path)
        wrong = TileReader(self._get, last.size, bytes(32))
        try:
            wrong.tile(0, 0)
        except VerificationError:
            print(f"ok  tiles of {last.size} entries, every hash and entry")
        else:
            expect("tiles lead to any root", ok=False)

    def _get(self, name: str) -> bytes | None:
        path = self.files / name
        return path.read_bytes() if path.is_file() else None


def verify(folder: Path) -> None:
    """Verify everything in the folder."""
    theirs = Theirs(folder)
    theirs.notes()
    stages = theirs.stages()
    theirs.merkle()
    theirs.subtrees()
    theirs.proofs()
    theirs.policies()
    theirs.tiles(stages)


if __name__ == "__main__":
    verify(Path(sys.argv[1]))
