"""Run the second verifier under Node, and hold its readers against ours.

The two programs share no line of code.  Where they answer one question differently, one of them is
wrong, and a forger could show different people different things.
"""

from __future__ import annotations

import base64
import json
import random
import subprocess
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from hisn.acts.envelope import parse_envelope, sign_statement
from hisn.acts.kinds import is_id, is_time
from hisn.acts.statement import BodyRef, Head, Header, Ref, Statement, parse_statement
from hisn.core.canon import (
    Json,
    b64,
    b64url,
    canonical,
    parse_b64,
    parse_b64url,
    parse_canonical,
    parse_decimal,
    parse_hex32,
    parse_json,
)
from hisn.core.display import shown
from hisn.core.signers import dual_from_seed
from hisn.errors import VerificationError
from hisn.evidence.disclosure import (
    Opened,
    Value,
    disclosure_text,
    open_leaf,
    parse_disclosure,
    present,
    seal_map,
    slot_count,
)
from hisn.evidence.pack import (
    Event,
    Label,
    format_body,
    format_event,
    format_label,
    parse_body,
    parse_event,
    parse_label,
    parse_pack,
    write_pack,
)
from hisn.tlog.checkpoint import (
    Checkpoint,
    LogKeys,
    format_checkpoint,
    parse_checkpoint,
)
from hisn.tlog.cosign import Cosigner
from hisn.tlog.note import ED25519, NoteSignature, format_note, format_vkey, parse_note, parse_vkey, vkey_of
from hisn.tlog.policy import Group, LogLine, Policy, WitnessLine, format_policy, parse_policy
from hisn.tlog.proof import TlogProof, format_tlog_proof, parse_tlog_proof
from hisn.verify import texts
from hisn.verify.check import verify_pack
from hisn.verify.steps import Report, Said, ShownAct, ShownEvent

REPOSITORY = Path(__file__).resolve().parents[2]
JS = REPOSITORY / "tests" / "js"
SCRIPTS = sorted(JS.glob("test_*.mjs"))
ROUNDS = 150


@pytest.mark.needs("node")
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_script_passes_under_node(script: Path) -> None:
    done = subprocess.run(["node", "--test", script], capture_output=True, text=True, check=False)
    failed = [line for line in done.stdout.splitlines() if line.lstrip().startswith("not ok")]
    assert done.returncode == 0, "\n".join([*failed, done.stdout[-3000:], done.stderr])


def text_of(data: bytes) -> str:
    return data.decode("latin-1")


def say_value(value: Value) -> Json:
    return [say_value(item) for item in value] if isinstance(value, tuple) else value


def say_opened(opened: Opened) -> str:
    values: Json = {name: say_value(value) for name, value in opened.values.items()}
    said = canonical([list(opened.names), values, list(opened.hidden)], wide=True)
    return f"{opened.leaf.hex()}|{said.decode()}"


def say_note(data: bytes) -> str:
    note = parse_note(data)
    lines = (f"{each.name} {each.key_id.hex()} {each.signature.hex()}" for each in note.signatures)
    return "|".join([note.text.hex(), *lines])


def say_vkey(data: bytes) -> str:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = ""
    key = parse_vkey(text)
    return f"{key.name}|{key.key_id.hex()}|{key.sig_type}|{key.material.hex()}"


def say_checkpoint(data: bytes) -> str:
    found = parse_checkpoint(data)
    return "|".join([found.origin, str(found.size), found.root.hex(), *found.extensions])


def octets(name: str) -> str:
    return name.encode("utf-8", "surrogateescape").decode("latin-1")


def say_policy(data: bytes) -> str:
    found = parse_policy(data)
    groups = [" ".join([octets(each.name), str(each.k), *map(octets, each.members)]) for each in found.groups]
    names = [octets(line.name) for line in found.witnesses]
    return "|".join([*(line.vkey.key_id.hex() for line in found.logs), *names, *groups, octets(found.quorum)])


def say_proof(data: bytes) -> str:
    found = parse_tlog_proof(data)
    head = parse_checkpoint(parse_note(found.checkpoint_bytes).text)
    return "|".join([str(found.index), *(each.hex() for each in found.hashes), head.origin])


def say_disclosure(data: bytes) -> str:
    name, value = parse_disclosure(text_of(data))
    return canonical([name, say_value(value)], wide=True).decode()


def say_label(data: bytes) -> str:
    found = parse_label(data).finding
    return "null" if found is None else str(found)


def say_event(data: bytes) -> str:
    found = parse_event(data)
    record = "-" if found.record is None else found.record.hex()
    has_map = "true" if found.shown else "false"
    return f"{found.act}|{found.index}|{len(found.path)}|{has_map}|{record}"


def say_envelope(data: bytes) -> str:
    found = parse_envelope(data)
    return "|".join([found.payload.hex(), *(f"{each.key_id} {each.raw.hex()}" for each in found.signatures)])


def say_statement(data: bytes) -> str:
    found = parse_statement(data)
    body = found.body.sha256.hex() if found.body else "-"
    return f"{found.kind}|{found.header.actor}|{found.header.seq}|{body}"


def say(said: Said) -> str:
    # What is wrong is said in other words here and there.
    args = sorted(f"{name}={value}" for name, value in said.args.items() if name != "message")
    return " ".join([said.code, *args])


def say_fields(fields: Mapping[str, Value]) -> str:
    return canonical([[name, say_value(value)] for name, value in fields.items()], wide=True).decode()


def say_act(act: ShownAct) -> str:
    seen = act.witnessed
    parts = [
        act.number,
        act.kind,
        act.actor,
        act.side,
        act.index,
        act.leaf_hash.hex(),
        act.claimed_time,
        act.size,
    ]
    parts += [seen.epoch, str(seen.is_reached).lower(), "-" if seen.before_s is None else seen.before_s]
    parts += [f"{each.name}/{each.side}/{each.time_s}" for each in seen.cosigners]
    parts += ["missing", *seen.missing, "after"]
    parts += [f"{origin}/{size}/{'-' if before is None else before}" for origin, size, before in act.after]
    return " ".join(map(str, parts))


def say_event_shown(event: ShownEvent) -> str:
    record = "-" if event.record is None else event.record.hex()
    return f"{event.act} {event.index} {say_fields(event.fields)} {','.join(event.hidden)} {record}"


def say_report(report: Report) -> dict[str, object]:
    shown = report.shown
    return {
        "result": report.result.value,
        "steps": [
            f"{step.number} {step.code} {step.status.value} {say(step.detail)}" for step in report.steps
        ],
        "proven": list(map(say, report.proven)),
        "not_proven": list(map(say, report.not_proven)),
        "flags": [" ".join([flag.name.value, *flag.by]) for flag in report.flags],
        "acts": [say_act(act) for act in shown.acts] if shown else [],
        "finding": say_fields(shown.finding) if shown else "",
        "events": [say_event_shown(event) for event in shown.events] if shown else [],
    }


# What Python answers; tests/js/answer.mjs has the same questions.
ANSWERS: dict[str, Callable[[bytes], str]] = {
    "json": lambda data: canonical(parse_json(data, max_bytes=4096, max_depth=6), wide=True).decode(),
    "canonical": lambda data: canonical(parse_canonical(data, max_bytes=4096, max_depth=6)).decode(),
    "b64": lambda data: parse_b64(text_of(data)).hex(),
    "b64url": lambda data: parse_b64url(text_of(data)).hex(),
    "decimal": lambda data: str(parse_decimal(text_of(data))),
    "hex32": lambda data: parse_hex32(text_of(data)).hex(),
    "shown": lambda data: shown(data.decode("utf-8", "replace"), 20),
    "id": lambda data: str(is_id(text_of(data))).lower(),
    "time": lambda data: str(is_time(text_of(data))).lower(),
    "note": say_note,
    "vkey": say_vkey,
    "checkpoint": say_checkpoint,
    "policy": say_policy,
    "proof": say_proof,
    "disclosure": say_disclosure,
    "body": lambda data: say_opened(open_leaf(parse_body(data))),
    "label": say_label,
    "event": say_event,
    "pack": lambda data: "|".join(parse_pack(data)),
    "envelope": say_envelope,
    "statement": say_statement,
}


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
    yield from (("label", format_label(Label(finding))) for finding in (None, 0, 17, 9999))
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
        yield "statement", statement.to_json()
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


def ask_python(what: str, data: bytes) -> str:
    try:
        return ANSWERS[what](data)
    except VerificationError as error:
        return error.code


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


@pytest.mark.needs("node")
@pytest.mark.parametrize("name", EXAMPLES)
def test_both_verifiers_read_the_same(name: str, tmp_path: Path) -> None:
    questions = list(EXAMPLES[name]())
    chance = random.Random(0)
    for what, data in list(questions):
        for _ in range(ROUNDS):
            changed = damaged(data, chance)
            questions.append((what, damaged(changed, chance) if chance.random() < 0.3 else changed))
    found = differences(questions, tmp_path)
    assert found == [], "\n".join(found[:20])


@pytest.mark.needs("node")
def test_both_verifiers_take_our_good_examples(tmp_path: Path) -> None:
    questions = [*sealed_examples(), *log_examples(), *act_examples()]
    answers = ask_node(questions, tmp_path)
    refused = [
        f"{what}: {answer} here {ask_python(what, data)}"
        for (what, data), answer in zip(questions, answers, strict=True)
        if len(answer) == 5 and answer.startswith("E3")
    ]
    assert refused == []


@pytest.mark.needs("node")
def test_both_verifiers_say_the_same_in_english(tmp_path: Path) -> None:
    theirs = json.loads(ask_node([("messages", b"")], tmp_path)[0])
    assert theirs["steps"] == texts.STEPS
    assert theirs["said"] == texts.SAID
    assert theirs["flags"] == texts.FLAGS


EVPACKS = sorted((REPOSITORY / "vectors" / "evpack").glob("*.evpack"))


def pinned(path: Path) -> str:
    genesis = json.loads((path.parent / "expected" / f"{path.stem}.json").read_bytes())["genesis"]
    return f"report:{genesis or ''}"


def report_differences(questions: list[tuple[str, bytes]], folder: Path) -> list[str]:
    found = []
    for (what, data), answer in zip(questions, ask_node(questions, folder), strict=True):
        genesis = what.partition(":")[2]
        try:
            ours = say_report(verify_pack(data, genesis=bytes.fromhex(genesis) if genesis else None))
        except VerificationError as error:
            # The bytes are no pack at all: Python has no report then.
            ours = {"result": "INVALID", "steps": f"1 container failed failure code={error.code}"}
        theirs = json.loads(answer)
        if isinstance(ours["steps"], str):
            theirs["steps"] = theirs["steps"][0]
        found += [
            f"{what}: {name}: {ours[name]} here, {theirs[name]} there"
            for name in ours
            if ours[name] != theirs[name]
        ]
    return found


@pytest.mark.needs("node")
def test_both_verifiers_report_the_same_of_every_published_pack(tmp_path: Path) -> None:
    questions = [(pinned(path), path.read_bytes()) for path in EVPACKS]
    assert len(questions) > 50
    assert report_differences(questions, tmp_path) == []


def forged(pack: bytes, chance: random.Random) -> bytes:
    """Return a pack with one file damaged and everything around it made to fit."""
    files = parse_pack(pack)
    name = chance.choice(sorted(files))
    return write_pack(files | {name: damaged(files[name], chance)})


@pytest.mark.needs("node")
def test_both_verifiers_report_the_same_of_forged_packs(tmp_path: Path) -> None:
    chance = random.Random(1)
    good = [path for path in EVPACKS if path.name.startswith(("good", "fork"))]
    questions = [(pinned(path), forged(path.read_bytes(), chance)) for path in good for _ in range(5)]
    found = report_differences(questions, tmp_path)
    assert found == [], "\n".join(found[:20])


FLIPPED = ("good-all-shown", "fork-heads")


@pytest.mark.needs("node")
@pytest.mark.parametrize("name", FLIPPED)
def test_a_flipped_byte_is_refused_everywhere(name: str) -> None:
    flip_bytes(name, step=61)


@pytest.mark.full
@pytest.mark.needs("node")
@pytest.mark.parametrize("name", FLIPPED)
def test_every_flipped_byte_is_refused(name: str) -> None:
    flip_bytes(name, step=1)


def flip_bytes(name: str, step: int) -> None:
    path = REPOSITORY / "vectors" / "evpack" / f"{name}.evpack"
    done = subprocess.run(
        ["node", JS / "flip.mjs", path, str(step)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stdout[-2000:] + done.stderr[-2000:]
