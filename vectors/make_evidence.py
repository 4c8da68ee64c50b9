"""Make our test vectors for sealed evidence: disclosures, maps, batches, keys and encrypted records.

    python -m vectors.make_evidence

Bytes are hexadecimal.  Values of fields are given as JSON texts: many JSON readers lose the last
digits of large integers.
"""

from __future__ import annotations

import json
from hashlib import shake_256
from pathlib import Path
from typing import Any

import numpy as np

from hisn.core.canon import b64, b64url, canonical
from hisn.core.instant import format_instant
from hisn.events.batch import NO_TIME, Block, Chunk
from hisn.events.schema import Cell, Layout
from hisn.evidence.batch import Mode, OpenBatch, salt_key_of
from hisn.evidence.disclosure import Presented, Value, digest_of, disclosure_text, slot_count, whole_leaf
from hisn.evidence.escrow import EscrowSecret
from hisn.evidence.key_record import IntakeKey, format_record, key_commitment, wrap_key
from hisn.evidence.pure import PureHasher, event_salts, raw_salt
from hisn.evidence.raw import SEGMENT_BYTES, RawEncryptor, blob_salt, derive_key
from hisn.evidence.sealed_map import SealedMap, format_map, present, presented_json, seal_map

HERE = Path(__file__).resolve().parent / "evidence"
Case = dict[str, Any]
Slot = tuple[str, Value]

KEY = bytes(range(32))


def chance(label: str, size: int) -> bytes:
    """Return bytes that look random and are the same in every run."""
    return shake_256(label.encode()).digest(size)


def value_text(value: Value) -> str:
    """Return the JSON text of a value."""

    def plain(item: Value) -> Any:
        return [plain(each) for each in item] if isinstance(item, tuple) else item

    return canonical(plain(value), wide=True).decode()


SALT = chance("salt", 16)
S = b64url(SALT)

GOOD_TEXTS: list[tuple[str, str, Value]] = [
    ("a text", "Image", "C:\\Windows\\System32\\cmd.exe"),
    ("an empty text", "User", ""),
    ("null", "User", None),
    ("a number", "EventID", 4624),
    ("a negative number", "offset_s", -5),
    ("a number that a double cannot hold", "id", 2**53 + 1),
    ("a number of 64 digits", "id", 10**64 - 1),
    ("several values", "Hashes", ("MD5=0", None, 7)),
    ("no values", "Hashes", ()),
    ("lists in lists", "unparsed", (("not JSON", 7, None, 1),)),
    ("signs that are escaped", "x", '"\\\b\f\n\r\t\x00\x1f'),
    ("signs that are not escaped", "x", "/\x7f\u2028\u00e9\u20ac\U0001f600<>&'"),
    ("an empty name", "", "x"),
    ("a name with signs", 'a"b\u00fc', "x"),
]

BAD_ARRAYS: list[tuple[str, str]] = [
    ("a space", f'["{S}", "Image","x"]'),
    ("a newline behind it", f'["{S}","Image","x"]\n'),
    ("a fraction", f'["{S}","Image",1.0]'),
    ("an exponent", f'["{S}","Image",1e2]'),
    ("minus zero", f'["{S}","Image",-0]'),
    ("a leading zero", f'["{S}","Image",01]'),
    ("a number of 65 digits", f'["{S}","Image",{10**64}]'),
    ("true", f'["{S}","Image",true]'),
    ("an object", f'["{S}","Image",{{}}]'),
    ("a needless escape", f'["{S}","Im\\u0061ge","x"]'),
    ("an escaped slash", f'["{S}","Image","\\/"]'),
    ("a capital in an escape", f'["{S}","Image","\\u001F"]'),
    ("a control sign in the open", f'["{S}","Image","\u0001"]'),
    ("half of a surrogate pair", f'["{S}","Image","\\ud800"]'),
    ("a pair of escapes", f'["{S}","Image","\\ud83d\\ude00"]'),
    ("a byte order mark", f'\ufeff["{S}","Image","x"]'),
    ("two parts", f'["{S}","Image"]'),
    ("four parts", f'["{S}","Image","x","y"]'),
    ("a name that is no text", f'["{S}",1,"x"]'),
    ("a salt that is no text", '[1,"Image","x"]'),
    ("a salt of 15 bytes", f'["{b64url(SALT[:15])}","Image","x"]'),
    ("a salt of 17 bytes", f'["{b64url(SALT + SALT[:1])}","Image","x"]'),
    ("no salt", '["","Image","x"]'),
    ("a salt with padding", f'["{S}==","Image","x"]'),
    ("lists five deep", f'["{S}","Image",[[[[[1]]]]]]'),
    ("an object in place of the array", '{"a":1}'),
    ("nothing", ""),
]


def disclosures() -> Case:
    """Make single disclosure texts."""
    good = [
        {
            "comment": comment,
            "salt": SALT.hex(),
            "name": name,
            "value": value_text(value),
            "text": disclosure_text(SALT, name, value),
            "digest": digest_of(disclosure_text(SALT, name, value)).hex(),
            "result": "valid",
        }
        for comment, name, value in GOOD_TEXTS
    ]
    refused = [(comment, b64url(array.encode())) for comment, array in BAD_ARRAYS]
    true = disclosure_text(SALT, "Image", "x")
    refused += [
        ("invalid UTF-8", b64url(f'["{S}","Image","'.encode() + b'\xff"]')),
        ("padding behind the text", true + "=" * (-len(true) % 4 or 1)),
        ("one sign too few", true[:-1]),
        ("a newline behind the text", true + "\n"),
        ("base64 in place of base64url", b64(f'["{S}","Image","\u00fb\u00ff\u00fe?>"]'.encode()).rstrip("=")),
        ("spare bits", spare_bits(true)),
    ]
    return {
        "about": "base64url of the canonical JSON array of salt, name and value; digest: SHA-256 of the text",
        "cases": good + [{"comment": c, "text": text, "result": "refused"} for c, text in refused],
    }


def spare_bits(text: str) -> str:
    """Return a text whose last sign carries bits that mean nothing."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    if len(text) % 4 == 0:
        raise ValueError("every bit of the last sign means something")
    return text[:-1] + alphabet[alphabet.index(text[-1]) + 1]


FIELDS: dict[str, Value] = {"Image": "C:\\a.exe", "SourceIp": "10.0.0.7", "User": None}
NINE: dict[str, Value] = {f"f{at}": at for at in range(9)}
NINE |= {"\u00e9": "\u00fc", "\ufffd": 1, "\U0001f600": 2}


def sealed(fields: dict[str, Value]) -> SealedMap:
    """Seal with salts that are the same in every run."""
    return seal_map(fields, chance("map", 16 * slot_count(len(fields))))


def by_hand(*slots: Slot) -> list[str]:
    """Return texts of slots that sealing would never make."""
    salts = chance("by hand", 16 * len(slots))
    return [disclosure_text(salts[16 * at : 16 * at + 16], *slot) for at, slot in enumerate(slots)]


def shown(texts: list[str], *slots: int) -> Presented:
    """Commit to all texts and show some."""
    return Presented(tuple(digest_of(text) for text in texts), {slot: texts[slot] for slot in slots})


def maps() -> Case:
    """Seal maps, and show fields of them."""
    wholes = [
        {
            "comment": comment,
            "fields": [[name, value_text(value)] for name, value in fields.items()],
            "salts": chance("map", 16 * slot_count(len(fields))).hex(),
            "blob": format_map(sealed(fields)).decode(),
            "leaf": sealed(fields).leaf.hex(),
        }
        for comment, fields in (
            ("three fields", FIELDS),
            ("no field", {}),
            ("seven fields fill eight slots", dict(list(NINE.items())[:7])),
            ("eight fields need sixteen", dict(list(NINE.items())[:8])),
            ("names are sorted by code point, not by UTF-16 units", NINE),
        )
    ]
    presented = [(comment, case, "valid") for comment, case in shown_well()]
    presented += [(comment, case, "refused") for comment, case in (*moved(), *misnamed(), *misplaced())]
    return {
        "about": "leaf: evt/1, newline, the digests of all slots; slot 0 lists the names by code points",
        "sealed": wholes,
        "presented": [
            {"comment": comment, **presented_json(case), "result": result}
            for comment, case, result in presented
        ],
    }


Shown = list[tuple[str, Presented]]
PAD: list[Slot] = [("_pad", None)] * 8
AB: list[Slot] = [("_names", ("a", "b")), ("a", 1), ("b", 2)]
TRUE = list(sealed(FIELDS).disclosures)
BOTH = present(sealed(FIELDS), ["User", "Image"])


def shown_well() -> Shown:
    """Show true maps."""
    return [
        ("two fields", BOTH),
        ("only the names", present(sealed(FIELDS), [])),
        ("a padding slot is shown, too", shown(TRUE, 0, 5)),
        ("a field that no name names, hidden for ever", shown(by_hand(*AB, ("c", 3), *PAD[:4]), 0, 1)),
    ]


def moved() -> Shown:
    """Show digests and texts that are not where they were."""
    other = by_hand(("Image", "x"))[0]
    short = (BOTH.digests[0][:31], *BOTH.digests[1:])
    return [
        ("the names are not shown", shown(TRUE, 1)),
        ("a text at another slot", Presented(BOTH.digests, {0: TRUE[0], 2: TRUE[1]})),
        ("text and digest at another slot", shown([TRUE[0], TRUE[2], TRUE[1], *TRUE[3:]], 0, 1)),
        ("another value", Presented(BOTH.digests, {0: TRUE[0], 1: other})),
        ("one digest twice", shown([*TRUE[:5], TRUE[4], *TRUE[6:]], 0)),
        ("a digest of 31 bytes", Presented(short, BOTH.disclosures)),
        ("a slot that does not exist", Presented(BOTH.digests, {0: TRUE[0], 8: TRUE[1]})),
    ]


def misnamed() -> Shown:
    """Show lists of names that cannot be one."""
    lists: list[tuple[str, Value]] = [
        ("a name twice", ("a", "a")),
        ("names not sorted", ("b", "a")),
        ("names sorted by UTF-16 units", ("\U0001f600", "\ufffd")),
        ("_pad among the names", ("_pad", "a")),
        ("_names among the names", ("_names", "a")),
        ("a name that is no text", ("a", 1)),
        ("names that are no list", "ab"),
    ]
    cases: Shown = []
    for comment, names in lists:
        fields: list[Slot] = [(str(name), at) for at, name in enumerate(names)] if names else []  # type: ignore[arg-type]
        cases.append((comment, shown(by_hand(("_names", names), *fields, *PAD[:5]), 0)))
    return cases


def misplaced() -> Shown:
    """Show slots that do not fit the names."""
    return [
        ("another field in slot 0", shown(by_hand(("a", ("a",)), ("a", 1), *PAD[:6]), 0)),
        ("seven slots", shown(by_hand(*AB, *PAD[:4]), 0)),
        ("eight slots too many", shown(by_hand(*AB, *PAD, *PAD[:5]), 0)),
        ("a field of another name", shown(by_hand(*AB[:2], ("c", 2), *PAD[:5]), 0, 2)),
        ("a second value in a padding slot", shown(by_hand(*AB, ("b", 3), *PAD[:4]), 0, 3)),
        ("padding with a value", shown(by_hand(*AB, ("_pad", 3), *PAD[:4]), 0, 3)),
    ]


RECORDS: list[dict[str, Cell]] = [
    {"EventID": 4624, "TargetUserName": "clerk", "IpAddress": "10.0.0.7", "Keywords": ("a", None, 1)},
    {"EventID": 4624, "TargetUserName": "clerk", "IpAddress": None, "Keywords": "a"},
    {
        "EventID": 4624,
        "TargetUserName": '"quoted"\\ \u00fc\u20ac\U0001f600\n',
        "IpAddress": "",
        "Keywords": (),
    },
]
OTHERS: list[dict[str, Cell]] = [
    {"_time": "the source's own", "_raw": "its own, too", "__raw": "and this", "_path": "x", "big": 10**64},
    {"_time": 1, "_raw": -(10**70), "__raw": 2**53 + 1, "_path": "", "big": 0},
]


def block(records: list[dict[str, Cell]], numbers: list[int], times: list[int], raws: list[bytes]) -> Block:
    """Return records as a reader gives them; the first name is constant if all agree."""
    first, *names = records[0]
    constants = ((first, records[0][first]),) if len({record[first] for record in records}) == 1 else ()
    kept = tuple(names) if constants else (first, *names)
    columns = [[record[name] for record in records] for name in kept]
    layout = Layout("windows", kept, constants)
    return Block(layout, np.array(numbers), np.array(times), columns, raws)


CHUNK = Chunk(
    "logs/Security.evtx",
    "windows",
    (
        block(
            RECORDS, [1, 3, 4], [0, NO_TIME, 1_793_736_000_123_456], [b'{"a":1}', b"", b"\xff\x00not text"]
        ),
        block(OTHERS, [2, 7], [-1, 2**62], [b"x" * 47, b"x" * 48]),
    ),
    records=5,
)


def batches() -> Case:
    """Seal a batch in both ways, with all that is derived on the way."""
    salt_key = salt_key_of(KEY, CHUNK.source, 0, 2)
    made: dict[Mode, OpenBatch] = {
        "fields": OpenBatch(CHUNK, salt_key, "fields", PureHasher()),
        "whole": OpenBatch(CHUNK, salt_key, "whole", PureHasher()),
    }
    rows = sorted(CHUNK.rows(), key=lambda row: int(row[0].numbers[row[1]]))
    events = []
    for index, (owner, row) in enumerate(rows):
        sealed_map = made["fields"].sealed_map(index)
        record = made["whole"].record(index)
        events.append(
            {
                "index": index,
                "number": int(owner.numbers[row]),
                "time": None
                if owner.times[row] in (NO_TIME, 2**62)
                else format_instant(int(owner.times[row])),
                "record": record.record.hex(),
                "fields": [[name, cell_text(cell)] for name, cell in owner.fields(row).items()],
                "salts": event_salts(salt_key, index, len(sealed_map.disclosures)).hex(),
                "raw_salt": raw_salt(salt_key, index).hex(),
                "disclosures": list(sealed_map.disclosures),
                "leaf": sealed_map.leaf.hex(),
                "path": [node.hex() for node in made["fields"].fields(index, []).path],
                "whole_leaf": whole_leaf(record.raw_salt, record.record).hex(),
                "whole_path": [node.hex() for node in record.path],
            }
        )
    return {
        "about": "events in the order of their numbers; the names of fields are the source's own",
        "salt_key": salt_key.hex(),
        "root": made["fields"].sealed.root.hex(),
        "whole_root": made["whole"].sealed.root.hex(),
        "events": events,
    }


def cell_text(cell: Cell) -> str:
    """Return the JSON text of a cell, however long its integers are."""
    if isinstance(cell, tuple):
        return f"[{','.join(map(cell_text, cell))}]"
    return str(cell) if isinstance(cell, int) else canonical(cell).decode()


def keys() -> Case:
    """Derive from one intake key, wrap it, and copy it for an escrow key."""
    key = IntakeKey(KEY, key_commitment(KEY))
    node_key, nonce = chance("node key", 32), chance("nonce", 12)
    secret, ephemeral = EscrowSecret(chance("escrow", 32)), chance("ephemeral", 32)
    copy = secret.public.seal(key.key, key.commitment, ephemeral)
    places = [
        ("logs/Security.evtx", 0, 0),
        ("logs/Security.evtx", 0, 1),
        ("a.zip!b", 33_554_432, 7),
        ("\u00fc", 0, 0),
    ]
    return {
        "about": "HKDF-SHA256 without salt; the labels stand in the specification",
        "intake_key": KEY.hex(),
        "commitment": key.commitment.hex(),
        "raw_key": derive_key(KEY, b"hisn raw aead/1").hex(),
        "raw_salt": blob_salt(KEY).hex(),
        "salt_keys": [
            {
                "source": source,
                "part": part,
                "ordinal": at,
                "salt_key": salt_key_of(KEY, source, part, at).hex(),
            }
            for source, part, at in places
        ],
        "record": {
            "node_key": node_key.hex(),
            "nonce": nonce.hex(),
            "escrow_secret": secret.text,
            "escrow_public": str(secret.public),
            "ephemeral": ephemeral.hex(),
            "record": format_record(wrap_key(key, node_key, nonce, (copy,))).decode(),
        },
    }


def blobs() -> Case:
    """Encrypt records: small ones whole, those of several segments by their digests."""
    sizes = (0, 1, 64, SEGMENT_BYTES - 1, SEGMENT_BYTES, SEGMENT_BYTES + 1, 2 * SEGMENT_BYTES)
    cases = []
    for size in sizes:
        encryptor = RawEncryptor(KEY)
        blob = b"".join(encryptor.encrypt([(bytes(range(251)) * (size // 251 + 1))[:size]]))
        cases.append(
            {
                "size": size,
                "blob": blob.hex() if size < 100 else None,
                "ciphertext": encryptor.ciphertext_digest.hex(),
                "commitment": encryptor.commitment.hex(),
            }
        )
    return {
        "about": "byte i of the plaintext is i modulo 251; ciphertext: SHA-256 of the blob",
        "intake_key": KEY.hex(),
        "cases": cases,
    }


FILES = {
    "batches.json": batches,
    "blobs.json": blobs,
    "disclosures.json": disclosures,
    "keys.json": keys,
    "maps.json": maps,
}


def texts() -> dict[str, str]:
    """Return the text of each file."""
    return {name: json.dumps(make(), indent=1) + "\n" for name, make in FILES.items()}


def write(folder: Path = HERE) -> None:
    """Write the files."""
    folder.mkdir(exist_ok=True)
    for name, text in texts().items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
