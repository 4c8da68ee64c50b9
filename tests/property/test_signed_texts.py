"""Hostile and honest texts of the log: parsers raise one family of errors, and agree with plain twins."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.tlog.signers import PATH, cosignatures, cosigned_by, log_signer, witness

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
from hisn.core.keys import Algorithm, parse_public_key
from hisn.core.signers import SeedSigner
from hisn.errors import HisnError, VerificationError
from hisn.tlog.checkpoint import Checkpoint, parse_checkpoint, parse_signed_checkpoint, verify_checkpoint
from hisn.tlog.cosign import verify_cosigner
from hisn.tlog.note import (
    COSIGNATURE_ED25519,
    Note,
    NoteSignature,
    VerifierKey,
    format_vkey,
    parse_note,
    parse_signature_lines,
    vkey_of,
)
from hisn.tlog.policy import Group, Policy, WitnessLine, format_policy, parse_policy
from hisn.tlog.proof import TlogProof, parse_tlog_proof
from hisn.tlog.prove import format_tlog_proof
from hisn.tlog.sign import format_checkpoint, format_note
from hisn.tlog.stamp import split_stamp
from hisn.tlog.vkey import parse_vkey

SIGNED = cosigned_by(1)
POLICY = format_policy(
    Policy(
        (),
        tuple(WitnessLine(f"w{n}", key) for n, key in enumerate(witness(1).keys.vkeys)),
        (Group("g", 2, ("w0", "w1")),),
        "g",
    )
)
PROOF = format_tlog_proof(TlogProof(4, PATH, SIGNED.raw, b"extra"))
VKEY = format_vkey(witness(1).keys.vkeys[0]).encode()

BYTE_PARSERS: dict[str, tuple[Callable[[bytes], object], bytes]] = {
    "json": (lambda data: parse_json(data, max_bytes=10_000), b'{"a":[1,"x\\u00e9",null],"b":{"c":true}}'),
    "canonical": (lambda data: parse_canonical(data, max_bytes=10_000), b'{"a":[1,"x"],"b":{"c":true}}'),
    "base64": (parse_b64, b"+/8="),
    "base64url": (parse_b64url, b"-_8"),
    "decimal": (parse_decimal, b"1234567890"),
    "note": (parse_note, SIGNED.raw),
    "signature lines": (parse_signature_lines, SIGNED.raw.partition(b"\n\n")[2]),
    "checkpoint": (parse_checkpoint, SIGNED.note.text),
    "signed checkpoint": (parse_signed_checkpoint, SIGNED.raw),
    "policy": (parse_policy, POLICY),
    "proof": (parse_tlog_proof, PROOF),
    "ed25519 key": (
        lambda data: parse_public_key(Algorithm.ED25519, data),
        witness(1).keys.public.ed25519.raw,
    ),
    "stamp": (lambda data: split_stamp(data, Algorithm.ED25519), bytes(72)),
}
TEXT_PARSERS: dict[str, Callable[[str], object]] = {
    "verifier key": parse_vkey,
    "digest": parse_hex32,
    "base64": parse_b64,
    "base64url": parse_b64url,
    "decimal": parse_decimal,
}


@st.composite
def spoiled(draw: st.DrawFn, good: bytes) -> bytes:
    """Return a good text with a few bytes replaced, put in or cut out, or anything at all."""
    if draw(st.integers(0, 5)) == 0:
        return draw(st.binary(max_size=200))
    data = bytearray(good)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        width = draw(st.sampled_from((0, 1, 1, 1, 8)))
        pieces = st.one_of(
            st.binary(max_size=4), st.sampled_from((b"\n", b"\n\n", b" ", b"+", b"\xe2\x80\xa8", b"0"))
        )
        data[at : at + width] = draw(pieces)
    return bytes(data)


@pytest.mark.parametrize("name", BYTE_PARSERS)
@given(st.data())
def test_a_parser_of_bytes_raises_nothing_but_verification_errors(name: str, data: st.DataObject) -> None:
    parse, good = BYTE_PARSERS[name]
    with suppress(VerificationError):
        parse(data.draw(spoiled(good)))


@pytest.mark.parametrize("name", TEXT_PARSERS)
@given(
    st.one_of(
        st.text(st.characters()), st.from_regex(r"[ -~]+\+[0-9a-f]{8}\+[0-9A-Za-z+/]{44}", fullmatch=True)
    )
)
def test_a_parser_of_text_raises_nothing_but_verification_errors(name: str, text: str) -> None:
    with suppress(VerificationError):
        TEXT_PARSERS[name](text)


@given(spoiled(SIGNED.raw))
def test_no_spoiled_checkpoint_verifies_as_another(data: bytes) -> None:
    try:
        signed = parse_signed_checkpoint(data)
        checkpoint = verify_checkpoint(signed, log_signer().keys)
        verify_cosigner(signed, witness(1).keys)
    except HisnError:
        return
    assert checkpoint == SIGNED.checkpoint
    assert signed.note.text == SIGNED.note.text


SPACES = {*"\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000", *map(chr, range(0x2000, 0x200B))}


def plain_note(data: bytes) -> Note | None:
    """Read a note as the specification's sentences say it, one after the other."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    if any(ord(char) < 0x20 and char != "\n" for char in text):
        return None
    lines = text.split("\n")
    # The pieces between newlines: the last is empty as the note ends in one; the last empty line
    # but that is where the signatures begin.
    if lines[-1] != "" or "" not in lines[:-1]:
        return None
    split = max(at for at, line in enumerate(lines[:-1]) if line == "")
    signatures = []
    for line in lines[split + 1 : -1]:
        found = re.fullmatch("— ([^ ]+) ([A-Za-z0-9+/]+={0,2})", line)
        if found is None or set(found[1]) & {*SPACES, "+"}:
            return None
        try:
            blob = base64.b64decode(found[2], validate=True)
        except ValueError:
            return None
        if len(blob) < 5 or base64.b64encode(blob).decode() != found[2]:
            return None
        signatures.append(NoteSignature(found[1], blob[:4], blob[4:]))
    if not signatures or len(signatures) > 64 or split == 0:
        return None
    return Note("".join(line + "\n" for line in lines[:split]).encode(), tuple(signatures))


def parsed(data: bytes) -> Note | None:
    try:
        return parse_note(data)
    except VerificationError:
        return None


names = st.text(
    st.characters(exclude_characters="".join(SPACES) + "+", exclude_categories=["Cs", "Cc"]),
    min_size=1,
    max_size=20,
)
signatures = st.builds(
    NoteSignature, names, st.binary(min_size=4, max_size=4), st.binary(min_size=1, max_size=90)
)
texts = st.text(st.one_of(st.characters(exclude_categories=["Cs", "Cc"]), st.just("\n"))).map(
    lambda text: text.encode() + b"\n"
)


@given(texts, st.lists(signatures, min_size=1, max_size=5))
def test_every_note_that_is_written_is_read_back(text: bytes, lines: list[NoteSignature]) -> None:
    data = format_note(text, lines)
    assert parse_note(data) == Note(text, tuple(lines)) == plain_note(data)


@given(
    spoiled(b"one\n\ntwo\n\n\xe2\x80\x94 a AAAAAAA=\n\n\xe2\x80\x94 b/c AAAAAAAA\n\xe2\x80\x94 d AAAAAAA=\n")
)
def test_notes_are_read_as_the_specification_says(data: bytes) -> None:
    assert parsed(data) == plain_note(data)


lines_of_text = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1)
checkpoints = st.builds(
    Checkpoint,
    lines_of_text,
    st.integers(0, 2**63 - 1),
    st.binary(min_size=32, max_size=32),
    st.lists(lines_of_text, max_size=3).map(tuple),
)


@given(checkpoints)
def test_every_checkpoint_is_read_back(checkpoint: Checkpoint) -> None:
    assert parse_checkpoint(format_checkpoint(checkpoint)) == checkpoint


@given(spoiled(b"example.com/log\n1234567890\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nextension\n"))
def test_a_text_is_one_checkpoint_or_none(text: bytes) -> None:
    try:
        checkpoint = parse_checkpoint(text)
    except VerificationError:
        return
    assert format_checkpoint(checkpoint) == text


def as_plain_json(value: Any) -> str:
    """Write canonical JSON as RFC 8785 says it, by hand."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        short = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}
        return (
            '"'
            + "".join(short.get(char) or (char if char >= " " else f"\\u{ord(char):04x}") for char in value)
            + '"'
        )
    if isinstance(value, list):
        return "[" + ",".join(map(as_plain_json, value)) + "]"
    units = sorted(value, key=lambda name: list(memoryview(name.encode("utf-16-le")).cast("H")))
    return "{" + ",".join(f"{as_plain_json(name)}:{as_plain_json(value[name])}" for name in units) + "}"


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**53) + 1, 2**53 - 1),
    st.text(st.characters(exclude_categories=["Cs"])),
)
values: st.SearchStrategy[Json] = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4),
    ),
    max_leaves=12,
)


@given(values)
def test_canonical_json_is_that_of_the_rfc_and_is_read_back(value: Json) -> None:
    data = canonical(value)
    assert data.decode() == as_plain_json(value)
    assert parse_canonical(data, max_bytes=1 << 20) == value
    assert parse_json(json.dumps(value, indent=1).encode(), max_bytes=1 << 20) == value


@given(st.binary(max_size=60), st.binary(max_size=8))
def test_base64_is_a_bijection(data: bytes, noise: bytes) -> None:
    assert parse_b64(b64(data)) == data
    try:
        decoded = parse_b64(noise)
    except VerificationError:
        return
    assert b64(decoded).encode() == noise


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    """Return a policy whose groups nest at random."""
    count = draw(st.integers(1, 6))
    free = [f"w{number}" for number in range(count)]
    witnesses = tuple(WitnessLine(name, WITNESS_KEYS[number]) for number, name in enumerate(free))
    groups: list[Group] = []
    for number in range(draw(st.integers(0, 4))):
        if not free:
            break
        members = draw(st.lists(st.sampled_from(free), unique=True, min_size=1))
        free = [name for name in free if name not in members]
        groups.append(Group(f"g{number}", draw(st.integers(1, len(members))), tuple(members)))
        free.append(f"g{number}")
    names = [line.name for line in witnesses] + [group.name for group in groups]
    return Policy((), witnesses, tuple(groups), draw(st.sampled_from(["none", *names])))


WITNESS_KEYS: list[VerifierKey] = [
    vkey_of(f"w{number}", COSIGNATURE_ED25519, SeedSigner(Algorithm.ED25519, bytes([number]) * 32).public)
    for number in range(6)
]


def plain_quorum(policy: Policy, name: str, signers: set[int]) -> bool:
    """Decide by walking down from the quorum."""
    for group in policy.groups:
        if group.name == name:
            return sum(plain_quorum(policy, member, signers) for member in group.members) >= group.k
    return name == "none" or int(name[1:]) in signers


@given(policies(), st.sets(st.integers(0, 5)))
def test_a_quorum_is_what_a_walk_down_its_groups_finds(policy: Policy, signers: set[int]) -> None:
    known = {number for number in signers if number < len(policy.witnesses)}
    assert policy.is_reached({WITNESS_KEYS[n] for n in signers}) == plain_quorum(policy, policy.quorum, known)
    assert parse_policy(format_policy(policy)) == policy


@given(policies(), st.sets(st.integers(0, 5)), st.integers(0, 5))
def test_one_more_witness_never_breaks_a_quorum(policy: Policy, signers: set[int], more: int) -> None:
    before = policy.is_reached({WITNESS_KEYS[n] for n in signers})
    assert policy.is_reached({WITNESS_KEYS[n] for n in signers | {more}}) >= before


def test_the_samples_above_are_good_before_they_are_spoiled() -> None:
    for parse, good in BYTE_PARSERS.values():
        parse(good)
    parse_vkey(VKEY.decode())
    assert len(cosignatures(1)) == 2
