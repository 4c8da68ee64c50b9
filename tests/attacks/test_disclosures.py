"""Attacks on single fields: two values for one, guessed ones, moved ones, invented ones, denied ones."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.evidence.forge import b64url, digest, salt, shown, slots_of, text, texts_of
from tests.unit.evidence.sealing import KEY, block_of, chunk_of

from hisn.errors import VerificationError
from hisn.evidence.batch import Mode, OpenBatch, seal_chunk
from hisn.evidence.disclosure import Presented, open_leaf, parse_disclosure, parse_presented
from hisn.evidence.sealed_map import check_absent, parse_map, present
from hisn.tlog.merkle import leaf_hash, verify_inclusion

FIELDS: dict[str, object] = {"Image": "C:\\a.exe", "SourceIp": "10.0.0.7", "User": "clerk"}
SLOTS = slots_of(FIELDS)
TEXTS = texts_of(SLOTS)
IMAGE, SOURCE_IP, USER = 1, 2, 3


def refused(code: str, presented: Presented) -> None:
    with pytest.raises(VerificationError) as caught:
        open_leaf(presented)
    assert caught.value.code == code


def text_refused(disclosure: str) -> None:
    with pytest.raises(VerificationError):
        parse_disclosure(disclosure)
    with pytest.raises(VerificationError):
        open_leaf(shown([TEXTS[0], disclosure, *TEXTS[2:]], 0, 1))


def test_the_true_map_opens() -> None:
    assert open_leaf(shown(TEXTS, 0, IMAGE)).values == {"Image": "C:\\a.exe"}


# Two values for one field


def test_two_values_for_one_field_cannot_be_sealed_in_two_slots() -> None:
    # The owner shows "clerk" to one party and "intruder" to another.
    slots = [("_names", ["Image", "User", "User"]), ("Image", "a"), ("User", "clerk"), ("User", "intruder")]
    refused("E3340", shown(texts_of(slots + [("_pad", None)] * 4), 0, 2))


def test_a_second_value_behind_the_names_is_no_field() -> None:
    slots = [*SLOTS[:4], ("User", "intruder"), *SLOTS[5:]]
    refused("E3341", shown(texts_of(slots), 0, 4))


def test_a_value_in_a_padding_slot_is_no_padding() -> None:
    refused("E3341", shown(texts_of([*SLOTS[:4], ("_pad", "intruder"), *SLOTS[5:]]), 0, 4))


def test_a_shown_padding_slot_says_nothing() -> None:
    opened = open_leaf(shown(TEXTS, 0, 4, 7))
    assert opened.values == {}
    assert opened.hidden == ("Image", "SourceIp", "User")


def test_a_second_text_for_one_slot_does_not_fit_its_digest() -> None:
    other = Presented(tuple(map(digest, TEXTS)), {0: TEXTS[0], USER: text(salt(USER), "User", "intruder")})
    refused("E3341", other)


def test_one_digest_in_two_slots_is_refused() -> None:
    refused("E3340", shown([*TEXTS[:6], TEXTS[5], TEXTS[7]], 0))
    refused("E3340", shown([*TEXTS[:2], TEXTS[1], *TEXTS[3:]], 0, 1, 2))


# A disclosed text at another slot


def test_a_disclosed_text_at_another_slot_is_refused() -> None:
    for a, b in itertools.permutations(range(8), 2):
        presented = Presented(tuple(map(digest, TEXTS)), {0: TEXTS[0], a: TEXTS[b]})
        if a:
            refused("E3341", presented)


def test_digests_and_texts_moved_together_are_refused() -> None:
    swapped = [TEXTS[0], TEXTS[2], TEXTS[1], *TEXTS[3:]]
    refused("E3341", shown(swapped, 0, 1))
    refused("E3341", shown(swapped, 0, 2))


def test_a_text_of_another_event_is_refused() -> None:
    batch = OpenBatch(chunk_of(block_of([{"a": "1"}, {"a": "2"}], [1, 2])), KEY, "fields")
    first, second = (batch.fields(at, ["a"]).presented for at in (0, 1))
    refused("E3341", Presented(first.digests, {0: first.disclosures[0], 4: second.disclosures[4]}))


def test_slots_that_do_not_exist_are_refused() -> None:
    for slot in (8, -1):
        refused("E3340", Presented(tuple(map(digest, TEXTS)), {0: TEXTS[0], slot: TEXTS[1]}))


# Absence


def test_absence_is_provable_and_cannot_be_claimed_of_a_hidden_field() -> None:
    opened = open_leaf(shown(TEXTS, 0))
    check_absent(opened, "ParentImage")
    with pytest.raises(VerificationError):
        check_absent(opened, "User")


def test_no_map_opens_without_its_list_of_names() -> None:
    refused("E3340", shown(TEXTS, IMAGE))
    refused("E3340", Presented((), {}))


def test_a_field_cannot_be_left_out_of_the_names() -> None:
    # It would stand in a padding slot: nobody can ever show it.
    texts = texts_of([("_names", ["Image", "SourceIp"]), *SLOTS[1:]])
    opened = open_leaf(shown(texts, 0))
    check_absent(opened, "User")
    refused("E3341", shown(texts, 0, USER))


def test_a_list_of_names_in_another_slot_is_not_the_list() -> None:
    slots = [("Image", "x"), ("_names", ["Image"])] + [("_pad", None)] * 6
    refused("E3341", shown(texts_of(slots), 0))


@pytest.mark.parametrize(
    "names",
    [
        ["b", "a"],
        ["a", "a"],
        ["a", "_pad"],
        ["_names", "a"],
        ["a", 1],
        ["a", None],
        "a",
        None,
        [["a"], "b"],
        7,
    ],
)
def test_names_out_of_order_or_form_are_refused(names: object) -> None:
    with pytest.raises(VerificationError):
        open_leaf(shown(texts_of([("_names", names), ("a", 1), ("b", 2)] + [("_pad", None)] * 5), 0))


@pytest.mark.parametrize("slots", [1, 4, 7, 9, 16])
def test_another_number_of_slots_than_the_names_need_is_refused(slots: int) -> None:
    refused("E3340", shown(texts_of((SLOTS + [("_pad", None)] * 8)[:slots]), 0))


# Guessing


def test_guessing_hidden_fields_finds_nothing_without_the_salt() -> None:
    """Try all values of a small field against every digest that a pack shows."""
    batch = OpenBatch(chunk_of(block_of([{"Level": 4, "Image": "a"}], [1], raws=[b"4 a"])), KEY, "fields")
    fields, record = batch.fields(0, ["Image", "_raw", "_record", "_time"]), batch.record(0)
    visible = set(fields.presented.digests) | set(fields.path) | {batch.sealed.root}
    visible.add(bytes.fromhex(str(open_leaf(fields.presented).values["_raw"]).split(" ")[1]))
    guesses = [b"4", b'"4"', b'"Level",4', b"4 a", b'["Level",4]', b'["","Level",4]', record.record]
    for guess in guesses:
        for form in (guess, b64url(guess).encode(), b"\0" + guess):
            assert hashlib.sha256(form).digest() not in visible
    for other in (bytes(16), record.raw_salt, KEY[:16], KEY[16:]):
        assert digest(text(b64url(other), "Level", 4)) not in visible


def test_no_digest_is_unsalted_not_even_of_padding_and_names() -> None:
    twins = chunk_of(block_of([{"a": "same"}] * 20, range(1, 21)))
    batch = OpenBatch(twins, KEY, "fields")
    digests = [each for at in range(20) for each in batch.fields(at, []).presented.digests]
    assert len(set(digests)) == len(digests) == 20 * 8


def test_the_salts_that_are_shown_say_nothing_of_the_others() -> None:
    batch = OpenBatch(chunk_of(block_of([{"a": "x", "b": "y"}] * 3, [1, 2, 3])), KEY, "fields")
    salts = [parse_salt(each) for at in range(3) for each in batch.sealed_map(at).disclosures]
    salts += [batch.record(at).raw_salt for at in range(3)]
    assert len(set(salts)) == len(salts)
    assert all(len(each) == 16 for each in salts)


def parse_salt(disclosure: str) -> bytes:
    array = json.loads(base64.urlsafe_b64decode(disclosure + "=" * (-len(disclosure) % 4)))
    return base64.urlsafe_b64decode(array[0] + "==")


def test_the_raw_salt_is_not_among_the_disclosures() -> None:
    batch = OpenBatch(chunk_of(block_of([{"a": "x"}], [1])), KEY, "fields")
    assert batch.record(0).raw_salt not in {parse_salt(each) for each in batch.sealed_map(0).disclosures}


# One form


@pytest.mark.parametrize("size", [0, 8, 15, 17, 32])
def test_a_wrong_salt_length_is_refused(size: int) -> None:
    text_refused(text(b64url(bytes(size)), "Image", "x"))


TRUE = text(salt(1), "Image", "xx")
OTHER_SPELLINGS = {
    "padding": TRUE + "=",
    "more padding": TRUE + "==",
    "newline": TRUE + "\n",
    "space": " " + TRUE,
    "newline inside": TRUE[:4] + "\n" + TRUE[4:],
    "signs of base64": TRUE[:8] + "+/" + TRUE[10:],
    "cut": TRUE[:-1],
    "one more": TRUE + "A",
    "no ascii": TRUE[:-1] + "é",
    "half a pair": TRUE + "\udc80",
    "nothing": "",
}


@pytest.mark.parametrize("spelling", OTHER_SPELLINGS)
def test_non_canonical_base64url_is_refused(spelling: str) -> None:
    with pytest.raises(VerificationError):
        parse_disclosure(OTHER_SPELLINGS[spelling])
    good = shown([TEXTS[0], TRUE, *TEXTS[2:]], 0, 1)
    assert open_leaf(good).values == {"Image": "xx"}
    with pytest.raises(VerificationError):
        open_leaf(Presented(good.digests, {0: TEXTS[0], 1: OTHER_SPELLINGS[spelling]}))


def test_spare_bits_in_base64url_are_refused() -> None:
    # The last sign of 22 carries four bits that mean nothing: sixteen texts for one salt.
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    good = salt(1)
    at = alphabet.index(good[-1])
    for other in alphabet[at + 1 : at + 16]:
        text_refused(text(good[:-1] + other, "Image", "x"))


@pytest.mark.parametrize(
    "value", ["1.0", "1e2", "0.5", "-0", "01", "NaN", "Infinity", "1E0", "-0.0", "9" * 65, "true"]
)
def test_fractions_and_other_numbers_are_refused(value: str) -> None:
    text_refused(b64url(f'["{salt(1)}","Image",{value}]'.encode()))
    text_refused(b64url(f'["{salt(1)}","Image",[{value}]]'.encode()))


@pytest.mark.parametrize(
    "array",
    [
        f'["{salt(1)}","Image","x"] ',
        f'["{salt(1)}", "Image","x"]',
        f'["{salt(1)}","Im\\u0061ge","x"]',
        f'["{salt(1)}","Image","\\/"]',
        f'["{salt(1)}","Image","\\u000a"]',
        f'["{salt(1)}","Image","\\u001F"]',
        f'["{salt(1)}","Image","\x01"]',
        f'["{salt(1)}","Image","\\ud800"]',
        f'["{salt(1)}","Image","\\ud83d\\ude00"]',
        f'["{salt(1)}","Image",{{}}]',
        f'["{salt(1)}","Image",[{{}}]]',
        f'["{salt(1)}","Image",false]',
        f'["{salt(1)}","Image"]',
        f'["{salt(1)}","Image","x","y"]',
        f'["{salt(1)}",1,"x"]',
        '[1,"Image","x"]',
        '[null,"Image","x"]',
        f'["{salt(1)}","Image",[[[[[1]]]]]]',
        f'["{salt(1)}","Image",{"[" * 5000}{"]" * 5000}]',
        f'\ufeff["{salt(1)}","Image","x"]',
        '{"a":1}',
        "null",
        "",
    ],
)  # fmt: skip
def test_a_text_in_another_form_is_refused(array: str) -> None:
    text_refused(b64url(array.encode("utf-8", "surrogatepass")))


def test_invalid_utf_8_is_refused() -> None:
    text_refused(b64url(b'["%b","Image","\xff"]' % salt(1).encode()))


# Every other input


@given(st.integers(0, 8 * 8 * 32 - 1))
def test_every_flipped_bit_of_a_digest_changes_the_leaf_or_is_refused(bit: int) -> None:
    good = shown(TEXTS, 0, IMAGE)
    slot, at = divmod(bit, 256)
    changed = bytearray(good.digests[slot])
    changed[at // 8] ^= 1 << at % 8
    presented = Presented((*good.digests[:slot], bytes(changed), *good.digests[slot + 1 :]), good.disclosures)
    try:
        assert open_leaf(presented).leaf != open_leaf(good).leaf
    except VerificationError:
        assert slot in (0, IMAGE)


@given(st.integers(0, len(TEXTS[IMAGE]) - 1), st.characters())
def test_every_changed_sign_of_a_text_is_refused(at: int, sign: str) -> None:
    changed = TEXTS[IMAGE][:at] + sign + TEXTS[IMAGE][at + 1 :]
    if changed != TEXTS[IMAGE]:
        good = shown(TEXTS, 0)
        with pytest.raises(VerificationError):
            open_leaf(Presented(good.digests, {**good.disclosures, IMAGE: changed}))


@given(st.binary(max_size=200))
def test_arbitrary_bytes_as_a_map_raise_only_verification_errors(data: bytes) -> None:
    with pytest.raises(VerificationError):
        parse_map(data)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(JSON | st.fixed_dictionaries({"digests": JSON, "disclosures": JSON}))
def test_arbitrary_json_as_a_presented_map_raises_only_verification_errors(value: object) -> None:
    try:
        presented = parse_presented(value)  # type: ignore[arg-type]
    except VerificationError:
        return
    with pytest.raises(VerificationError):
        open_leaf(presented)


@given(st.lists(JSON, max_size=4))
def test_arbitrary_arrays_as_disclosures_raise_only_verification_errors(array: list[object]) -> None:
    disclosure = b64url(json.dumps(array).encode())
    try:
        name, value = parse_disclosure(disclosure)
    except VerificationError:
        return
    assert [name, value] == array[1:]


# In the batch


@pytest.mark.parametrize("mode", ["fields", "whole"])
def test_an_event_of_another_place_or_batch_has_no_path(mode: Mode) -> None:
    chunk = chunk_of(block_of([{"a": str(at)} for at in range(5)], range(1, 6)))
    batch, other = OpenBatch(chunk, KEY, mode), seal_chunk(chunk, bytes(32), mode)
    shown_fields = OpenBatch(chunk, KEY, "fields").fields(2, ["a"])
    leaf = leaf_hash(open_leaf(shown_fields.presented).leaf)
    if mode == "fields":
        verify_inclusion(leaf, 2, 5, shown_fields.path, batch.sealed.root)
    for index, root in ((1, batch.sealed.root), (2, other.root)):
        with pytest.raises(VerificationError):
            verify_inclusion(leaf, index, 5, shown_fields.path, root)


def test_a_leaf_of_one_kind_is_none_of_the_other() -> None:
    batch = OpenBatch(chunk_of(block_of([{"a": "x"}], [1])), KEY, "fields")
    assert batch.sealed_map(0).leaf.startswith(b"evt/1\n")
    record = batch.record(0)
    whole = b"whl/1\n" + hashlib.sha256(record.raw_salt + record.record).digest()
    with pytest.raises(VerificationError):
        verify_inclusion(leaf_hash(whole), 0, 1, record.path, batch.sealed.root)


def test_showing_more_later_shows_the_same_event() -> None:
    batch = OpenBatch(chunk_of(block_of([{"a": "x", "b": "y"}], [1])), KEY, "fields")
    first, later = (open_leaf(batch.fields(0, names).presented) for names in (["a"], ["a", "b"]))
    assert first.leaf == later.leaf
    assert open_leaf(present(batch.sealed_map(0), ["b"])).leaf == first.leaf
