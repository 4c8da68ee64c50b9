"""Look up the country of an address in a MaxMind-format database that the operator supplies.

No database comes with the program.  Any whose records have ``country.iso_code`` (GeoLite2 and its
kind) or a ``country_code`` (DB-IP, IPinfo) will do.  Its digest is part of every finding that used
it: the same log and another database may give another finding.
"""

from __future__ import annotations

import hashlib
import ipaddress
from pathlib import Path
from typing import Any

from hisn.core import limits
from hisn.core.place import Place
from hisn.errors import InputError

UNKNOWN = ""

_MAX_KNOWN = 1 << 17


class Countries:
    """Give the country of addresses; crosses to other processes by its path."""

    def __init__(self, path: Path) -> None:
        """Open a database. Raises InputError (E2670 to E2672)."""
        self._path = path
        self._reader = _open(path)
        self.digest = _digest(path)
        self._known: dict[str, str] = {}

    def __reduce__(self) -> tuple[type[Countries], tuple[Path]]:
        return (type(self), (self._path,))

    def of(self, address: str) -> str:
        """Return the ISO code of the country; `UNKNOWN` where the database does not say."""
        code = self._known.get(address)
        if code is None:
            if len(self._known) >= _MAX_KNOWN:
                self._known.clear()
            code = self._known[address] = self._look_up(address)
        return code

    def _look_up(self, address: str) -> str:
        try:
            parsed = ipaddress.ip_address(address.partition("%")[0])
            return _code_in(self._reader.get(parsed))
        except ValueError:
            return UNKNOWN  # a host name, or an IPv6 address in a database of IPv4
        except RuntimeError:  # the library's InvalidDatabaseError
            raise InputError(
                "E2671", "the country database is damaged", hint=_HINT, place=Place(str(self._path))
            ) from None


def _open(path: Path) -> Any:
    try:
        import maxminddb
    except ImportError:
        raise InputError(
            "E2672",
            "the library that reads country databases is not installed",
            hint="pip install 'hisn[geo]', or leave --countries out",
        ) from None
    try:
        if path.stat().st_size > limits.MAX_COUNTRY_BYTES:
            raise InputError(
                "E2671", "not a country database: it is too large", hint=_HINT, place=Place(str(path))
            )
        reader = maxminddb.open_database(str(path))
    except OSError as error:
        raise InputError(
            "E2670",
            f"cannot read the country database: {error.strerror}",
            hint="check --countries",
            place=Place(str(path)),
        ) from error
    except (maxminddb.InvalidDatabaseError, ValueError):
        raise InputError("E2671", "not a country database", hint=_HINT, place=Place(str(path))) from None
    if not any(word in reader.metadata().database_type for word in ("Country", "City", "country", "city")):
        raise InputError("E2671", "the database is none of countries", hint=_HINT, place=Place(str(path)))
    return reader


_HINT = "a file in MaxMind's format (.mmdb) with countries, such as GeoLite2-Country or DB-IP Lite"


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _code_in(record: Any) -> str:
    """Return the two letters of a record's country, in whichever of the usual forms."""
    if not isinstance(record, dict):
        return UNKNOWN
    for name in ("country", "registered_country", "country_code"):
        found = record.get(name)
        code = found.get("iso_code") if isinstance(found, dict) else found
        if isinstance(code, str) and len(code) == 2 and code.isascii() and code.isalpha():
            return code.upper()
    return UNKNOWN
