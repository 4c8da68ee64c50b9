"""Hold our published vectors of sealed evidence to the format, restated without the program."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from tests.unit.evidence import forge
from tests.unit.evidence.hashers import HASHERS, hasher_named
from tests.unit.evidence.sealing import naive_root, naive_texts, own, salt_stream

from hisn.errors import VerificationError
from hisn.evidence.batch import seal_chunk
from hisn.evidence.disclosure import open_leaf, parse_disclosure, parse_presented
from hisn.evidence.escrow import parse_escrow_public, parse_escrow_secret
from hisn.evidence.key_record import open_escrow, parse_record, unwrap_key
from hisn.evidence.raw import decrypt_raw
from hisn.evidence.sealed_map import parse_map
from hisn.tlog.merkle import leaf_hash, verify_inclusion
from vectors import make_evidence

FOLDER = Path(__file__).resolve().parents[2] / "vectors" / "evidence"
Case = dict[str, Any]


@cache
def vectors(name: str) -> Case:
    loaded: Case = json.loads((FOLDER / f"{name}.json").read_bytes())
    return loaded


@pytest.mark.parametrize("name", sorted(make_evidence.FILES))
def test_the_published_file_is_what_the_script_makes(name: str) -> None:
    assert make_evidence.texts()[name] == (FOLDER / name).read_text("utf-8")


def test_nothing_else_is_published_there() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(make_evidence.FILES)


def test_disclosures_are_read_or_refused_as_they_say() -> None:
    found = {"valid": 0, "refused": 0}
    for case in vectors("disclosures")["cases"]:
        found[case["result"]] += 1
        if case["result"] == "refused":
            with pytest.raises(VerificationError):
                parse_disclosure(case["text"])
            continue
        salt = forge.b64url(bytes.fromhex(case["salt"]))
        value = json.loads(case["value"])
        assert case["text"] == forge.text(salt, case["name"], value), case["comment"]
        assert case["digest"] == hashlib.sha256(case["text"].encode()).hexdigest()
        name, read = parse_disclosure(case["text"])
        assert (name, json.loads(json.dumps(read))) == (case["name"], value)
    assert found == {"valid": 14, "refused": 33}


def test_maps_are_sealed_as_they_say() -> None:
    for case in vectors("maps")["sealed"]:
        fields = {name: json.loads(value) for name, value in case["fields"]}
        slots = forge.slots_of(fields)
        salts = bytes.fromhex(case["salts"])
        texts = [
            forge.text(forge.b64url(salts[16 * at : 16 * at + 16]), name, value)
            for at, (name, value) in enumerate(slots)
        ]
        assert json.loads(case["blob"]) == texts
        assert case["leaf"] == (b"evt/1\n" + b"".join(map(forge.digest, texts))).hex()
        sealed, opened = parse_map(case["blob"].encode())
        assert sealed.leaf.hex() == case["leaf"]
        assert json.loads(json.dumps(opened.values)) == fields


def test_presented_maps_open_or_fail_as_they_say() -> None:
    found = {"valid": 0, "refused": 0}
    for case in vectors("maps")["presented"]:
        found[case["result"]] += 1
        value = {"digests": case["digests"], "disclosures": case["disclosures"]}
        if case["result"] == "valid":
            assert open_leaf(parse_presented(value)).leaf.hex() == b"evt/1\n".hex() + "".join(case["digests"])
        else:
            with pytest.raises(VerificationError):
                open_leaf(parse_presented(value))
    assert found == {"valid": 4, "refused": 20}


def test_batches_are_what_the_format_describes() -> None:
    batch = vectors("batches")
    key = bytes.fromhex(batch["salt_key"])
    rows = sorted(make_evidence.CHUNK.rows(), key=lambda row: int(row[0].numbers[row[1]]))
    leaves, wholes = [], []
    for index, (event, (block, row)) in enumerate(zip(batch["events"], rows, strict=True)):
        record = bytes.fromhex(event["record"])
        raw_salt = salt_stream(b"hisn raw salt/1\n", key, index, 16)
        assert event["raw_salt"] == raw_salt.hex()
        assert (
            event["salts"] == salt_stream(b"hisn salt/1\n", key, index, 16 * len(event["disclosures"])).hex()
        )
        assert event["disclosures"] == naive_texts(block, row, key, index)
        shown = dict(map(parse_disclosure, event["disclosures"]))
        assert shown["_raw"] == f"{len(record)} {hashlib.sha256(raw_salt + record).hexdigest()}"
        assert (shown["_record"], shown["_time"]) == (event["number"], event["time"])
        assert {own(name) for name, _ in event["fields"]} <= set(shown)
        leaves.append(b"evt/1\n" + b"".join(map(forge.digest, event["disclosures"])))
        wholes.append(b"whl/1\n" + hashlib.sha256(raw_salt + record).digest())
        assert (event["leaf"], event["whole_leaf"]) == (leaves[-1].hex(), wholes[-1].hex())
    assert batch["root"] == naive_root(leaves).hex()
    assert batch["whole_root"] == naive_root(wholes).hex()
    for kind, root in (("", batch["root"]), ("whole_", batch["whole_root"])):
        for event in batch["events"]:
            path = [bytes.fromhex(node) for node in event[f"{kind}path"]]
            leaf = leaf_hash(bytes.fromhex(event[f"{kind}leaf"]))
            verify_inclusion(leaf, event["index"], 5, path, bytes.fromhex(root))


@pytest.mark.parametrize("name", HASHERS)
def test_every_hasher_gives_the_published_batches(name: str) -> None:
    batch = vectors("batches")
    key = bytes.fromhex(batch["salt_key"])
    hasher = hasher_named(name)
    assert seal_chunk(make_evidence.CHUNK, key, "fields", hasher).root.hex() == batch["root"]
    assert seal_chunk(make_evidence.CHUNK, key, "whole", hasher).root.hex() == batch["whole_root"]


def hkdf(key: str, info: bytes) -> str:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(bytes.fromhex(key)).hex()


def test_keys_are_derived_as_they_say() -> None:
    keys = vectors("keys")
    key = keys["intake_key"]
    assert keys["commitment"] == hashlib.sha256(b"hisn key commitment/1\n" + bytes.fromhex(key)).hexdigest()
    assert keys["raw_key"] == hkdf(key, b"hisn raw aead/1")
    assert keys["raw_salt"] == hkdf(key, b"hisn raw salt/1")
    for case in keys["salt_keys"]:
        place = case["part"].to_bytes(8, "big") + case["ordinal"].to_bytes(4, "big") + case["source"].encode()
        assert case["salt_key"] == hkdf(key, b"hisn batch salt/1\n" + place)
    assert vectors("batches")["salt_key"] not in {case["salt_key"] for case in keys["salt_keys"]}


def test_a_wrapped_key_opens_with_the_node_key_and_the_escrow_key() -> None:
    keys = vectors("keys")
    case, commitment = keys["record"], bytes.fromhex(keys["commitment"])
    record = parse_record(keys["commitment"], case["record"].encode())
    wrapped = AESGCM(bytes.fromhex(case["node_key"])).encrypt(
        bytes.fromhex(case["nonce"]), bytes.fromhex(keys["intake_key"]), b"hisn key wrap/1\n" + commitment
    )
    assert record.wrapped == wrapped
    assert unwrap_key(record, commitment, bytes.fromhex(case["node_key"])).key.hex() == keys["intake_key"]
    secret = parse_escrow_secret(case["escrow_secret"])
    assert parse_escrow_public(case["escrow_public"]) == secret.public
    escrowed = open_escrow(record, commitment, secret)
    assert escrowed is not None
    assert escrowed.key.hex() == keys["intake_key"]


def test_blobs_are_encrypted_as_they_say() -> None:
    blobs = vectors("blobs")
    key = blobs["intake_key"]
    cipher = AESGCM(bytes.fromhex(hkdf(key, b"hisn raw aead/1")))
    salt = bytes.fromhex(hkdf(key, b"hisn raw salt/1"))
    for case in blobs["cases"]:
        plain = bytes(at % 251 for at in range(case["size"]))
        segments = [plain[at : at + 2**20] for at in range(0, len(plain), 2**20)] or [b""]
        blob = b"hisn-raw/1\n"
        for at, segment in enumerate(segments):
            nonce = at.to_bytes(11, "big") + bytes([at == len(segments) - 1])
            blob += cipher.encrypt(nonce, segment, b"hisn-raw/1\n")
        assert case["ciphertext"] == hashlib.sha256(blob).hexdigest()
        assert case["commitment"] == hashlib.sha256(salt + plain).hexdigest()
        assert case["blob"] in (None, blob.hex())
        assert b"".join(decrypt_raw(bytes.fromhex(key), [blob])) == plain
