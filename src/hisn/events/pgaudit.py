"""Take apart the messages of pgaudit and the clients' addresses in PostgreSQL's logs."""

from __future__ import annotations

from collections.abc import Sequence

from hisn.events.csv_records import rows_of

KIND = "postgresql"

MARK = "AUDIT: "

NAMES = (
    "audit_type", "audit_statement_id", "audit_substatement_id", "audit_class", "audit_command",
    "audit_object_type", "audit_object_name", "audit_statement", "audit_parameter",
)  # fmt: skip
"""Fields in the order in which pgaudit writes them (its README, "Format")."""


def audit_fields(messages: Sequence[str]) -> list[tuple[str | None, ...]]:
    """Return the cells for `NAMES` of messages that begin with `MARK`.

    What pgaudit leaves empty is null, and so is everything that a broken message does not say.
    """
    rows = rows_of([message[len(MARK) :].encode() for message in messages])
    return [_padded(row or []) for row in rows]


def _padded(row: list[str]) -> tuple[str | None, ...]:
    cells = [cell or None for cell in row[: len(NAMES)]]
    return (*cells, *[None] * (len(NAMES) - len(cells)))


def split_client(client: str | None) -> tuple[str | None, str | None]:
    """Return host and port of ``10.0.0.1:40100``, ``::1:40100`` or ``[local]``."""
    if not client:
        return None, None
    host, colon, port = client.rpartition(":")
    return (host, port) if colon and host and port.isdigit() else (client, None)
