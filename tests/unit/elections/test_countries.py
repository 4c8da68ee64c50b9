from __future__ import annotations

import pickle
import sys
from pathlib import Path

import pytest
from tests.unit.elections.mmdb import write_countries

from hisn.core import limits
from hisn.elections.countries import UNKNOWN, Countries
from hisn.errors import InputError

CODES = {"192.0.2.0/24": "HR", "2001:db8::/32": "DE", "2001:db8:1::/48": "SI"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_countries(tmp_path / "c.mmdb", CODES)


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("192.0.2.200", "HR"),
        ("2001:db8:1::7", "SI"),
        ("2001:db8:2::7", "DE"),
        ("2001:db8:2::7%eth0", "DE"),
        ("198.51.100.1", UNKNOWN),
        ("a-host.example", UNKNOWN),
        ("", UNKNOWN),
        ("999.1.1.1", UNKNOWN),
    ],
)
def test_the_country_of_an_address_or_nothing(path: Path, address: str, code: str) -> None:
    countries = Countries(path)
    assert [countries.of(address), countries.of(address)] == [code, code]


@pytest.mark.parametrize("form", ["country", "registered_country", "flat"])
def test_the_usual_forms_of_records_are_understood(tmp_path: Path, form: str) -> None:
    assert Countries(write_countries(tmp_path / "c.mmdb", CODES, form=form)).of("192.0.2.1") == "HR"


def test_a_record_of_another_form_has_no_country(tmp_path: Path) -> None:
    path = write_countries(tmp_path / "c.mmdb", {"192.0.2.0/24": "Croatia"})
    assert Countries(path).of("192.0.2.1") == UNKNOWN
    path = write_countries(tmp_path / "d.mmdb", CODES, form="planet")
    assert Countries(path).of("192.0.2.1") == UNKNOWN


def test_it_crosses_to_another_process(path: Path) -> None:
    countries = Countries(path)
    again = pickle.loads(pickle.dumps(countries))
    assert (again.digest, again.of("192.0.2.1")) == (countries.digest, "HR")


def test_another_database_has_another_digest(tmp_path: Path, path: Path) -> None:
    other = write_countries(tmp_path / "d.mmdb", CODES | {"192.0.2.0/24": "AT"})
    assert Countries(path).digest != Countries(other).digest


def code_of(path: Path) -> str:
    with pytest.raises(InputError) as error:
        Countries(path)
    assert error.value.hint
    return error.value.code


def test_what_is_no_country_database_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "c.mmdb"
    assert code_of(path) == "E2670"
    path.write_bytes(b"x" * 500)
    assert code_of(path) == "E2671"
    assert code_of(write_countries(path, CODES, kind="Vesna-ASN")) == "E2671"
    monkeypatch.setattr(limits, "MAX_COUNTRY_BYTES", 10)
    assert code_of(path) == "E2671"


def test_a_damaged_database_is_said_and_not_taken_for_unknown(path: Path) -> None:
    data = path.read_bytes()
    at = data.index(b"iso_code") - 1
    path.write_bytes(data[:at] + b"\xff" * 9 + data[at + 9 :])
    with pytest.raises(InputError) as error:
        Countries(path).of("2001:db8:2::7")
    assert error.value.code == "E2671"


def test_without_the_library_it_says_what_to_install(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "maxminddb", None)
    assert code_of(path) == "E2672"


def test_what_is_remembered_is_bounded(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hisn.elections.countries._MAX_KNOWN", 2)
    countries = Countries(path)
    assert [countries.of(f"192.0.2.{n}") for n in (1, 2, 3, 1)] == ["HR"] * 4
