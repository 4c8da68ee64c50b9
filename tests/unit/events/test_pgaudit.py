"""pgaudit's messages are taken apart; broken ones do not raise."""

from __future__ import annotations

import pytest

from hisn.events.pgaudit import NAMES, audit_fields, split_client


def test_session_audit_message() -> None:
    message = 'AUDIT: SESSION,38,1,READ,SELECT,TABLE,public.voters,"select a, ""b""\nfrom voters",<none>'
    (cells,) = audit_fields([message])
    record = dict(zip(NAMES, cells, strict=True))
    assert record["audit_object_name"] == "public.voters"
    assert record["audit_class"] == "READ"
    assert record["audit_statement"] == 'select a, "b"\nfrom voters'


def test_broken_messages_have_nulls() -> None:
    assert audit_fields(["AUDIT: SESSION,1", "AUDIT: ", 'AUDIT: "open'])[1] == (None,) * len(NAMES)


@pytest.mark.parametrize(
    ("client", "parts"),
    [
        ("10.0.0.1:40100", ("10.0.0.1", "40100")),
        ("[local]", ("[local]", None)),
        ("fe80::1:5432", ("fe80::1", "5432")),
        ("", (None, None)),
        (None, (None, None)),
    ],
)
def test_client_is_split(client: str | None, parts: tuple[str | None, str | None]) -> None:
    assert split_client(client) == parts
