"""Play what follows an injection: the roll is read in bulk, changed, and the audit switched off."""

from __future__ import annotations

from collections.abc import Iterator

from hisn.testing.sources import registry
from hisn.testing.sources.registry import WEB, Session, audit
from hisn.testing.stream import Attack, Record, Stage

_STRANGER = Session("clerk_app", "10.20.9.77", "psql", 31_007)
_OWNER = Session("postgres", "10.20.9.77", "psql", 31_044)
_WHOLE_ROLL = "SELECT reference,birth_year,district,status FROM voters"
_INACTIVATE = "UPDATE voters SET status = 'inactive' WHERE precinct ="


def _record(stage: Stage, minutes: int, session: Session, tag: str, message: str) -> Record:
    """Return a line so many minutes after the polls have closed."""
    time = stage.calendar.start_of("counting") + minutes * 60_000_000 + 417_000
    return Record(time, registry.line(time, stage.county.database_name, session, tag, message))


def _bulk_read(stage: Stage) -> Iterator[Record]:
    for page in range(12):
        page_of = f"ORDER BY reference LIMIT 50000 OFFSET {page * 50_000}"
        statement = f"{_WHOLE_ROLL} {page_of}"
        yield _record(stage, 40 + page, WEB, "SELECT", audit("READ", "SELECT", "public.voters", statement))


def _strange_update(stage: Stage) -> Iterator[Record]:
    for ward in range(5):
        statement = f"{_INACTIVATE} {ward + 11}"
        yield _record(
            stage, 66 + ward, _STRANGER, "UPDATE", audit("WRITE", "UPDATE", "public.voters", statement)
        )


def _audit_off(stage: Stage) -> Iterator[Record]:
    statement = "ALTER SYSTEM SET pgaudit.log = 'none'"
    yield _record(stage, 64, _OWNER, "ALTER SYSTEM", audit("MISC", "ALTER SYSTEM", "", statement))


ATTACKS: tuple[Attack, ...] = (
    Attack("db-bulk-read", "The roll read in pages of 50,000 by the portal's own account",
           registry.PATH, ("db_bulk_voter_read",), _bulk_read),
    Attack("db-audit-off", "Audit of the registration database switched off",
           registry.PATH, ("db_audit_disabled",), _audit_off),
    Attack("db-strange-update", "Voters' status changed with a console from a host that never does",
           registry.PATH, ("db_voter_change_by_console",), _strange_update),
)  # fmt: skip
