"""Make acts for tests: one plain act of every kind, and small variations of it."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import Any

from hisn.acts.statement import BodyRef, Head, Header, Ref, Statement
from hisn.core.canon import Json
from hisn.core.signers import DualSigner, dual_from_seed

ORIGIN = "north.example/log"
OTHER = "south.example/log"
TIME = "2026-11-03T19:00:00.000000Z"


def digest(text: str) -> bytes:
    return sha256(text.encode()).digest()


def signer(name: str) -> DualSigner:
    return dual_from_seed(digest(name))


def header(**changes: Any) -> Header:
    plain = Header(
        actor=ORIGIN,
        origin=ORIGIN,
        seq=1,
        prev=digest("act 0"),
        seen=(Head(OTHER, 17, digest("head")),),
        claimed_time=TIME,
    )
    return replace(plain, **changes)


BATCH: dict[str, Json] = {
    "source": digest("source").hex(),
    "part": 0,
    "ordinal": 0,
    "prev": "",
    "mode": "fields",
    "root": digest("root").hex(),
    "count": 12,
    "ciphertext": digest("ciphertext").hex(),
    "raw": digest("raw").hex(),
    "key": digest("key").hex(),
    "parser": "syslog 1",
    "mapping": digest("mapping").hex(),
    "first": TIME,
    "last": TIME,
    "unparsed": 0,
}
REPLY = Ref(OTHER, 3, digest("finding"))
HEAD: Json = {"origin": OTHER, "size": 9, "root": digest("root").hex()}
GENESIS = b"a charter"


def statement(kind: str = "observation", **changes: Any) -> Statement:
    """Return one act of a kind; `changes` go to its header."""
    public: dict[str, dict[str, Json]] = {
        "charter": {"genesis": sha256(GENESIS).hexdigest()},
        "roster": {"epoch": 0, "document": digest("roster").hex()},
        "batch": BATCH,
        "finding": {},
        "recheck": {"outcome": "same"},
        "dissent": {"outcome": "different"},
        "key-event": {"event": "gap", "detail": {"from": 12, "to": 17, "why": "restored from a backup"}},
        "cutoff": {"heads": [HEAD], "time": TIME},
        "observation": {"what": "feed", "digest": digest("feed").hex()},
    }
    bodies = {
        "charter": BodyRef("body", sha256(GENESIS).digest()),
        "roster": BodyRef("body", digest("envelope")),
        "cutoff": BodyRef("body", digest("checkpoints")),
        "key-event": None,
        "observation": None,
    }
    if kind in ("recheck", "dissent"):
        changes = {"in_reply_to": REPLY} | changes
    return Statement(
        kind, header(**changes), public[kind], bodies.get(kind, BodyRef("sealed", digest("map")))
    )
