"""Names never contain an origin; rows and bundles that are not the ones stored are refused."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.tlog.logs import NAMES, ORIGIN, filled, signed, signer_of

from hisn.core.canon import b64, canonical
from hisn.errors import StorageError, VerificationError
from hisn.tlog.staging import (
    LogNames,
    Row,
    encode_staging,
    parse_own,
    parse_published,
    parse_row,
    parse_staging,
    staged_size,
    staging_name,
)

KEYS = signer_of().keys
HEAD = filled(2)[1].head()
FILES = {"tile/entries/000.p/2": b"\0\1a\0\1\n\n", "tile/0/000.p/2": bytes(64), "tile/1/000": b""}


@given(st.text(min_size=1))
def test_an_origin_is_never_a_part_of_a_path(origin: str) -> None:
    try:
        digest = hashlib.sha256(origin.encode()).hexdigest()
    except UnicodeEncodeError:
        return
    names = LogNames(origin)
    assert names.folder == f"log/{digest}/"
    assert names.checkpoint == f"log/{digest}/checkpoint"
    assert names.staging == f"state/staging/{digest}/"
    assert names.suspect == f"state/suspect/{digest}/"
    assert (names.row, names.published_row) == (f"log/{digest}", f"published/{digest}")


@pytest.mark.parametrize("row", [Row(HEAD), Row(HEAD, "state/staging/x"), Row(HEAD, "x", b"ahead\n\xff")])
def test_a_row_comes_back_as_it_went(row: Row) -> None:
    assert parse_row(row.encode(), KEYS) == row


def damaged_rows() -> list[bytes]:
    good = Row(HEAD, "x").encode()
    fields = {"ahead": None, "checkpoint": b64(HEAD.raw), "staging": None}
    other = signer_of(ORIGIN, seed=9)
    return [
        b"",
        b"null",
        b"[]",
        good[:-1],
        good + b" ",
        good.replace(b'"staging":"x"', b'"staging":7'),
        canonical({**fields, "checkpoint": b64(b"rubbish")}),
        canonical({**fields, "checkpoint": "?"}),
        canonical({**fields, "ahead": "?"}),
        canonical({"checkpoint": b64(HEAD.raw), "staging": None}),
        # Signed, but by other keys than this log's.
        canonical({**fields, "checkpoint": b64(filled(0)[1].head().raw.replace(b"\n0\n", b"\n1\n"))}),
        canonical({**fields, "checkpoint": b64(HEAD.raw.replace(other.name.encode(), b"x.example/log"))}),
    ]


@pytest.mark.parametrize("data", damaged_rows())
def test_a_damaged_register_is_never_the_base_of_a_signature(data: bytes) -> None:
    with pytest.raises(StorageError, match="damaged") as caught:
        parse_row(data, KEYS)
    assert caught.value.code == "E5209"
    assert "hisn node recover" in caught.value.hint


@given(st.binary(max_size=300))
def test_any_bytes_in_the_register_are_refused_in_the_same_way(data: bytes) -> None:
    for parse in (parse_row, parse_published):
        with pytest.raises(StorageError) as caught:
            parse(data, KEYS)
        assert caught.value.code == "E5209"


def test_only_both_keys_make_a_checkpoint_our_own() -> None:
    data = signed(2, bytes(32))
    assert parse_own(data, KEYS).checkpoint.size == 2
    assert parse_published(data, KEYS) == parse_own(data, KEYS)
    one_line = data[: data.rfind(b"\xe2\x80\x94")]
    with pytest.raises(VerificationError, match="only one"):
        parse_own(one_line, KEYS)


@given(
    st.dictionaries(
        st.from_regex(r"tile/[0-9]/[0-9]{3}", fullmatch=True), st.binary(max_size=100), max_size=5
    )
)
def test_a_bundle_comes_back_as_it_went(files: dict[str, bytes]) -> None:
    bundle = encode_staging(files)
    name = staging_name(NAMES, 7, bundle)
    back = parse_staging(name, bundle)
    assert back == files
    assert list(back) == list(files)
    assert staged_size(name) == 7


def test_every_flipped_bit_of_a_bundle_is_found() -> None:
    bundle = encode_staging(FILES)
    name = staging_name(NAMES, 0, bundle)
    assert parse_staging(name, bundle) == FILES
    for at in range(len(bundle)):
        with pytest.raises(StorageError, match="damaged") as caught:
            parse_staging(name, bundle[:at] + bytes([bundle[at] ^ 1]) + bundle[at + 1 :])
        assert caught.value.code == "E5214"


def test_a_stray_file_is_no_bundle() -> None:
    for name in ("README", "7", "-" + "0" * 64, "07-" + "0" * 64, "7-" + "0" * 63, "٧-" + "0" * 64):
        assert staged_size(f"{NAMES.staging}{name}") is None
