"""List the formats in the order in which they are asked, each imported only when its turn comes.

Each module has a `FORMAT` (see `events.source`).  `starts` says with which first character (after
blanks) a source of the format can begin, so that a JSON file does not cost the import of ten text
formats; None means any printable text.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module

from hisn.events.source import DocumentFormat, LineFormat

SURE = 0.95
"""A score from which no other format is asked."""
LEAST = 0.25
"""A score below which a source is of no known format."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Name a format's module and the first characters of its sources."""

    module: str
    starts: bytes | None = None


REGISTRY = (
    Entry("evtx", b"E"),
    Entry("nist_1500_101_json", b"{"),
    Entry("nist_1500_101_xml", b"<"),
    Entry("postgres_json", b"{"),
    Entry("json_lines", b"{"),
    Entry("apache_error", b"["),
    Entry("json_document", b"[{"),
    Entry("combined"),
    Entry("syslog"),
    Entry("postgres_csv", b"0123456789"),
    Entry("w3c", b"#"),
    Entry("zeek_tsv", b"#"),
    Entry("nginx_error", b"0123456789"),
    Entry("auditd", b"tn"),
    Entry("csv_table"),
)


def candidates(head: bytes) -> Iterator[LineFormat | DocumentFormat]:
    """Yield the formats that a source with this head may have."""
    first = head.lstrip(b" \t\r\n")[:1]
    for entry in REGISTRY:
        if entry.starts is None or (first and first in entry.starts) or _is_headless_evtx(entry, head):
            yield import_module(f"hisn.events.sources.{entry.module}").FORMAT


def _is_headless_evtx(entry: Entry, head: bytes) -> bool:
    """Tell whether a chunk stands where EVTX has one, though the file's own header is damaged."""
    return entry.module == "evtx" and head.startswith(b"ElfChnk\0", 4096)


def sniff(head: bytes) -> LineFormat | DocumentFormat | None:
    """Return the format that claims the head with the highest score; the first of equals."""
    best: LineFormat | DocumentFormat | None = None
    best_score = LEAST
    for candidate in candidates(head):
        score = candidate.sniff(head)
        if score > best_score:
            best, best_score = candidate, score
        if score >= SURE:
            break
    return best


def by_name(name: str) -> LineFormat | DocumentFormat | None:
    """Return the format that an operator declared by name."""
    for entry in REGISTRY:
        candidate: LineFormat | DocumentFormat = import_module(f"hisn.events.sources.{entry.module}").FORMAT
        if candidate.name == name:
            return candidate
    return None
