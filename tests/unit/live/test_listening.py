from __future__ import annotations

import socket
from pathlib import Path

import pytest
from tests.unit.live.listeners import make_certificates

from hisn.errors import StorageError
from hisn.live.listening import Tls, bound, names_of, tls_context


def test_the_system_chooses_a_port_where_none_is_named() -> None:
    with bound(socket.SOCK_STREAM, "127.0.0.1", 0) as made:
        assert made.getsockname()[1] > 0
        made.listen()
        with pytest.raises(StorageError):
            bound(socket.SOCK_STREAM, "127.0.0.1", made.getsockname()[1])


def test_names_of_a_certificate() -> None:
    certificate = {
        "subject": ((("commonName", "one"),), (("countryName", "XX"),)),
        "subjectAltName": (("DNS", "two"), ("IP Address", "192.0.2.1")),
    }
    assert names_of(certificate) == {"one", "two"}


def test_old_protocols_are_not_spoken(tmp_path: Path) -> None:
    made = make_certificates(tmp_path)
    context = tls_context(Tls(certificate=made.certificate("localhost"), key=made.key("localhost")))
    assert context.minimum_version.name == "TLSv1_2"
