"""Answer questions about hostile bytes with our own readers; tests/js/answer.mjs has the same questions."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from functools import cache

from hisn.acts.envelope import parse_envelope
from hisn.acts.kinds import is_id, is_time
from hisn.acts.statement import parse_statement
from hisn.core.canon import (
    Json,
    b64,
    canonical,
    parse_b64,
    parse_b64url,
    parse_canonical,
    parse_decimal,
    parse_hex32,
    parse_json,
)
from hisn.core.display import shown
from hisn.errors import VerificationError
from hisn.evidence.disclosure import (
    Opened,
    Value,
    open_leaf,
    parse_disclosure,
)
from hisn.evidence.pack import (
    parse_body,
    parse_event,
    parse_label,
    parse_pack,
)
from hisn.tlog.checkpoint import (
    parse_checkpoint,
)
from hisn.tlog.note import parse_note
from hisn.tlog.policy import parse_policy
from hisn.tlog.proof import parse_tlog_proof
from hisn.tlog.vkey import parse_vkey
from hisn.unit.roster import verify_roster_chain
from hisn.unit.rosterdoc import parse_charter, parse_roster
from hisn.verify.steps import Report, Said, ShownAct, ShownEvent


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
    found = parse_label(data)
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


def say_roster(data: bytes) -> str:
    found = parse_roster(data)
    names = [*(each.id for each in found.members), *(each.name for each in found.witnesses)]
    return "|".join([str(found.epoch), *names])


def chain_question(charter: bytes, envelopes: Iterable[bytes]) -> bytes:
    return json.dumps({"charter": b64(charter), "envelopes": list(map(b64, envelopes))}).encode()


def say_chain(data: bytes) -> str:
    asked = json.loads(data)
    chain = verify_roster_chain(parse_b64(asked["charter"]), list(map(parse_b64, asked["envelopes"])))
    return "|".join(" ".join([str(each.epoch), *sorted(each.signers)]) for each in chain)


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
    kind = "context" if event.is_context else "named"
    return f"{event.act} {event.index} {kind} {say_fields(event.fields)} {','.join(event.hidden)} {record}"


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
    "charter": lambda data: parse_charter(data).name,
    "roster": say_roster,
    "chain": say_chain,
}


@cache
def ask_python(what: str, data: bytes) -> str:
    try:
        return ANSWERS[what](data)
    except VerificationError as error:
        return error.code
