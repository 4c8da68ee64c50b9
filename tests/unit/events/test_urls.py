"""What the attacker encoded is shown decoded, beside the raw text and never instead of it."""

from __future__ import annotations

import pytest

from hisn.events.urls import decoded, split_request, unescape


def test_nginx_and_apache_escapes_are_undone() -> None:
    assert unescape(r"\x22<script>\x22 \"x\" \\") == '"<script>" "x" \\'


def test_backslashes_of_a_server_that_escapes_nothing_stay() -> None:
    assert unescape(r"/..\temp\new") == r"/..\temp\new"


def test_escaped_bytes_become_the_characters_that_they_are() -> None:
    assert unescape(r"/\xD8\xA7\xFF") == "/ا\\xff"
    assert unescape(r"/é\x22\xFF") == '/é"\\xff'


def test_double_encoding_is_undone_once_more() -> None:
    assert decoded("/?q=%2527%2BOR%2B1%253D1") == "/?q='+OR+1=1"
    assert decoded("/?q=a+b%2Bc") == "/?q=a b+c"


def test_triple_encoding_is_not() -> None:
    assert decoded("%252527") == "%27"


def test_wide_escapes_of_iis_are_undone() -> None:
    assert decoded("%u003cscript%u003e%ud800") == "<script>%ud800"


def test_overlong_utf8_is_marked_not_lost() -> None:
    assert decoded("/%c0%ae%c0%ae/") == "/\\xc0\\xae\\xc0\\xae/"


def test_decoding_is_bounded() -> None:
    assert len(decoded("%41" * 1_000_000)) < 10_000


@pytest.mark.parametrize(
    ("request_line", "parts"),
    [
        ("GET / HTTP/1.1", ("GET", "/", "HTTP/1.1")),
        ("GET /a b c HTTP/1.0", ("GET", "/a b c", "HTTP/1.0")),
        ("GET /old", ("GET", "/old", None)),
        ("-", (None, "-", None)),
        ("", (None, "", None)),
        ("\x16\x03\x01 x", (None, "\x16\x03\x01 x", None)),
        ("t3 12.2.1", (None, "t3 12.2.1", None)),
    ],
)
def test_request_line_is_split_even_if_it_is_none(request_line: str, parts: tuple[str | None, ...]) -> None:
    assert split_request(request_line) == parts
