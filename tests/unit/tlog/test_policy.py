from __future__ import annotations

import pytest
from tests.unit.core.refusals import refused
from tests.unit.tlog.signers import (
    HEAD,
    NOW_S,
    ORIGIN,
    cosignatures,
    cosigned_by,
    log_signer,
    signed_head,
    with_lines,
    witness,
)

from hisn.core.keys import Algorithm
from hisn.core.limits import MAX_POLICY_BYTES, MAX_POLICY_ENTRIES
from hisn.core.signers import SeedSigner
from hisn.errors import PolicyError
from hisn.tlog.note import (
    COSIGNATURE_ED25519,
    COSIGNATURE_ML_DSA_44,
    ED25519,
    NoteSignature,
    VerifierKey,
    format_vkey,
    vkey_of,
)
from hisn.tlog.policy import (
    Group,
    LogLine,
    Policy,
    QuorumResult,
    Seen,
    WitnessLine,
    check,
    format_policy,
    parse_policy,
    verify_log,
    verify_quorum,
)
from hisn.tlog.sign import join_stamp
from hisn.tlog.stamp import cosigned_message_mldsa

LOG_ED, LOG_PQ = (format_vkey(key) for key in log_signer().keys.vkeys)


def key_of(number: int, sig_type: int = COSIGNATURE_ED25519, name: str = "") -> VerifierKey:
    public = SeedSigner(Algorithm.ED25519, number.to_bytes(32, "big")).public
    return vkey_of(name or f"w{number}.example", sig_type, public)


def vkey(number: int, sig_type: int = COSIGNATURE_ED25519, name: str = "") -> str:
    return format_vkey(key_of(number, sig_type, name))


def text(*lines: str) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")


def member(number: int) -> tuple[str, str, str]:
    """Return the lines of a member's witness, which signs with both algorithms."""
    ed25519, mldsa = witness(number).keys.vkeys
    return (
        f"witness w{number}.ed {format_vkey(ed25519)}",
        f"witness w{number}.pq {format_vkey(mldsa)}",
        f"group w{number} all w{number}.ed w{number}.pq",
    )


EXAMPLE = text(
    f"log {vkey(9, ED25519)}",
    "",
    *(f"witness X{n} {vkey(n)}" for n in (1, 2, 3)),
    "group X-witnesses 2 X1 X2 X3",
    "",
    *(f"witness Y{n} {vkey(n + 3)}" for n in (1, 2, 3)),
    "group Y-witnesses any Y1 Y2 Y3",
    "",
    "group X-and-Y all X-witnesses Y-witnesses",
    "quorum X-and-Y",
)


def test_the_example_of_the_specification_is_read() -> None:
    policy = parse_policy(EXAMPLE)
    assert policy.logs == (LogLine(key_of(9, ED25519)),)
    assert [line.name for line in policy.witnesses] == ["X1", "X2", "X3", "Y1", "Y2", "Y3"]
    assert policy.groups[1] == Group("Y-witnesses", 1, ("Y1", "Y2", "Y3"))
    assert policy.groups[2] == Group("X-and-Y", 2, ("X-witnesses", "Y-witnesses"))
    assert parse_policy(format_policy(policy)) == policy


@pytest.mark.parametrize(
    ("signers", "reached"),
    [
        ((1, 2, 4), True),
        ((1, 3, 6), True),
        ((1, 2), False),
        ((1, 4, 5, 6), False),
        ((), False),
        ((1, 2, 3, 4, 5, 6), True),
    ],
)
def test_groups_nest(signers: tuple[int, ...], reached: bool) -> None:
    cosigned = {key_of(number) for number in signers} | {key_of(77)}
    policy = parse_policy(EXAMPLE)
    assert policy.is_reached(cosigned) == reached
    if reached:
        check(policy, cosigned)
    else:
        with refused("E4200", "missing", PolicyError):
            check(policy, cosigned)


def test_blanks_comments_and_addresses_are_allowed_where_the_format_has_them() -> None:
    policy = parse_policy(
        text(
            "#comment quorum none",
            " \t # another",
            "\t",
            f"\tlog \t {vkey(1, ED25519)}  https://log.example/ \t",
            f"witness a {vkey(2)} https://witness.example/#x",
            "   quorum\ta  ",
        )
    )
    assert policy.logs[0].url == "https://log.example/"
    assert policy.witnesses == (WitnessLine("a", key_of(2), "https://witness.example/#x"),)
    assert policy.quorum == "a"
    assert parse_policy(format_policy(policy)) == policy


def test_a_policy_can_ask_for_nobody() -> None:
    policy = parse_policy(b"quorum none\n")
    assert policy == Policy((), (), (), "none")
    check(policy, ())
    assert policy.satisfied_by(signed_head()) == QuorumResult((), (), reached=True)


def test_names_are_octets_and_nothing_is_folded() -> None:
    # "K" and the Kelvin sign, the two forms of é, and octets that are no UTF-8 at all.
    names = [
        "K",
        "\u212a",
        "k",
        "é",
        "e\u0301",
        "\udcff",
        "\udcff\udcfe",
        "all",
        "any",
        "7",
        "\xa0",
        "\u2028",
        "\x85",
    ]
    lines = [f"witness {name} {vkey(n)}" for n, name in enumerate(names, 1)]
    policy = parse_policy(text(*lines, f"group g all {' '.join(names)}", "quorum g"))
    assert [line.name for line in policy.witnesses] == names
    assert policy.groups == (Group("g", len(names), tuple(names)),)
    assert parse_policy(format_policy(policy)) == policy


@pytest.mark.parametrize("octet", sorted({*range(0x20), 0x7F} - {0x09, 0x0A}))
def test_control_octets_are_refused(octet: int) -> None:
    with refused("E3215", "control"):
        parse_policy(b"#" + bytes([octet]) + b"\nquorum none\n")


def test_all_other_octets_are_allowed() -> None:
    octets = bytes([0x09, *range(0x20, 0x7F), *range(0x80, 0x100)])
    assert parse_policy(b"#" + octets + b"\nquorum none\n").quorum == "none"


W = [f"witness w{n} {vkey(n)}" for n in range(6)]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["#"], "exactly one quorum"),
        ([W[0]], "exactly one quorum"),
        (["quorum none", "quorum none"], "exactly one quorum"),
        (["quorum w0", W[0]], "not defined before"),
        (["quorum"], "not a line"),
        (["quorum none none"], "not a line"),
        (["Quorum none"], "not a line"),
        (["quorum none # comment"], "not a line"),
        (["log", "quorum none"], "not a line"),
        ([f"log {vkey(1, ED25519)} url more", "quorum none"], "not a line"),
        (["witness w0", "quorum none"], "not a line"),
        ([W[0] + " url more", "quorum none"], "not a line"),
        ([W[0], "group g 1", "quorum none"], "not a line"),
        ([W[0], "group g", "quorum none"], "not a line"),
        ([W[0], "group g 1 w0 w1", W[1], "quorum g"], "not defined before"),
        ([W[0], "group g 1 w0 g", "quorum g"], "not defined before"),
        ([W[0], "group g 1 w0 none", "quorum g"], "not defined before"),
        ([W[0], "group g 2 w0", "quorum g"], "more members"),
        ([W[0], "group g 0 w0", "quorum g"], "more members"),
        ([W[0], "group g 2 w0 w0", "quorum g"], "already a member"),
        ([W[0], W[1], "group g 1 w0 w1", "group h 1 w1", "quorum h"], "already a member"),
        ([W[0], W[1], "group g 1 w0", "group h 1 g w1", "group i 1 g", "quorum i"], "already a member"),
        ([W[0], f"witness w0 {vkey(7)}", "quorum w0"], "defined twice"),
        ([W[0], W[1], "group w1 1 w0", "quorum w1"], "defined twice"),
        ([W[0], W[1], "group g 1 w0", "group g 1 w1", "quorum g"], "defined twice"),
        ([f"witness none {vkey(0)}", "quorum none"], "reserved"),
        ([W[0], "group none 1 w0", "quorum none"], "reserved"),
        ([f"log {vkey(1, COSIGNATURE_ED25519)}", "quorum none"], "not of a type for a log"),
        ([f"witness w0 {vkey(1, ED25519)}", "quorum none"], "not of a type for a witness"),
    ],
)  # fmt: skip
def test_what_is_no_policy_is_refused(lines: list[str], words: str) -> None:
    with refused("E3215", words):
        parse_policy(text(*lines))


@pytest.mark.parametrize("number", ["01", "+1", "1_0", "-1", "1.0", "ALL", "one", "٣"])
def test_numbers_of_a_group_are_plain(number: str) -> None:
    with refused("E3104"):
        parse_policy(text(*W, f"group g {number} w0 w1", "quorum g"))


def test_every_line_ends() -> None:
    for data in (b"", b"quorum none"):
        with refused("E3215", "does not end"):
            parse_policy(data)


def test_one_key_under_two_names_counts_once() -> None:
    # Ed25519 cosignatures do not commit to the cosigner's name: one witness would make a quorum alone.
    for first, second in (
        (f"witness a {vkey(1)}", f"witness b {vkey(1)}"),
        (f"witness a {vkey(1)}", f"witness b {vkey(1, name='other')}"),
        (f"log {vkey(1, ED25519)}", f"log {vkey(1, ED25519, name='other')}"),
    ):
        with refused("E3215", "same public key"):
            parse_policy(text(first, second, "quorum none"))


def test_a_log_does_not_witness_itself() -> None:
    with refused("E3215", "same public key"):
        parse_policy(text(f"log {LOG_PQ}", f"witness w {LOG_PQ}", "quorum w"))


def test_two_keys_of_one_name_and_id_are_refused() -> None:
    one, two = key_of(1), key_of(2)
    collided = VerifierKey(one.name, one.key_id, two.sig_type, two.material)
    with refused("E3215", "same name and id"):
        Policy((), (WitnessLine("a", one), WitnessLine("b", collided)), (), "none")


def test_weak_keys_are_refused_in_a_policy() -> None:
    weak = format_vkey(VerifierKey("w", bytes.fromhex("00000000"), COSIGNATURE_ED25519, b"\x01" + bytes(31)))
    with refused("E3111"):
        parse_policy(text(f"witness w {weak}", "quorum w"))
    with refused("E3201"):
        parse_policy(text(f"witness w \udcff{vkey(1)}", "quorum w"))


def test_32_logs_witnesses_and_groups_are_supported_and_more() -> None:
    count = MAX_POLICY_ENTRIES
    lines = [f"log {vkey(n, ED25519)}" for n in range(count)]
    lines += [f"witness w{n} {vkey(count + n)}" for n in range(count)]
    lines += ["group g0 1 w0", *(f"group g{n} all g{n - 1} w{n}" for n in range(1, count))]
    policy = parse_policy(text(*lines, f"quorum g{count - 1}"))
    everybody = {line.vkey for line in policy.witnesses}
    check(policy, everybody)
    assert not policy.is_reached(everybody - {policy.witnesses[0].vkey})


@pytest.mark.parametrize("what", ["log", "witness", "group"])
def test_more_lines_than_the_cap_are_refused(what: str) -> None:
    count = MAX_POLICY_ENTRIES + 1
    lines = {
        "log": [f"log {vkey(n, ED25519)}" for n in range(count)],
        "witness": [f"witness w{n} {vkey(n)}" for n in range(count)],
        "group": ["group g0 1 w0", *(f"group g{n} 1 g{n - 1}" for n in range(1, count))],
    }[what]
    with refused("E3215", f"more than {MAX_POLICY_ENTRIES}"):
        parse_policy(text(W[0], *lines, "quorum none") if what == "group" else text(*lines, "quorum none"))


def test_a_long_policy_is_refused_before_it_is_read() -> None:
    with refused("E3215", "bytes"):
        parse_policy(b"#" * MAX_POLICY_BYTES + b"\nquorum none\n")


@pytest.mark.parametrize(
    "policy",
    [
        Policy((), (WitnessLine("a b", key_of(1)),), (), "a b"),
        Policy((), (WitnessLine("a", key_of(1), "x y z"),), (), "a"),
        Policy((LogLine(key_of(1, ED25519), "\n"),), (), (), "none"),
        Policy((LogLine(key_of(1, ED25519), " "),), (), (), "none"),
    ],
)
def test_only_what_can_be_read_again_is_written(policy: Policy) -> None:
    with pytest.raises(ValueError, match=r"."):
        format_policy(policy)


def test_a_policy_made_by_a_program_is_checked_as_one_that_is_read() -> None:
    with refused("E3215", "quorum"):
        Policy((), (), (), "nobody")
    for members in (("nobody",), ("g",)):
        with refused("E3215", "not defined before"):
            Policy((), (), (Group("g", 1, members),), "g")


THREE = parse_policy(
    text(
        f"log {LOG_ED}", f"log {LOG_PQ}", *member(1), *member(2), *member(3), "group q 2 w1 w2 w3", "quorum q"
    )
)


def test_members_count_with_both_signatures_and_who_is_missing_is_said() -> None:
    result = verify_quorum(THREE, cosigned_by(1, 3))
    ed25519, mldsa = witness(1).keys.vkeys
    assert result.cosigned[:2] == (Seen("w1.ed", ed25519, NOW_S), Seen("w1.pq", mldsa, NOW_S))
    assert (result.missing, result.reached) == (("w2.ed", "w2.pq"), True)
    half = with_lines(*cosignatures(1), cosignatures(2)[0])
    assert THREE.satisfied_by(half).missing == ("w2.pq", "w3.ed", "w3.pq")
    with refused("E4200", "w2.pq, w3.ed, w3.pq", PolicyError):
        verify_quorum(THREE, half)
    with refused("E4200", "w1.ed", PolicyError):
        verify_quorum(THREE, signed_head())


def test_strangers_neither_help_nor_hinder() -> None:
    nonsense = NoteSignature("stranger", b"0000", b"\0")
    assert verify_quorum(
        THREE, with_lines(*cosignatures(1), nonsense, *cosignatures(2), *cosignatures(9))
    ).reached


def test_a_known_witness_whose_line_fails_rejects_the_checkpoint() -> None:
    ed25519, _ = cosignatures(3)
    bad = NoteSignature(ed25519.name, ed25519.key_id, join_stamp(NOW_S, bytes(64)))
    with refused("E3205"):
        verify_quorum(THREE, with_lines(*cosignatures(1), *cosignatures(2), bad))


def test_a_cosignature_without_a_time_does_not_count() -> None:
    keys = witness(2).keys
    message = cosigned_message_mldsa(keys.name, 0, ORIGIN, 0, HEAD.size, HEAD.root)
    timeless = NoteSignature(
        keys.name, keys.vkeys[1].key_id, join_stamp(0, witness(2).signer.mldsa.sign(message))
    )
    assert THREE.satisfied_by(with_lines(cosignatures(2)[0], timeless)).missing == (
        "w1.ed",
        "w1.pq",
        "w2.pq",
        "w3.ed",
        "w3.pq",
    )


def test_of_repeated_cosignatures_the_earliest_time_counts_and_one_vote() -> None:
    result = THREE.satisfied_by(
        with_lines(*cosignatures(1, NOW_S + 5), *cosignatures(1, NOW_S - 5), *cosignatures(1))
    )
    assert [seen.timestamp for seen in result.cosigned] == [NOW_S - 5, NOW_S - 5]
    assert not result.reached


def test_the_log_is_asked_by_its_own_keys_only() -> None:
    assert verify_log(THREE, cosigned_by(1)) == log_signer().keys.vkeys
    other = Policy((LogLine(log_signer("log.example/two", 2).keys.vkeys[0]),), (), (), "none")
    with refused("E3206"):
        verify_log(other, signed_head())


def test_an_ml_dsa_witness_alone_can_be_a_quorum() -> None:
    mldsa = witness(1).keys.vkeys[1]
    assert mldsa.sig_type == COSIGNATURE_ML_DSA_44
    assert verify_quorum(Policy((), (WitnessLine("a", mldsa),), (), "a"), cosigned_by(1)).reached
