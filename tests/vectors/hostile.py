"""Make texts that readers must take, and damage them as forgers would."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

from hisn.acts.statement import BodyRef, Head, Header, Ref, Statement
from hisn.acts.write import sign_statement, statement_json
from hisn.core.canon import (
    Json,
    b64,
    b64url,
    canonical,
)
from hisn.core.signers import dual_from_seed
from hisn.evidence.disclosure import Value, disclosure_text, slot_count
from hisn.evidence.pack import Event, format_label, write_pack
from hisn.evidence.packing import format_body, format_event
from hisn.evidence.sealed_map import present, seal_map
from hisn.tlog.checkpoint import Checkpoint, LogKeys
from hisn.tlog.note import ED25519, NoteSignature, format_vkey, vkey_of
from hisn.tlog.policy import Group, LogLine, Policy, WitnessLine, format_policy
from hisn.tlog.proof import TlogProof
from hisn.tlog.prove import format_tlog_proof
from hisn.tlog.sign import Cosigner, format_checkpoint, format_note


def sealed_examples() -> Iterator[tuple[str, bytes]]:
    values: tuple[Value, ...] = (None, "", "متن\u202e", -(10**64) + 1, 2**53, ("a", (1, None), ()))
    for number, value in enumerate(values):
        yield "disclosure", disclosure_text(bytes([number]) * 16, f"f\u00e9{number}", value).encode()
    # Names whose order by code points and by UTF-16 units differ.
    fields: dict[str, Value] = {"\uffee": 1, "\U0001f600": "2", "a": None, "B": ("x",), "_raw": "3 aa"}
    sealed = seal_map(fields, bytes(range(16 * slot_count(len(fields)))))
    presented = present(sealed, ["a", "\U0001f600"])
    yield "body", format_body(presented)
    yield "body", format_body(present(sealed, sorted(fields)))
    yield "event", format_event(Event(0, 3, (bytes(32),), shown=presented))
    yield "event", format_event(Event(0, 0, (), record=b"line", raw_salt=bytes(16)))
    yield "event", format_event(Event(1, 0, (), shown=presented, record=b"", raw_salt=bytes(16)))
    yield from (("label", format_label(finding)) for finding in (None, 0, 17, 9999))
    yield (
        "pack",
        write_pack({"pack.json": b"{}", "policy": b"", "acts/0000.leaf": b"leaf", "VERIFY.md": b"\n"}),
    )
    yield "pack", write_pack({})


def log_examples() -> Iterator[tuple[str, bytes]]:
    owner, witness = dual_from_seed(bytes(32)), dual_from_seed(bytes([1]) * 32)
    text = format_checkpoint(Checkpoint("log.example/a", 7, bytes(range(32))))
    yield "checkpoint", text
    yield "checkpoint", format_checkpoint(Checkpoint("é☃", 2**63 - 1, bytes(32), ("more", "and more")))
    signatures = Cosigner("wit.example", witness).cosign(text, 1_700_000_000)
    note = format_note(text, signatures)
    yield "note", format_note("ø\n\n— a b\n\n".encode(), [NoteSignature("name", b"1234", b"x")])
    yield "note", format_note(text, signatures[:1])
    log = LogKeys("log.example/a", owner.public).vkeys
    seen = vkey_of("wit.example", 0x04, witness.public.ed25519), vkey_of("w", 0x06, witness.public.mldsa)
    yield from (("vkey", format_vkey(key).encode()) for key in (log[0], *seen))
    yield "vkey", b"example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
    yield "vkey", format_vkey(vkey_of("n\u00f6te", ED25519, owner.public.ed25519)).encode()
    policy = Policy(
        (LogLine(log[0], "https://log.example"),),
        (WitnessLine("w.ed", seen[0]), WitnessLine("w.pq", seen[1], "https://w.example")),
        (Group("w", 2, ("w.ed", "w.pq")), Group("q", 1, ("w",))),
        "q",
    )
    yield "policy", format_policy(policy)
    yield "policy", b"# \xff\n\t quorum none \n"
    yield "policy", b"witness \xe2\x84\xaa " + format_vkey(seen[0]).encode() + b"\nquorum \xe2\x84\xaa\n"
    yield "proof", format_tlog_proof(TlogProof(3, (bytes(32), bytes([7]) * 32), note, b"extra"))
    yield "proof", format_tlog_proof(TlogProof(0, (), note))


def act_examples() -> Iterator[tuple[str, bytes]]:
    head = Head("b.example", 5, bytes(32))
    header = Header(
        actor="a.example/log",
        origin="a.example/log",
        seq=3,
        prev=bytes(32),
        seen=(head,),
        claimed_time="2026-11-03T19:00:00.000000Z",
    )
    finding = Statement("finding", header, {}, BodyRef("sealed", bytes(32)))
    reply = Header(
        actor="b.example",
        origin="b.example",
        seq=0,
        prev=None,
        seen=(),
        claimed_time="2024-02-29T23:59:59.999999Z",
        audience=("a.example", "b.example"),
        deadline="2026-11-03T19:00:00.000000Z",
        in_reply_to=Ref("a.example/log", 9, bytes(32)),
    )
    recheck = Statement("recheck", reply, {"outcome": "same"}, BodyRef("sealed", bytes(32)))
    event = Statement(
        "key-event", header, {"event": "gap", "detail": {"from": 3, "why": "", "ü": "😀" * 256}}
    )
    batch: dict[str, Json] = {
        **dict.fromkeys(("source", "root", "ciphertext", "raw", "key", "mapping"), "0" * 64),
        "part": 0,
        "ordinal": 0,
        "prev": "",
        "mode": "fields",
        "parser": "lines",
        "unparsed": 0,
        "count": 3,
        "first": "2026-11-03T19:00:00.000000Z",
        "last": "2026-11-03T19:00:00.000001Z",
    }
    batched = Statement("batch", header, batch, BodyRef("sealed", bytes(32)))
    signer = dual_from_seed(bytes(32))
    for statement in (finding, recheck, event, batched):
        yield "statement", statement_json(statement)
    yield "envelope", sign_statement(finding, signer)


def small_examples() -> Iterator[tuple[str, bytes]]:
    numbers = (
        "0",
        "-1",
        "-0",
        "1.0",
        "1e1",
        "01",
        "9" * 64,
        "9" * 65,
        "NaN",
        "-Infinity",
        "9007199254740992",
    )
    texts = ('"\\ud83d\\ude00"', '"\\ud83d"', '"\\u0000"', '"\x7f\u2028"', '"\\/"', '"\t"', "'a'", '"\ufeff"')
    shapes = (
        '{"b":[1,"x"],"a":{"c":null}}',
        '{"a":1,"\\u0061":2}',
        "[[[[[[]]]]]]",
        "[[[[[[[]]]]]]]",
        "[1,]",
        "{}",
    )
    others = (
        " [ true , false ] ",
        "",
        "nul",
        "[1] x",
        "\ufeff{}",
        "tru\u00e9",
        '{"\ufb33":1,"\U0001f600":2}',
    )
    for text in (*numbers, *texts, *shapes, *others):
        yield "json", text.encode()
        yield "canonical", text.encode()
    yield "json", b'"\xed\xa0\x80"'
    yield "json", b'"' + b"x" * 4096 + b'"'
    for length in (0, 1, 2, 3, 31):
        yield "b64", b64(bytes(range(200, 200 + length))).encode()
        yield "b64url", b64url(bytes(range(200, 200 + length))).encode()
    for text in ("0", "9223372036854775807", "9223372036854775808", "+5", "5_0", "05", "\u0665", " 5", "5\n"):
        yield "decimal", text.encode()
    for text in ("a" * 64, "A" * 64, "a" * 63, "a" * 64 + "\n", "0g" * 32):
        yield "hex32", text.encode()
    for text in ("a.example/x_y", "a//b", "a/.b", "-a", "a" * 101, "a\n", "a/", "A"):
        yield "id", text.encode()
    for text in (
        "2023-02-29",
        "2024-02-29",
        "1900-02-29",
        "2000-02-29",
        "0000-01-01",
        "0001-01-01",
        "2026-13-01",
    ):
        yield "time", f"{text}T23:59:59.000000Z".encode()
    for text in (
        "2026-11-03T24:00:00.000000Z",
        "2026-11-03T19:00:60.000000Z",
        "2026-11-03T19:00:00.000000Z\n",
    ):
        yield "time", text.encode()
    for text in (
        "plain",
        "a\x1b[2Jb",
        "\u202egnp",
        "x" * 21,
        "\U000e0041",
        "😀" * 20,
        "\u2028\u2029\x85\xad\t\r\n",
    ):
        yield "shown", text.encode()


EXAMPLES = {
    "small": small_examples,
    "sealed": sealed_examples,
    "log": log_examples,
    "acts": act_examples,
}


def damaged(data: bytes, chance: random.Random) -> bytes:
    """Change bytes as a forger with little patience would."""
    at, length = chance.randrange(len(data) + 1), chance.choice((1, 1, 1, 2, 8, 40))
    match chance.randrange(6):
        case 0 if data:
            at = min(at, len(data) - 1)
            return data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]
        case 1:
            return data[:at] + data[at + length :]
        case 2:
            return data[:at] + data[at : at + length] + data[at:]
        case 3:
            return (
                data[:at]
                + chance.choice((b"\n", b" ", b'"', b"0", b"=", b"\\u", b",", b"\x00", b"\xff"))
                + data[at:]
            )
        case 4:
            return data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :]
        case _:
            other = chance.randrange(len(data) + 1)
            return data[:at] + data[other : other + length] + data[at + length :]


_ODD: tuple[Json, ...] = (
    *(
        None,
        True,
        False,
        0,
        1,
        -1,
        2**53 - 1,
        "",
        "*",
        "none",
        "ü",
        "A",
        "a" * 256,
        "a" * 257,
        "😀" * 256,
        "0" * 64,
    ),
    *(
        "https://",
        "https://a.example/\u00e9",
        "2026-11-03T19:00:00.000000Z",
        "2023-02-29T00:00:00.000000Z",
        [],
        {},
    ),
)


def changed(value: Json, chance: random.Random) -> Json:
    """Return a value with one part of it replaced, left out, added, doubled or moved."""
    if isinstance(value, dict) and value and chance.random() < 0.85:
        name = chance.choice(sorted(value))
        match chance.randrange(12):
            case 0:
                return {key: part for key, part in value.items() if key != name}
            case 1:
                return {**value, chance.choice(("extra", "", "ü")): value[name]}
            case 2:
                return {**value, name: value[chance.choice(sorted(value))]}
            case _:
                return {**value, name: changed(value[name], chance)}
    if isinstance(value, list) and value and chance.random() < 0.85:
        at = chance.randrange(len(value))
        match chance.randrange(10):
            case 0:
                return value[:at] + value[at + 1 :]
            case 1:
                return [*value, value[at]]
            case 2:
                return value[::-1]
            case _:
                return [*value[:at], changed(value[at], chance), *value[at + 1 :]]
    if type(value) is int and chance.random() < 0.7:
        return value + chance.choice((-1, 1, 2))
    return chance.choice(_ODD)


def changed_text(data: bytes, chance: random.Random) -> bytes:
    """Return canonical JSON of another value, or the same bytes where there is no such JSON."""
    try:
        return canonical(changed(json.loads(data), chance))
    except ValueError:
        return data
