from __future__ import annotations

import pytest

from hisn.elections.templates import ASSETS, MALFORMED, endpoint, is_page, path_template


@pytest.mark.parametrize(
    ("stem", "template"),
    [
        ("/", "/"),
        ("/results", "/results"),
        ("/precinct/17", "/precinct/#"),
        ("/results-2024/precinct-12.pdf", "/results-#/precinct-#.pdf"),
        ("/v/3F2504E0-4F89-11D3-9A0C-0305E82C3301/x", "/v/#/x"),
        ("/t/0123456789abcdef0123", "/t/#"),
        ("/facade", "/facade"),
        ("/a;jsessionid=77", "/a"),
        ("/static/app.7f3c.css", ASSETS),
        ("/favicon.ICO", ASSETS),
        ("/api/v1/results.json", "/api/v#/results.json"),
        ("*", MALFORMED),
        ("http://other.example/", MALFORMED),
        ("", MALFORMED),
        ("/\u0645\udc80", "/\u0645\\udc#"),
        ("/" + "x" * 5_000, "/" + "x" * 159),
    ],
)
def test_ids_are_folded(stem: str, template: str) -> None:
    assert path_template(stem) == template


def test_a_method_that_sends_something_is_another_endpoint() -> None:
    assert endpoint("/a", "GET") == endpoint("/a", "HEAD") == endpoint("/a", None) == "/a"
    assert endpoint("/a", "post") == "POST /a"
    assert endpoint("/a", "\x1b[2J") == "? /a"
    assert endpoint(ASSETS, "POST") == ASSETS


@pytest.mark.parametrize(
    ("template", "page"),
    [
        ("/results", True),
        ("/status.php", True),
        ("/x.y/z", True),
        ("/api/v#/results.json", False),
        ("/results-#.pdf", False),
        ("POST /login", False),
        (ASSETS, False),
    ],
)
def test_browsers_load_assets_for_pages_alone(template: str, page: bool) -> None:
    assert is_page(template) is page
