"""Make our test vectors for acts and rosters.

    python -m vectors.make_acts

What a case says of itself: `result` is what a verifier must find, `code` the error that ours gives.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from vectors.roster_cases import rosters
from vectors.signed_lines import signer

from hisn.acts.envelope import ACT_TYPE, Envelope, Signature, parse_envelope
from hisn.acts.kinds import KINDS
from hisn.acts.statement import BodyRef, Head, Header, Ref, Statement
from hisn.acts.write import format_envelope, head_json, sign_payload, sign_statement, statement_json
from hisn.core.canon import Json, b64, canonical
from hisn.core.keys import DualPublic
from hisn.unit.roster import ROSTER_TYPE

HERE = Path(__file__).resolve().parent / "acts"
NORTH, SOUTH, EAST, WEST = (f"{name}.example/log" for name in ("north", "south", "east", "west"))
FOUR = (EAST, NORTH, SOUTH, WEST)
TIME = "2026-11-03T19:00:00.000000Z"
AUTHOR, OTHER = 201, 202
Case = dict[str, Any]


def digest(text: str) -> bytes:
    """Return the digest of a text."""
    return sha256(text.encode()).digest()


def pair(public: DualPublic) -> Case:
    """Return two public keys in base64."""
    return {"ed25519": b64(public.ed25519.raw), "mldsa": b64(public.mldsa.raw)}


def statement(kind: str, **changes: Any) -> Statement:
    """Return a plain act of a kind; `changes` go to its header."""
    hexed = {name: digest(name).hex() for name in ("source", "root", "ciphertext", "raw", "key", "mapping")}
    batch: dict[str, Json] = {
        **hexed,
        "part": 0,
        "ordinal": 0,
        "prev": "",
        "mode": "fields",
        "count": 12,
        "parser": "syslog 1",
        "first": TIME,
        "last": TIME,
        "unparsed": 0,
    }
    public: dict[str, dict[str, Json]] = {
        "charter": {"genesis": digest("genesis").hex()},
        "roster": {"epoch": 0, "document": digest("roster").hex()},
        "batch": batch,
        "finding": {},
        "recheck": {"outcome": "same"},
        "dissent": {"outcome": "different"},
        "key-event": {"event": "gap", "detail": {"from": 12, "to": 17, "why": "restored from a backup"}},
        "cutoff": {"heads": [head_json(Head(SOUTH, 9, digest("nine")))], "time": TIME},
        "observation": {"what": "feed, تجربة", "digest": digest("feed").hex()},
    }
    bodies = {
        "charter": BodyRef("body", digest("genesis")),
        "roster": BodyRef("body", digest("envelope")),
        "cutoff": BodyRef("body", digest("checkpoints")),
        "key-event": None,
        "observation": None,
    }
    reply = Ref(SOUTH, 3, digest("finding")) if kind in ("recheck", "dissent") else None
    plain = Header(
        actor=NORTH,
        origin=NORTH,
        seq=1,
        prev=digest("act 0"),
        seen=(Head(SOUTH, 17, digest("head")),),
        claimed_time=TIME,
        in_reply_to=reply,
    )
    body = bodies.get(kind, BodyRef("sealed", digest("map")))
    return Statement(kind, replace(plain, **changes), public[kind], body)


def enveloped(payload: bytes, who: int = AUTHOR) -> bytes:
    """Return a payload signed as an act, whatever it is."""
    return format_envelope(Envelope(ACT_TYPE, payload, sign_payload(ACT_TYPE, payload, signer(who))))


def changed(said: Statement, at: Sequence[Any], value: Any) -> bytes:
    """Return an act with one value replaced, or with `...` removed, well signed."""
    whole = json.loads(statement_json(said))
    place = whole
    for step in at[:-1]:
        place = place[step]
    if value is ...:
        del place[at[-1]]
    else:
        place[at[-1]] = value
    return enveloped(canonical(whole))


def good_acts() -> Iterator[tuple[str, Statement]]:
    """Yield comment and statement of acts that hold."""
    for kind in KINDS:
        yield f"a plain {kind}", statement(kind)
    yield "the first act of a log", statement("key-event", seq=0, prev=None, seen=())
    yield (
        "an act for two members, in a thread, with a deadline",
        statement(
            "observation",
            audience=(SOUTH, WEST),
            thread="request/13",
            agreement="accord-1",
            deadline="2026-11-06T19:00:00.000000Z",
            in_reply_to=Ref(SOUTH, 0, digest("request")),
        ),
    )
    secret = statement("batch").public | dict.fromkeys(("count", "first", "last", "unparsed"))
    yield "a batch of ballots, without counts and times", replace(statement("batch"), public=secret)
    later = statement("batch").public | {"ordinal": 7, "prev": digest("batch 6").hex(), "mode": "whole"}
    yield "a later batch, of whole records", replace(statement("batch"), public=later)


def bad_parts() -> Iterator[tuple[str, bytes, str]]:
    """Yield comment, leaf and code of acts that are well signed and say what no act says."""
    said, head = statement("observation"), ["predicate", "header"]
    nine = head_json(Head(SOUTH, 9, digest("nine")))
    for comment, at, value, code in (
        ("another statement type", ["_type"], "https://in-toto.io/Statement/v0.1", "E3305"),
        ("an unknown kind", ["predicateType"], "urn:hisn:act:verdict:v1", "E3305"),
        ("another version of a kind", ["predicateType"], "urn:hisn:act:observation:v2", "E3305"),
        ("another kind's name", ["predicateType"], "urn:hisn:act:finding:v1", "E3307"),
        ("two subjects", ["subject"], [1, 2], "E3305"),
        ("a body that this kind has not", ["subject", 0, "name"], "blob", "E3308"),
        ("no body, and the digest of one", ["subject", 0, "digest", "sha256"], "00" * 32, "E3308"),
        ("an unknown field at the top", ["more"], 1, "E3305"),
        ("an unknown public field", ["predicate", "public", "more"], 1, "E3307"),
        ("a public field missing", ["predicate", "public", "digest"], ..., "E3307"),
        ("an unknown field of the header", [*head, "more"], 1, "E3309"),
        ("a field of the header missing", [*head, "thread"], ..., "E3309"),
        ("another member's log", [*head, "origin"], SOUTH, "E3309"),
        ("an id in another script", [*head, "actor"], "n\u043erth.example/log", "E3309"),
        ("an id with a path in it", [*head, "audience"], ["a/../b"], "E3309"),
        ("an audience out of order", [*head, "audience"], [WEST, SOUTH], "E3309"),
        ("an empty audience", [*head, "audience"], [], "E3309"),
        ("number 0 with a predecessor", [*head, "seq"], 0, "E3309"),
        ("number 1 without one", [*head, "prev"], None, "E3309"),
        ("a negative number", [*head, "seq"], -1, "E3309"),
        ("a number that is text", [*head, "seq"], "1", "E3309"),
        ("a time without microseconds", [*head, "claimed_time"], "2026-11-03T19:00:00Z", "E3309"),
        ("a day that does not exist", [*head, "claimed_time"], "2026-02-30T00:00:00.000000Z", "E3309"),
        ("a leap second", [*head, "claimed_time"], "2026-06-30T23:59:60.000000Z", "E3309"),
        ("a thread with a blank", [*head, "thread"], "a b", "E3309"),
        ("a thread that turns its direction", [*head, "thread"], "a\u202eb", "E3309"),
        ("two heads of one log", [*head, "seen"], [nine, nine], "E3309"),
        ("a reference with a field missing", [*head, "in_reply_to"], {"origin": SOUTH, "index": 1}, "E3309"),
    ):
        yield comment, changed(said, at, value), code
    recheck, batch, charter = statement("recheck"), statement("batch"), statement("charter")
    yield "a recheck of nothing", changed(recheck, [*head, "in_reply_to"], None), "E3309"
    outcome = ["predicate", "public", "outcome"]
    yield "a recheck that says it differs", changed(recheck, outcome, "different"), "E3307"
    for name, value in (
        ("count", None),
        ("unparsed", None),
        ("first", None),
        ("ordinal", 3),
        ("mode", "some"),
    ):
        at = ["predicate", "public", name]
        yield f"a batch with another {name} alone", changed(batch, at, value), "E3307"
    genesis = ["predicate", "public", "genesis"]
    yield "a charter with another body than its genesis", changed(charter, genesis, "00" * 32), "E3308"
    for comment, number, code in (
        ("a field said twice", b'1,"seq":1', "E3100"),
        ("a number that readers round", b"9007199254740992", "E3100"),
        ("a fraction", b"1.0", "E3100"),
        ("a blank too many", b" 1", "E3101"),
    ):
        yield comment, enveloped(statement_json(said).replace(b'"seq":1', b'"seq":' + number)), code
    yield "no statement", enveloped(b"null"), "E3305"


def bad_envelopes() -> Iterator[tuple[str, bytes, str]]:
    """Yield comment, leaf and code of envelopes that are not as they must be."""
    said = statement("observation")
    payload = statement_json(said)
    ed25519, mldsa = sign_payload(ACT_TYPE, payload, signer(AUTHOR))
    theirs = sign_payload(ACT_TYPE, payload, signer(OTHER))
    elsewhere = sign_payload(ROSTER_TYPE, payload, signer(AUTHOR))
    good = enveloped(payload)

    def made(*signatures: Signature) -> bytes:
        return format_envelope(Envelope(ACT_TYPE, payload, signatures))

    yield "Ed25519 alone", made(ed25519), "E3302"
    yield "ML-DSA-44 alone", made(mldsa), "E3302"
    yield "no signature", made(), "E3302"
    yield "three signatures", made(ed25519, mldsa, theirs[0]), "E3300"
    yield "Ed25519 twice", made(ed25519, ed25519), "E3303"
    yield "the other order", made(mldsa, ed25519), "E3303"
    yield "signed by another", made(*theirs), "E3303"
    yield "ML-DSA-44 by another", made(ed25519, theirs[1]), "E3303"
    yield (
        "ML-DSA-44 by another under the author's id",
        made(ed25519, replace(mldsa, raw=theirs[1].raw)),
        "E3112",
    )
    yield (
        "Ed25519 by another under the author's id",
        made(replace(ed25519, raw=theirs[0].raw), mldsa),
        "E3112",
    )
    exchanged = (replace(ed25519, key_id=mldsa.key_id), replace(mldsa, key_id=ed25519.key_id))
    yield "the ids exchanged", made(*exchanged), "E3303"
    yield "no id", made(replace(ed25519, key_id=""), mldsa), "E3303"
    yield "signed as a roster", made(*elsewhere), "E3112"
    yield "called a roster", format_envelope(Envelope(ROSTER_TYPE, payload, elsewhere)), "E3300"
    other = statement_json(statement("observation", thread="another"))
    yield "signatures of another act", format_envelope(Envelope(ACT_TYPE, other, (ed25519, mldsa))), "E3112"
    yield "an empty signature", made(replace(ed25519, raw=b""), mldsa), "E3112"
    yield "a longer signature", made(replace(ed25519, raw=ed25519.raw + b"\0"), mldsa), "E3112"
    yield "an unknown field", canonical(json.loads(good) | {"more": 1}), "E3300"
    yield "a newline at the end", good + b"\n", "E3101"
    backwards = dict(reversed(json.loads(good).items()))
    yield "names in another order", json.dumps(backwards, separators=(",", ":")).encode(), "E3101"
    yield "a payload in base64url", good.replace(b'"payload":"eyJ', b'"payload":"-yJ'), "E3102"
    yield "nothing", b"", "E3100"
    yield "a list", b"[]", "E3300"


def shown(name: str, data: bytes) -> Case:
    """Return bytes under a name: as text where they are UTF-8, in hexadecimal where not."""
    try:
        return {name: data.decode()}
    except UnicodeDecodeError:
        return {f"{name}_hex": data.hex()}


def acts() -> Case:
    """Return single acts, good and bad, for one author."""
    cases: list[Case] = []
    for comment, said in good_acts():
        leaf = sign_statement(said, signer(AUTHOR))
        payload = parse_envelope(leaf).payload.decode()
        cases.append({"comment": comment, **shown("leaf", leaf), "result": "valid", "payload": payload})
    for comment, leaf, code in (*bad_envelopes(), *bad_parts()):
        cases.append({"comment": comment, **shown("leaf", leaf), "result": "refused", "code": code})
    return {
        "about": "Acts: DSSE envelopes of in-toto statements, in canonical JSON, signed with two keys.",
        "origin": NORTH,
        "keys": pair(signer(AUTHOR).public),
        "results": {
            "valid": "both keys signed, and the payload is an act",
            "refused": "it is no act of this author",
        },
        "cases": cases,
    }


FILES = {"acts.json": acts, "rosters.json": rosters}


def texts() -> dict[str, str]:
    """Return the text of each file."""
    return {name: json.dumps(make(), indent=1, ensure_ascii=False) + "\n" for name, make in FILES.items()}


def write(folder: Path = HERE) -> None:
    """Write the files."""
    folder.mkdir(exist_ok=True)
    for name, text in texts().items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
