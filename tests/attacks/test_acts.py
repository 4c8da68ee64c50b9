"""Attacks on single acts and on the chain of one author's acts."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.acts.samples import GENESIS, ORIGIN, OTHER, digest, signer, statement

from hisn.acts.chain import Act, EquivocationError, verify_chain, verify_equivocation
from hisn.acts.envelope import ACT_TYPE, Envelope, Signature, parse_envelope, verify_envelope
from hisn.acts.kinds import KINDS
from hisn.acts.statement import Head, check_body, check_place
from hisn.acts.write import format_envelope, sign_payload, sign_statement, statement_json
from hisn.core.canon import canonical
from hisn.core.keys import DualPublic
from hisn.core.proof_limits import MAX_LEAF_BYTES
from hisn.errors import VerificationError
from hisn.tlog.merkle import leaf_hash

KEYS = signer("north act")
THIEF = signer("a thief")
SAID = statement()
LEAF = sign_statement(SAID, KEYS)


def refused(leaf: bytes, keys: DualPublic = KEYS.public) -> str:
    with pytest.raises(VerificationError) as caught:
        verify_envelope(leaf, keys)
    return caught.value.code


def envelope_of(payload: bytes, *signatures: Signature) -> bytes:
    return format_envelope(Envelope(ACT_TYPE, payload, signatures))


def forged(at: list[Any], value: Any) -> bytes:
    """Return an act with one value replaced, signed by its author: what a hostile member can make."""
    whole = json.loads(statement_json(SAID))
    place = whole
    for step in at[:-1]:
        place = place[step]
    place[at[-1]] = value
    payload = canonical(whole)
    return envelope_of(payload, *sign_payload(ACT_TYPE, payload, KEYS))


def act(seq: int, before: Act | None = None, **changes: Any) -> Act:
    prev = leaf_hash(before.leaf) if before else None
    said = statement("key-event", **({"seq": seq, "prev": prev, "seen": ()} | changes))
    return Act(sign_statement(said, KEYS), said)


def test_an_act_replayed_into_another_log_is_refused() -> None:
    # The signatures are good, and must be: only the place is not.
    said = verify_envelope(LEAF, KEYS.public)
    check_place(said, ORIGIN)
    with pytest.raises(VerificationError) as caught:
        check_place(said, OTHER)
    assert caught.value.code == "E3310"


def test_an_act_replayed_at_another_index_is_refused() -> None:
    first = act(0)
    second = act(1, first)
    for replay in (first, second):
        with pytest.raises(VerificationError) as caught:
            verify_chain([first, second, replay])
        assert caught.value.code == "E3321"


def test_an_act_in_the_name_of_another_is_refused() -> None:
    assert refused(forged(["predicate", "header", "actor"], OTHER)) == "E3309"
    assert refused(sign_statement(SAID, THIEF)) == "E3303"


def test_a_signature_transplanted_to_another_payload_is_refused() -> None:
    other = statement("observation", thread="another")
    assert refused(envelope_of(statement_json(other), *parse_envelope(LEAF).signatures)) == "E3112"


@pytest.mark.parametrize(
    "payload_type", ["application/vnd.hisn.roster+json", "application/vnd.hisn.enrolment+json", "text/plain"]
)
def test_a_signature_transplanted_to_another_payload_type_is_refused(payload_type: str) -> None:
    # The same bytes, signed as something else, and then called an act; and the other way round.
    signatures = sign_payload(payload_type, statement_json(SAID), KEYS)
    assert refused(envelope_of(statement_json(SAID), *signatures)) == "E3112"
    assert refused(format_envelope(Envelope(payload_type, statement_json(SAID), signatures))) == "E3300"


def test_one_of_two_signatures_is_not_enough() -> None:
    ed25519, mldsa = parse_envelope(LEAF).signatures
    for signatures in ((), (ed25519,), (mldsa,)):
        assert refused(envelope_of(statement_json(SAID), *signatures)) == "E3302"
    assert refused(envelope_of(statement_json(SAID), ed25519, ed25519)) == "E3303"
    assert refused(envelope_of(statement_json(SAID), mldsa, mldsa)) == "E3303"


def test_one_broken_algorithm_does_not_open_the_other() -> None:
    # Whoever can forge Ed25519, with a quantum computer say, still lacks ML-DSA-44, and vice versa.
    ours, theirs = (
        sign_payload(ACT_TYPE, statement_json(SAID), KEYS),
        sign_payload(ACT_TYPE, statement_json(SAID), THIEF),
    )
    assert refused(envelope_of(statement_json(SAID), ours[0], theirs[1])) == "E3303"
    assert refused(envelope_of(statement_json(SAID), theirs[0], ours[1])) == "E3303"
    assert refused(envelope_of(statement_json(SAID), ours[0], replace(ours[1], raw=theirs[1].raw))) == "E3112"
    assert refused(envelope_of(statement_json(SAID), replace(ours[0], raw=theirs[0].raw), ours[1])) == "E3112"


def test_confused_key_ids_are_refused() -> None:
    ed25519, mldsa = parse_envelope(LEAF).signatures
    theirs = sign_payload(ACT_TYPE, statement_json(SAID), THIEF)
    for signatures in (
        (mldsa, ed25519),
        (replace(ed25519, key_id=mldsa.key_id), replace(mldsa, key_id=ed25519.key_id)),
        (replace(ed25519, key_id=theirs[0].key_id), mldsa),
        (replace(theirs[0], key_id=ed25519.key_id), mldsa),
        (replace(ed25519, key_id=""), mldsa),
        (replace(ed25519, key_id=ed25519.key_id.upper()), mldsa),
        (ed25519, replace(mldsa, key_id=mldsa.key_id[:-1])),
    ):
        assert refused(envelope_of(statement_json(SAID), *signatures)) in ("E3303", "E3112")


def test_two_acts_with_one_number_prove_equivocation() -> None:
    first = act(0)
    for_south, for_east = (
        act(1, first, audience=("south.example",)),
        act(1, first, audience=("east.example",)),
    )
    with pytest.raises(EquivocationError) as caught:
        verify_chain([first, for_south, for_east])
    # The two leaves alone, with the author's keys, convince anybody.
    proof = (caught.value.first, caught.value.second)
    assert verify_equivocation(*proof, KEYS.public) == (for_south.statement, for_east.statement)


def test_nobody_can_frame_an_author_of_equivocation() -> None:
    first = act(0)
    again = sign_statement(first.statement, KEYS)
    forgery = sign_statement(act(0, thread="another").statement, THIEF)
    for second in (first.leaf, again, forgery, act(1, first).leaf, b"{}"):
        with pytest.raises(VerificationError):
            verify_equivocation(first.leaf, second, KEYS.public)


def test_a_stale_head_does_not_undo_what_was_seen() -> None:
    # "When I decided, I had not seen your request": but an earlier act cites a head that holds it.
    knew = act(0, seen=(Head(OTHER, 40, digest("forty")),))
    denies = act(1, knew, seen=(Head(OTHER, 39, digest("thirty-nine")),))
    with pytest.raises(VerificationError) as caught:
        verify_chain([knew, denies])
    assert caught.value.code == "E3324"
    silent = act(1, knew)
    denies = act(2, silent, seen=(Head(OTHER, 39, digest("thirty-nine")),))
    with pytest.raises(VerificationError) as caught:
        verify_chain([knew, silent, denies])
    assert caught.value.code == "E3324"


def test_two_roots_of_one_log_cited_by_one_author_are_noticed() -> None:
    one = act(0, seen=(Head(OTHER, 40, digest("forty")),))
    other = act(1, one, seen=(Head(OTHER, 40, digest("another forty")),))
    with pytest.raises(VerificationError) as caught:
        verify_chain([one, other])
    assert caught.value.code == "E3325"


@pytest.mark.parametrize(
    "at",
    [["more"], ["predicate", "more"], ["predicate", "header", "more"], ["predicate", "public", "more"],
     ["subject", 0, "more"], ["subject", 0, "digest", "more"]],
)  # fmt: skip
def test_an_unknown_field_is_refused_wherever_it_stands(at: list[Any]) -> None:
    assert refused(forged(at, "x")) in ("E3305", "E3307", "E3309")


def test_an_unknown_field_of_the_envelope_is_refused() -> None:
    assert refused(canonical(json.loads(LEAF) | {"note": "x"})) == "E3300"


def test_a_field_said_twice_is_refused() -> None:
    # One reader takes the first, another the last; both verify the same signature.
    payload = statement_json(SAID).replace(b'"what":"feed"', b'"what":"feed","what":"another"')
    assert refused(envelope_of(payload, *sign_payload(ACT_TYPE, payload, KEYS))) == "E3100"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("other", KINDS)
def test_an_act_of_one_kind_never_reads_as_another(kind: str, other: str) -> None:
    if kind == other:
        return
    whole = json.loads(statement_json(statement(kind)))
    whole["predicateType"] = f"urn:hisn:act:{other}:v1"
    payload = canonical(whole)
    leaf = envelope_of(payload, *sign_payload(ACT_TYPE, payload, KEYS))
    assert refused(leaf) in ("E3307", "E3308", "E3309")


@pytest.mark.parametrize("kind", ["claim", "vote", "Finding", "", "finding:v1:x"])
def test_a_kind_that_nobody_knows_is_refused(kind: str) -> None:
    assert refused(forged(["predicateType"], f"urn:hisn:act:{kind}:v1")) == "E3305"


def test_an_act_longer_than_32_kib_is_refused_before_it_is_parsed() -> None:
    long = b"[" * (MAX_LEAF_BYTES + 1)
    assert refused(long) == "E3301"
    # Every text in it is short enough; there are too many of them.
    detail: dict[str, Any] = {f"name {number}": "x" * 200 for number in range(160)}
    said = replace(statement("key-event"), public={"event": "gap", "detail": detail})
    with pytest.raises(ValueError, match="longer than"):
        sign_statement(said, KEYS)


def test_a_swapped_body_is_refused() -> None:
    said = statement("charter")
    check_body(said, GENESIS)
    for other in (b"", GENESIS + b" ", b"another charter"):
        with pytest.raises(VerificationError) as caught:
            check_body(said, other)
        assert caught.value.code == "E3311"


def test_a_body_cannot_be_added_to_an_act_that_has_none() -> None:
    with pytest.raises(VerificationError):
        check_body(statement("key-event"), b"")
    assert refused(forged(["subject", 0, "digest", "sha256"], digest("a body").hex())) == "E3308"


@pytest.mark.parametrize(
    "name",
    ["nоrth.example/log", "north.example/log\u200b", "north.example/log ", "North.example/log", "north.example//log",
     "north.example/../log", "../../etc/passwd", "north.example/.log", "ｎorth.example/log", "\u202egol/elpmaxe.htron"],
)  # fmt: skip
def test_a_confusable_member_id_is_refused(name: str) -> None:
    assert refused(forged(["predicate", "header", "actor"], name)) == "E3309"
    assert refused(forged(["predicate", "header", "audience"], [name])) == "E3309"
    assert refused(forged(["predicate", "header", "seen", 0, "origin"], name)) == "E3309"


@pytest.mark.parametrize("text", ["pay\u202etxt", "a\nb", "é", "\x1b[2J", "a b"])
def test_deceptive_text_in_a_thread_is_refused(text: str) -> None:
    assert refused(forged(["predicate", "header", "thread"], text)) == "E3309"
    assert refused(forged(["predicate", "header", "agreement"], text)) == "E3309"


def test_a_number_beyond_what_readers_keep_exactly_is_refused() -> None:
    payload = statement_json(SAID).replace(b'"seq":1', b'"seq":9007199254740993')
    assert refused(envelope_of(payload, *sign_payload(ACT_TYPE, payload, KEYS))) == "E3100"


def test_a_ballot_batch_that_tells_half_is_refused() -> None:
    # The secrecy of the vote: counts without times, or times without counts, tell when ballots came.
    said = statement("batch")
    for hidden in (("count",), ("count", "unparsed"), ("first", "last", "count"), ("unparsed",)):
        public = said.public | dict.fromkeys(hidden)
        payload = statement_json(replace(said, public=public))
        assert refused(envelope_of(payload, *sign_payload(ACT_TYPE, payload, KEYS))) == "E3307"
