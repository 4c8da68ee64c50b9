"""Proof packs whose sealed maps are shown falsely, or sealed so as to say two things."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from vectors.evpack_vector import Vector, quiet
from vectors.pack_world import OFFICE, Batch, Case, named, plain_signer, quiet_office, salts

from hisn.core.canon import b64url
from hisn.evidence.disclosure import Presented, Value, digest_of, disclosure_text, event_leaf, open_leaf
from hisn.evidence.pack import Event
from hisn.evidence.packing import build_pack
from hisn.evidence.sealed_map import SealedMap, present


def vectors() -> Iterator[Vector]:
    """Yield the vectors."""
    genesis = quiet().world.charter.genesis
    for name, why, data in (*_shown(), *_spelled(), *_sealed(), *_values()):
        yield Vector(f"bad-{name}", why, data, genesis, failed="events")


def event_with(shown: Presented) -> bytes:
    """Return the quiet pack with what is shown of its first event replaced."""
    case = quiet()
    event = replace(case.batch.event(1, 1), shown=shown)
    return build_pack(case.parts(events=[event]))


def sealed_so(texts: list[str]) -> bytes:
    """Return a pack whose batch has one event with these texts in its slots, all shown."""
    leaf = event_leaf([digest_of(text) for text in texts])
    batch = Batch("fields", [b"record"], [SealedMap(tuple(texts), leaf)], [leaf])
    world = quiet_office(plain_signer)
    batch_act = world.batch(OFFICE, batch)
    finding = world.finding(OFFICE, (named(batch_act, batch, 0),))
    shown = Presented(tuple(digest_of(text) for text in texts), dict(enumerate(texts)))
    case = Case(world, batch, batch_act, finding, world.checkpoint(OFFICE))
    return build_pack(case.parts(events=[Event(1, 0, (), shown)]))


def text_of(number: int, name: str, value: Value) -> str:
    """Return the disclosure of a slot."""
    return disclosure_text(salts(f"slot {number}", 1), name, value)


def padded(texts: list[str], slots: int = 8) -> list[str]:
    """Return texts filled up with empty slots."""
    return texts + [text_of(at, "_pad", None) for at in range(len(texts), slots)]


def _shown() -> Iterator[tuple[str, str, bytes]]:
    batch = quiet().batch
    shown = present(batch.maps[1], ["method", "path"])
    at = {name: 1 + place for place, name in enumerate(open_leaf(shown).names)}
    other = batch.maps[3].disclosures[at["path"]]

    def showing(changes: dict[int, str]) -> bytes:
        return event_with(replace(shown, disclosures={**shown.disclosures, **changes}))

    yield "value-of-other-event", "A value is shown that another event has.", showing({at["path"]: other})
    why = "A true text is shown at another field's slot."
    yield "wrong-slot", why, showing({at["client"]: shown.disclosures[at["path"]]})
    yield "slot-beyond", "A text is shown for a slot that is not there.", showing({8: other})
    no_names = {slot: text for slot, text in shown.disclosures.items() if slot}
    why = "The list of names is not shown, so that absence could be claimed."
    yield "names-hidden", why, event_with(replace(shown, disclosures=no_names))
    yield (
        "slots-shorter",
        "The last slot is left out.",
        event_with(replace(shown, digests=shown.digests[:-1])),
    )


def _spelled() -> Iterator[tuple[str, str, bytes]]:
    shown = present(quiet().batch.maps[1], ["path"])
    slot = max(shown.disclosures)
    text = shown.disclosures[slot]
    for name, why, spelled in (
        ("text-padded", "A text has base64 padding.", text + "="),
        ("text-standard-alphabet", "A text is in the other alphabet of base64.", text[:-1] + "+"),
        ("text-newline", "A line break follows a text.", text + "\n"),
        ("text-blank", "A blank stands in a text.", text[:4] + " " + text[4:]),
    ):
        yield name, why, event_with(replace(shown, disclosures={**shown.disclosures, slot: spelled}))


def _sealed() -> Iterator[tuple[str, str, bytes]]:
    """Let the owner seal a map so that it can say two things later."""
    path, method = text_of(1, "path", "/a"), text_of(2, "method", "GET")
    names = text_of(0, "_names", ("path",))
    twice = [text_of(0, "_names", ("path", "path")), path, text_of(2, "path", "/b")]
    yield "two-values", "One name stands twice, with two values.", sealed_so(padded(twice))
    unsorted = [text_of(0, "_names", ("path", "method")), path, method]
    yield "names-unsorted", "The names are not in order.", sealed_so(padded(unsorted))
    why = "A field is sealed that the list of names does not have."
    yield "name-unlisted", why, sealed_so(padded([names, path, method]))
    why = "A padding slot holds a value."
    yield "padding-with-value", why, sealed_so(padded([names, path, text_of(2, "_pad", "hidden")]))
    yield "slots-unpadded", "The number of slots is not a multiple of eight.", sealed_so([names, path])
    yield "slots-too-many", "There are eight slots more than needed.", sealed_so(padded([names, path], 16))
    short = b64url(b'["%s","path","/a"]' % b64url(bytes(15)).encode())
    yield "salt-short", "A salt has 15 bytes.", sealed_so(padded([names, short]))
    digits = [text_of(0, "_names", (1,)), text_of(1, "path", "/a")]
    yield "names-number", "A name in the list is a number.", sealed_so(padded(digits))
    own = [text_of(0, "_names", ("_pad", "path")), text_of(1, "_pad", None), text_of(2, "path", "/a")]
    yield "names-reserved", "A field has the name of padding.", sealed_so(padded(own))
    same = padded([names, path])
    same[7] = same[6]
    yield "digest-twice", "One digest stands in two slots.", sealed_so(same)


def _values() -> Iterator[tuple[str, str, bytes]]:
    for name, why, value in (
        ("value-fraction", "A value has a fraction.", b"1.5"),
        ("value-exponent", "A value has an exponent.", b"1e3"),
        ("value-boolean", "A value is a boolean.", b"true"),
        ("value-object", "A value is an object.", b"{}"),
        ("value-blank", "A blank stands before a value.", b' "/a"'),
        ("value-escape", "A letter is written as an escape.", b'"\\u002fa"'),
        ("value-surrogate", "A value is half of a pair of surrogates.", b'"\\ud800"'),
        ("value-deep", "A value is nested five deep.", b"[[[[[]]]]]"),
        ("value-minus-zero", "A value is minus zero.", b"-0"),
        ("value-leading-zero", "A number begins with zero.", b"01"),
        ("value-65-digits", "A number has 65 digits.", b"1" * 65),
        ("value-fourth", "A text has a fourth part.", b'"/a",1'),
    ):
        text = b64url(b'["%s","path",%s]' % (b64url(salts("slot 1", 1)).encode(), value))
        yield name, why, sealed_so(padded([text_of(0, "_names", ("path",)), text]))
