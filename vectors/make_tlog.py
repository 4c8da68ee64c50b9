"""Make our test vectors for checkpoints, cosignatures and proofs of logging.

    python -m vectors.make_tlog

What a case says of itself: `result` is what a verifier must find, `code` the error that ours gives.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vectors.signed_lines import (
    EMPTY,
    ENTRIES,
    LEAVES,
    NOW_S,
    ORIGIN,
    cosigned,
    flipped,
    flipped_top,
    head,
    log,
    renamed,
    resized,
    signed,
    timeless,
    witness,
)

from hisn.core.canon import b64
from hisn.tlog.checkpoint import Checkpoint
from hisn.tlog.cosign import cosigned_message_ed, cosigned_message_mldsa
from hisn.tlog.merkle import inclusion_proof, leaf_hash, node_hash, root_of
from hisn.tlog.note import NoteSignature, format_vkey
from hisn.tlog.sign import join_stamp, sign_checkpoint, signature_line

HERE = Path(__file__).resolve().parent / "tlog"
Case = dict[str, Any]


def shown(name: str, data: bytes) -> Case:
    """Return bytes under a name: as text where they are UTF-8, in hexadecimal where not."""
    try:
        return {name: data.decode()}
    except UnicodeDecodeError:
        return {f"{name}_hex": data.hex()}


def checkpoint_cases() -> Iterator[tuple[str, bytes, str, str]]:
    """Yield comment, note, result and code: who of the log's two keys signed, if the note is good."""
    text, (ed25519, mldsa) = head(7)
    yield "both keys of the log", signed(text, ed25519, mldsa), "both", ""
    yield "in the other order", signed(text, mldsa, ed25519), "both", ""
    yield "each line twice", signed(text, ed25519, mldsa, ed25519, mldsa), "both", ""
    yield "with cosignatures", signed(text, ed25519, *cosigned(1, text), mldsa), "both", ""
    unknown = signature_line(NoteSignature(ORIGIN, b"\0\0\0\0", b"unknown"))
    yield "with a line of an unknown key of the log's name", signed(text, unknown, ed25519, mldsa), "both", ""
    same_id = signature_line(NoteSignature("x", log().keys.vkeys[0].key_id, b"unknown"))
    yield "with a line of another name and the log's id", signed(text, same_id, ed25519, mldsa), "both", ""
    empty, lines = head(0)
    yield "the empty tree", signed(empty, *lines), "both", ""
    extended, lines = head(7, ("extension", "another — line"))
    yield "extension lines", signed(extended, *lines), "both", ""
    yield "Ed25519 alone", signed(text, ed25519), "one", "E3212"
    yield "ML-DSA-44 alone", signed(text, mldsa), "one", "E3212"
    yield "extension lines that only ML-DSA-44 signed", signed(extended, mldsa), "refused", "E3211"
    yield "extension lines added", signed(extended, ed25519, mldsa), "refused", "E3205"
    yield "witnesses alone", signed(text, *cosigned(1, text), *cosigned(2, text)), "refused", "E3206"
    yield "a bit of Ed25519 changed", signed(text, flipped(ed25519, 40), mldsa), "refused", "E3205"
    yield "a bit of ML-DSA-44 changed", signed(text, ed25519, flipped(mldsa, 1_000)), "refused", "E3205"
    yield "a bit of the time changed", signed(text, ed25519, flipped(mldsa, 11)), "refused", "E3205"
    yield (
        "a good and a bad line of one key",
        signed(text, ed25519, mldsa, flipped(mldsa, 9)),
        "refused",
        "E3205",
    )
    yield "ids of other keys", signed(text, flipped(ed25519, 0), flipped(mldsa, 0)), "refused", "E3206"
    _, strangers = head(7, seed=2)
    yield "another log's keys", signed(text, *strangers), "refused", "E3206"
    yield "another tree's signatures", signed(text, *head(8)[1]), "refused", "E3205"
    for comment, changed in _bad_texts(text):
        first = log().signer.ed25519.sign(changed)
        line = signature_line(NoteSignature(ORIGIN, log().keys.vkeys[0].key_id, first))
        code = {"size": "E3104", "root": "E3102", "note": "E3200"}.get(comment.split()[0], "E3209")
        yield f"{comment}, properly signed", signed(changed, line), "refused", code
    for comment, changed in _bad_notes(text, ed25519, mldsa):
        yield comment, changed, "refused", "E3102" if comment.startswith("base64") else "E3200"


def _bad_texts(text: bytes) -> Iterator[tuple[str, bytes]]:
    origin, size, root, _ = text.split(b"\n")
    for comment, value in (
        ("with a leading zero", b"07"),
        ("with a plus", b"+7"),
        ("with an underscore", b"1_0"),
        ("with a space", b"7 "),
        ("with a line separator", "7\u2028".encode()),
        ("in Arabic digits", "\u0667".encode()),
        ("beyond 63 bits", b"9223372036854775808"),
    ):
        yield f"size {comment}", b"\n".join((origin, value, root, b""))
    for comment, value in (
        ("without padding", root[:-1]),
        ("with spare bits", root[:-2] + bytes([root[-2] + 1]) + b"="),
        ("in the alphabet of URLs", root.replace(b"+", b"-").replace(b"/", b"_")),
    ):
        yield f"root {comment}", b"\n".join((origin, size, value, b""))
    yield "a root of 31 bytes", b"\n".join((origin, size, b64(bytes(31)).encode(), b""))
    yield "no root", b"\n".join((origin, size, b""))
    yield "an empty line among the extensions", text + b"\n" + b"extension\n"
    yield "note with a carriage return", text.replace(b"\n", b"\r\n")
    yield "note with a tab in its origin", text.replace(b"/", b"\t", 1)


def _bad_notes(text: bytes, ed25519: bytes, mldsa: bytes) -> Iterator[tuple[str, bytes]]:
    lines = ed25519 + mldsa
    name = ORIGIN.encode()
    yield "base64 of a signature without padding", signed(text, ed25519.replace(b"=", b""), mldsa)
    yield "base64 of a signature with spare padding", signed(text, ed25519.replace(b"\n", b"=\n"), mldsa)
    yield "a hyphen for the dash", signed(text, lines.replace("—".encode(), b"-"))
    yield "two spaces before the name", signed(text, lines.replace("— ".encode(), "—  ".encode()))
    yield "a no-break space in the name", signed(text, lines.replace(name, name + b"\xc2\xa0"))
    yield "a plus in the name", signed(text, lines.replace(name, name + b"+"))
    yield "no empty line", text + lines
    yield "an empty line behind the signatures", signed(text, lines, EMPTY)
    yield "the last line does not end", signed(text, lines)[:-1]
    yield "no signatures", signed(text)
    yield "a line behind the signatures", signed(text, lines, b"x\n")
    yield "not UTF-8", signed(text, lines, "— é AAAAAAA=\n".encode("latin-1", "replace"))
    yield "a NUL in a signature line", signed(text, lines, "— a\0 AAAAAAA=\n".encode())


def checkpoints() -> Case:
    """Return checkpoints, good and bad, of one log with two keys."""
    return {
        "about": "Checkpoints of a log that signs with Ed25519 (0x01) and ML-DSA-44 (0x06) under its origin.",
        "keys": [format_vkey(key) for key in log().keys.vkeys],
        "results": {
            "both": "well formed, and both keys signed",
            "one": "well formed, and one key signed",
            "refused": "not to be used for anything",
        },
        "cases": [
            {"comment": comment, **shown("checkpoint", note), "result": result, **_code(code)}
            for comment, note, result, code in checkpoint_cases()
        ],
    }


def _code(code: str) -> Case:
    return {"code": code} if code else {}


def cosignature_cases() -> Iterator[tuple[str, int, bytes, bytes, int | None]]:
    """Yield comment, key (0 Ed25519, 1 ML-DSA-44), checkpoint text, line, and the time or None."""
    text, _ = head(7)
    extended, _ = head(7, ("extension",))
    for key, line in enumerate(cosigned(1, text)):
        kind = ("Ed25519", "ML-DSA-44")[key]
        yield f"{kind}", key, text, line, NOW_S
        yield f"{kind}, with the largest time", key, text, cosigned(1, text, 2**63 - 1)[key], 2**63 - 1
        yield f"{kind}, without a time", key, text, timeless(1, 7)[key], 0
        yield f"{kind}, a bit of the time changed", key, text, flipped(line, 11), None
        yield f"{kind}, the time negative", key, text, flipped_top(line), None
        yield f"{kind}, a bit of the signature changed", key, text, flipped(line, 50), None
        yield f"{kind}, another size", key, head(8)[0], line, None
        yield f"{kind}, another witness", key, text, cosigned(2, text)[key], None
        keys = witness(1).keys.vkeys
        other = renamed(cosigned(2, text)[key], witness(1).name, keys[key].key_id)
        yield f"{kind}, another witness under this one's name and id", key, text, other, None
        yield f"{kind}, a byte too many", key, text, resized(line, 1), None
        yield f"{kind}, a byte missing", key, text, resized(line, -1), None
        own = renamed(head(7)[1][key], witness(1).name, keys[key].key_id)
        yield f"{kind}, the log's own signature", key, text, own, None
    yield "Ed25519, extension lines are covered", 0, extended, cosigned(1, text)[0], None
    yield "ML-DSA-44, extension lines are not covered", 1, extended, cosigned(1, text)[1], NOW_S


def subtree_cases() -> Iterator[Case]:
    """Yield cosigned subtrees, good and bad."""
    root = root_of(LEAVES[4:6])
    who = witness(1)
    good = signature_line(who.cosign_subtree(ORIGIN, 4, 6, root))
    stamped = NoteSignature(
        who.name,
        who.keys.vkeys[1].key_id,
        join_stamp(NOW_S, who.signer.mldsa.sign(cosigned_message_mldsa(who.name, NOW_S, ORIGIN, 0, 4, root))),
    )
    for comment, origin, start, end, line, result in (
        ("leaves 4 and 5", ORIGIN, 4, 6, good, "valid"),
        ("another start", ORIGIN, 5, 6, good, "refused"),
        ("another end", ORIGIN, 4, 7, good, "refused"),
        ("another log", "log.example/two", 4, 6, good, "refused"),
        ("a time, which sign-subtree never gives", ORIGIN, 0, 4, signature_line(stamped), "refused"),
        ("a bit changed", ORIGIN, 4, 6, flipped(good, 100), "refused"),
    ):
        yield {
            "comment": comment,
            "origin": origin,
            "start": start,
            "end": end,
            "hash": root.hex(),
            **shown("line", line),
            "result": result,
        }


def cosignatures() -> Case:
    """Return cosignatures of checkpoints and subtrees."""
    text, _ = head(7)
    root = root_of(LEAVES[:7])
    return {
        "about": "Cosignatures (C2SP tlog-cosignature) of one witness, Ed25519 (0x04) and ML-DSA-44 (0x06).",
        "keys": [format_vkey(key) for key in witness(1).keys.vkeys],
        "messages": [
            {"time": NOW_S, "message": cosigned_message_ed(NOW_S, text).hex()},
            {
                "time": NOW_S,
                "message": cosigned_message_mldsa(witness(1).name, NOW_S, ORIGIN, 0, 7, root).hex(),
            },
        ],
        "cases": [
            {
                "comment": comment,
                "key": key,
                **shown("text", body),
                **shown("line", line),
                "result": "refused" if time is None else "valid",
                # As text: many JSON readers lose the last digits of 2**63-1.
                **({} if time is None else {"time": str(time)}),
            }
            for comment, key, body, line, time in cosignature_cases()
        ],
        "subtrees": list(subtree_cases()),
    }


def policy_text(*, k: int = 2) -> bytes:
    """Return the policy of a log with three members as witnesses, each with two keys."""
    lines = [f"log {format_vkey(key)}" for key in log().keys.vkeys]
    for number in (1, 2, 3):
        ed25519, mldsa = witness(number).keys.vkeys
        lines += [
            f"witness w{number}.ed {format_vkey(ed25519)}",
            f"witness w{number}.pq {format_vkey(mldsa)}",
            f"group w{number} all w{number}.ed w{number}.pq",
        ]
    return "\n".join([*lines, f"group members {k} w1 w2 w3", "quorum members", ""]).encode()


def _proof(index: int, hashes: Sequence[bytes], checkpoint: bytes, extra: bytes = b"") -> bytes:
    lines = ["c2sp.org/tlog-proof@v1", *([f"extra {b64(extra)}"] if extra else []), f"index {index}"]
    return "".join(f"{line}\n" for line in [*lines, *map(b64, hashes), ""]).encode() + checkpoint


@dataclass(frozen=True)
class Parts:
    """Hold what a proof is made of, to be changed one thing at a time."""

    entry: bytes
    index: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes = b""

    def text(self) -> bytes:
        """Return the proof."""
        return _proof(self.index, self.hashes, self.checkpoint, self.extra)


def _good(index: int, size: int, witnesses: Sequence[int] = (1, 2)) -> Parts:
    text, lines = head(size)
    more = [line for number in witnesses for line in cosigned(number, text)]
    path = inclusion_proof(LEAVES[:size], index)
    return Parts(ENTRIES[index], index, path, signed(text, *lines, *more))


def _true_proofs() -> Iterator[tuple[str, Parts, str, str]]:
    good = _good(4, 7)
    yield "two of three witnesses", good, "valid", ""
    yield "all witnesses", _good(4, 7, (3, 1, 2)), "valid", ""
    yield "the first leaf", _good(0, 7), "valid", ""
    yield "the last leaf", _good(6, 7), "valid", ""
    yield "a tree of one leaf", _good(0, 1), "valid", ""
    yield "a tree of a thousand leaves", _good(700, 1_000), "valid", ""
    yield "with extra data, which nobody signed", replace(good, extra=b"age-v1.2.1"), "valid", ""
    text, lines = head(7)
    stranger = cosigned(9, text)
    yield (
        "with lines of strangers",
        replace(good, checkpoint=signed(text, *stranger, *lines, *cosigned(1, text), *cosigned(3, text))),
        "valid",
        "",
    )
    yield "no witness", _good(4, 7, ()), "unwitnessed", "E4200"
    yield "one of three witnesses", _good(4, 7, (3,)), "unwitnessed", "E4200"
    half = signed(text, *lines, *cosigned(1, text), cosigned(2, text)[0])
    yield "a witness with Ed25519 alone", replace(good, checkpoint=half), "unwitnessed", "E4200"
    half = signed(text, *lines, *cosigned(1, text), cosigned(2, text)[1])
    yield "a witness with ML-DSA-44 alone", replace(good, checkpoint=half), "unwitnessed", "E4200"
    twice = signed(text, *lines, *cosigned(1, text), *cosigned(1, text, NOW_S + 1))
    yield "one witness twice", replace(good, checkpoint=twice), "unwitnessed", "E4200"
    still = signed(text, *lines, *cosigned(1, text), *timeless(2, 7))
    yield "a witness that states no time", replace(good, checkpoint=still), "unwitnessed", "E4200"


def _false_proofs() -> Iterator[tuple[str, Parts, str, str]]:
    good = _good(4, 7)
    text, lines = head(7)
    path = good.hashes
    merkle = (
        ("another entry", replace(good, entry=ENTRIES[3])),
        ("the next index", replace(good, index=5)),
        ("an index beyond the tree", replace(good, index=7)),
        ("a hash missing at the leaf", replace(good, hashes=path[1:])),
        ("a hash missing at the root", replace(good, hashes=path[:-1])),
        ("a hash too many", replace(good, hashes=(*path, bytes(32)))),
        ("two hashes exchanged", replace(good, hashes=(path[1], path[0], *path[2:]))),
        ("a bit of a hash changed", replace(good, hashes=(bytes([path[0][0] ^ 1]) + path[0][1:], *path[1:]))),
        ("the path of a smaller tree", replace(good, hashes=inclusion_proof(LEAVES[:6], 4))),
        ("an inner node in place of a leaf", _node_as_leaf()),
        ("no tree at all", Parts(ENTRIES[0], 0, (), signed(head(0)[0], *head(0)[1]))),
    )
    for comment, parts in merkle:
        yield comment, parts, "refused", "E32"
    stolen = head(8)[1]
    for comment, checkpoint, code in (
        ("the log signed another tree", signed(text, *stolen), "E3205"),
        ("another log's keys", signed(text, *head(7, seed=2)[1]), "E3206"),
        (
            "the log signed with Ed25519 alone",
            signed(text, lines[0], *cosigned(1, text), *cosigned(2, text)),
            "E3212",
        ),
        (
            "the log signed with ML-DSA-44 alone",
            signed(text, lines[1], *cosigned(1, text), *cosigned(2, text)),
            "E3212",
        ),
        ("witnesses without the log", signed(text, *cosigned(1, text), *cosigned(2, text)), "E3206"),
        (
            "a known witness whose line fails",
            signed(text, *lines, *cosigned(1, text), *cosigned(2, text), flipped(cosigned(3, text)[1], 99)),
            "E3205",
        ),
        (
            "a cosignature of another tree",
            signed(text, *lines, *cosigned(1, text), *cosigned(2, head(8)[0])),
            "E3205",
        ),
        (
            "one witness's ML-DSA-44 line under another's name",
            signed(
                text,
                *lines,
                *cosigned(1, text),
                renamed(cosigned(1, text)[1], witness(2).name, witness(2).keys.vkeys[1].key_id),
            ),
            "E3205",
        ),
        (
            "another origin",
            sign_checkpoint(Checkpoint("log.example/two", 7, root_of(LEAVES[:7])), log("log.example/two", 1)),
            "E3210",
        ),
        ("an empty line in the checkpoint", signed(text + b"\nx\n", *lines), "E3209"),
        ("no signatures", text, "E3200"),
    ):
        yield comment, replace(good, checkpoint=checkpoint), "refused", code


def _node_as_leaf() -> Parts:
    """Return the path of the node over leaves 4 and 5, as if it were a leaf: its children are the entry."""
    good = _good(4, 7)
    entry = LEAVES[4] + LEAVES[5]
    if node_hash(LEAVES[4], LEAVES[5]) == leaf_hash(entry):
        raise AssertionError("leaves and nodes are told apart by their first byte")
    return replace(good, entry=entry, index=2, hashes=good.hashes[1:])


def _misspelt() -> Iterator[tuple[str, bytes, str]]:
    good = _good(4, 7)
    data = good.text()
    head_, _, rest = data.partition(b"index 4\n")
    hashed = b64(good.hashes[0]).encode()
    for comment, text in (
        ("with a leading zero", b"index 04\n"),
        ("with a plus", b"index +4\n"),
        ("with an underscore", b"index 0_4\n"),
        ("with a space", b"index 4 \n"),
        ("with a line separator", "index 4\u2028\n".encode()),
        ("negative", b"index -4\n"),
        ("empty", b"index \n"),
        ("beyond 63 bits", b"index 9223372036854775812\n"),
    ):
        yield f"an index {comment}", head_ + text + rest, "E3104"
    for comment, changed, code in (
        ("no first line", data.partition(b"\n")[2], "E3216"),
        ("another version", data.replace(b"@v1", b"@v2"), "E3216"),
        ("a byte order mark", b"\xef\xbb\xbf" + data, "E3216"),
        ("carriage returns", data.replace(b"\n", b"\r\n"), "E3216"),
        ("no index", data.replace(b"index 4\n", b""), "E3216"),
        ("two indexes", data.replace(b"index 4\n", b"index 4\nindex 4\n"), "E3102"),
        ("an empty extra line", data.replace(b"index", b"extra \nindex"), "E3216"),
        ("two extra lines", data.replace(b"index", b"extra YWdl\nextra YWdl\nindex"), "E3216"),
        ("the extra line behind the index", data.replace(b"index 4\n", b"index 4\nextra YWdl\n"), "E3102"),
        ("extra data with spare bits", data.replace(b"index", b"extra YWdlYQ=\nindex"), "E3102"),
        ("a hash without padding", data.replace(hashed, hashed.rstrip(b"=")), "E3102"),
        ("a hash of 31 bytes", data.replace(hashed, b64(bytes(31)).encode()), "E3216"),
        ("a hash with a space", data.replace(hashed, hashed + b" "), "E3102"),
        ("no empty line before the checkpoint", data.replace(b"\n\n", b"\n", 1), "E3102"),
        ("two empty lines before the checkpoint", data.replace(b"\n\n", b"\n\n\n", 1), "E3209"),
        ("64 hashes", _proof(4, [bytes(32)] * 64, good.checkpoint), "E3216"),
        ("an empty line at the end", data + b"\n", "E3200"),
        ("the last line does not end", data[:-1], "E3200"),
        ("empty", b"", "E3216"),
    ):
        yield comment, changed, code


def proofs() -> Case:
    """Return proofs of logging, good and bad, and one policy that decides about all of them."""
    cases: list[Case] = []
    for comment, parts, result, code in [*_true_proofs(), *_false_proofs()]:
        cases.append(
            {
                "comment": comment,
                **shown("entry", parts.entry),
                **shown("proof", parts.text()),
                "result": result,
                **_code(code),
            }
        )
    for comment, data, code in _misspelt():
        cases.append(
            {
                "comment": comment,
                **shown("entry", ENTRIES[4]),
                **shown("proof", data),
                "result": "refused",
                "code": code,
            }
        )
    return {
        "about": "Proofs of logging (C2SP tlog-proof); a leaf hash is SHA-256 of a zero byte and the entry.",
        "keys": [format_vkey(key) for key in log().keys.vkeys],
        **shown("policy", policy_text()),
        "results": {
            "valid": "both keys of the log signed, the path holds, and the quorum is reached"
            " (C2SP leaves two things open: that both keys must sign, and that a cosignature"
            " without a time counts for nothing)",
            "unwitnessed": "the same, but the quorum is not reached",
            "refused": "nothing is proven",
        },
        "cases": cases,
    }


FILES = {"checkpoints.json": checkpoints, "cosignatures.json": cosignatures, "proofs.json": proofs}


def texts() -> dict[str, str]:
    """Return the text of each file."""
    return {name: json.dumps(make(), indent=1, ensure_ascii=False) + "\n" for name, make in FILES.items()}


def write(folder: Path = HERE) -> None:
    """Write the files."""
    folder.mkdir(exist_ok=True)
    for name, text in texts().items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
