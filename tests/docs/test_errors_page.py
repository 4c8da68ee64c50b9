"""The page of error codes says what the program says."""

from __future__ import annotations

from tests.docs.errors_page import PAGE, page


def test_page_of_error_codes_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m tests.docs.errors_page"
