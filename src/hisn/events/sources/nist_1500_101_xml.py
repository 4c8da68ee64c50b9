"""Read NIST SP 1500-101 election event logs in XML.

The schema puts a device's identity behind its events, so the document is gone through twice:
once for the devices, once for the events, neither time holding more than a few elements.  A
document type declaration is refused: the format has none, and entities are how XML attacks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

from hisn.errors import InputError
from hisn.events.election_devices import DEVICE_FIELDS, EVENT_FIELDS, KIND, LOG_FIELDS, named, parse_events
from hisn.events.schema import Cell, Declaration, Unparsed
from hisn.events.source import Parsed

if TYPE_CHECKING:
    from lxml.etree import _Element

NAME = "nist-1500-101-xml"

_STRETCH = 8_192
_ROOT = re.compile(rb"<(?:[\w.-]{1,64}:)?ElectionEventLog[\s>/]")


class NistXmlFormat:
    """Recognise and read election event logs in XML."""

    name = NAME
    kind = KIND

    def sniff(self, head: bytes) -> float:
        """Return 1 for an XML document whose root is the specification's."""
        return 1.0 if head.lstrip(b" \t\r\n").startswith(b"<") and _ROOT.search(head) else 0.0

    def read(self, stream: BinaryIO, declaration: Declaration) -> Iterator[Parsed]:
        """Read the document in stretches; see `DocumentFormat`."""
        start = stream.tell()
        abouts, damage = _devices(stream)
        stream.seek(start)
        number = 1
        for device, events, raws in _events(stream):
            about = abouts[device] if device < len(abouts) else abouts[-1]
            numbers = range(number, number + len(events))
            yield parse_events(events, about, declaration, numbers=numbers, raws=raws)
            number += len(events)
        if damage:
            yield Parsed((), (Unparsed(f"damaged document: {damage}"[:200], number=number, count=0),))


def _walk(stream: BinaryIO) -> Iterator[_Element]:
    """Yield each Event, Device and root when it ends. Raises XMLSyntaxError at damage."""
    from lxml import etree

    walk = etree.iterparse(
        stream, events=("start", "end"), tag=("{*}Event", "{*}Device", "{*}ElectionEventLog"),
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False,
        remove_comments=True, remove_pis=True,
    )  # fmt: skip
    is_first = True
    for moment, element in walk:
        if is_first:
            document = element.getroottree().docinfo
            if document.doctype or document.internalDTD is not None:
                raise InputError("E2052", "XML with a document type declaration is not read")
            is_first = False
        if moment == "end":
            yield element


def _devices(stream: BinaryIO) -> tuple[list[dict[str, Cell]], str]:
    """Return the fields around the events of each device, and what is damaged.

    The last entry stands for a device whose end is missing.
    """
    from lxml import etree

    devices: list[dict[str, Cell]] = []
    log: dict[str, Cell] = {}
    damage = ""
    try:
        for element in _walk(stream):
            name = _local(element)
            if name == "Device":
                devices.append(named(DEVICE_FIELDS, _children(element)))
            elif name == "ElectionEventLog":
                log = named(LOG_FIELDS, _children(element))
            _forget(element)
    except etree.XMLSyntaxError as error:
        damage = str(error)
    return [log | about for about in (*devices, {})], damage


def _events(stream: BinaryIO) -> Iterator[tuple[int, list[dict[str, Cell]], list[bytes]]]:
    """Yield stretches of events of one device (by its place in the document), and their raw XML."""
    from lxml import etree

    device = 0
    events: list[dict[str, Cell]] = []
    raws: list[bytes] = []
    try:
        for element in _walk(stream):
            name = _local(element)
            if name == "Event":
                events.append(named(EVENT_FIELDS, _children(element)))
                raws.append(etree.tostring(element, with_tail=False, encoding="utf-8"))
            if events and (name == "Device" or len(events) == _STRETCH):
                yield device, events, raws
                events, raws = [], []
            device += name == "Device"
            _forget(element)
    except etree.XMLSyntaxError:
        pass  # The first pass has said where.
    if events:
        yield device, events, raws


def _local(element: _Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _children(element: _Element) -> dict[str, str]:
    return {_local(child): child.text or "" for child in element}


def _forget(element: _Element) -> None:
    """Empty an element that was read and drop the one before it: the tree must not grow."""
    element.clear()
    before, parent = element.getprevious(), element.getparent()
    if before is not None and parent is not None and before.tag == element.tag:
        parent.remove(before)


FORMAT = NistXmlFormat()
