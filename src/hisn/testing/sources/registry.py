"""Write the log of the voter registration database: PostgreSQL csvlog with pgaudit, times in UTC.

The 26 columns are those of PostgreSQL 14 and later (``log_destination = csvlog``); the server
is set to ``log_timezone = UTC``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from hisn.testing.calendar import arrivals, office_minutes, public_minutes
from hisn.testing.dice import Weighted
from hisn.testing.stream import Record, Stage

PATH = "registry/postgresql.csv"

_SESSIONS_SINCE = 1_793_000_000


@dataclass(frozen=True, slots=True)
class Session:
    """Hold who talks to the database, from where."""

    user: str
    host: str
    application: str
    process: int = 20_100


WEB = Session("portal_web", "10.20.2.10", "voter-portal")
CLERKS = Session("clerk_app", "10.20.4.21", "RollDesk")
BACKUP = Session("backup", "10.20.5.5", "pg_dump")


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if text else ""


def _stamp(second: int) -> str:
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%d %H:%M:%S}"


def line(time: int, database: str, session: Session, tag: str, message: str, *,
         severity: str = "LOG", state: str = "00000", query: str = "") -> str:  # fmt: skip
    """Return one csvlog line; `tag` is the command tag, `query` the statement of an error."""
    second, fraction = divmod(time, 1_000_000)
    # A session's line number is its place in the server's life; here it grows with time.
    number = (time // 1_000 - _SESSIONS_SINCE * 1_000) % 1_000_000_000
    columns = (
        f"{_stamp(second)}.{fraction // 1000:03d} UTC",
        _quoted(session.user),
        _quoted(database),
        str(session.process),
        _quoted(f"{session.host}:{40_000 + session.process % 20_000}"),
        f"{second - second % 3600:x}.{session.process:x}",
        str(number),
        _quoted(tag),
        f"{_stamp(second - second % 3600)} UTC",
        f"7/{number}",
        "0",
        severity,
        state,
        _quoted(message),
        "", "", "", "", "",
        _quoted(query),
        "",
        "",
        _quoted(session.application),
        _quoted("client backend"),
        "",
        "0",
    )  # fmt: skip
    return ",".join(columns)


def audit(kind: str, command: str, table: str, statement: str) -> str:
    """Return pgaudit's message: class, command, object and the whole statement."""
    text = '"' + statement.replace('"', '""') + '"' if "," in statement or '"' in statement else statement
    named = f"TABLE,{table}" if table else ","
    return f"AUDIT: SESSION,{_serial(statement)},1,{kind},{command},{named},{text},<not logged>"


def _serial(statement: str) -> int:
    """Return a statement number that depends on the statement alone."""
    return 1 + len(statement) % 97


_WORK: Weighted[str] = Weighted(
    ((46, "status"), (22, "polling-place"), (12, "clerk-read"), (8, "clerk-write"), (4, "connection"),
     (2, "mistake"), (2, "backup"), (4, "checkpoint"))
)  # fmt: skip


def background(stage: Stage, count: int) -> Iterator[Record]:
    """Yield `count` ordinary statements: the portal's look-ups of one voter, clerks, the backup."""
    weights = (
        public // 8 + office
        for public, office in zip(
            public_minutes(stage.calendar, stage.span),
            office_minutes(stage.calendar, stage.span),
            strict=True,
        )
    )
    for time in arrivals(weights, stage.span, count, stage.dice):
        yield Record(time, _ordinary(stage, time))


def _ordinary(stage: Stage, time: int) -> str:
    dice = stage.dice
    name = stage.county.database_name
    match _WORK.draw(dice):
        case "status":
            statement = "SELECT status, district FROM voters WHERE reference = $1 AND birth_year = $2"
            return line(time, name, WEB, "SELECT", audit("READ", "SELECT", "public.voters", statement))
        case "polling-place":
            statement = (
                "SELECT place, opens FROM polling_places WHERE street = $1 AND $2 BETWEEN low AND high"
            )
            return line(
                time, name, WEB, "SELECT", audit("READ", "SELECT", "public.polling_places", statement)
            )
        case "clerk-read":
            statement = "SELECT * FROM voters WHERE id = $1"
            return line(time, name, CLERKS, "SELECT", audit("READ", "SELECT", "public.voters", statement))
        case "clerk-write":
            statement = "UPDATE voters SET district = $1, updated_by = $2 WHERE id = $3"
            return line(time, name, CLERKS, "UPDATE", audit("WRITE", "UPDATE", "public.voters", statement))
        case "connection":
            message = f"connection authorized: user=portal_web database={name} SSL enabled (protocol=TLSv1.3)"
            return line(time, name, WEB, "authentication", message)
        case "mistake":
            message = "canceling statement due to statement timeout"
            query = "SELECT place, opens FROM polling_places WHERE street = $1"
            return line(time, name, WEB, "SELECT", message, severity="ERROR", state="57014", query=query)
        case "backup":
            statement = "COPY public.precincts (id, name) TO stdout"
            return line(time, name, BACKUP, "COPY", audit("READ", "COPY", "public.precincts", statement))
        case _:
            return line(time, name, Session("", "[local]", "", 900), "", "checkpoint starting: time")
