from __future__ import annotations

import time

import pytest

from hisn.core import limits
from hisn.rules.sigma.documents import Map, Scalar, data_of, merge, read_documents
from hisn.rules.sigma.refusal import RefusedError


def read(text: str) -> Map:
    (document,) = read_documents(text.encode())
    if isinstance(document.root, RefusedError):
        raise document.root
    return document.root


def refusal(data: bytes | str) -> RefusedError:
    def read_all() -> None:
        for document in read_documents(data.encode() if isinstance(data, str) else data):
            if isinstance(document.root, RefusedError):
                raise document.root

    with pytest.raises(RefusedError) as caught:
        read_all()
    return caught.value


def test_values_keep_their_text_line_and_type() -> None:
    root = read("a: 1\nb:\n  - x\n  - 0x10\nc: '1'\nd: yes\ne: ~\nf: 1.5\ng: 012\nh: !!str 5\n")
    assert data_of(root) == {
        "a": 1, "b": ["x", 16], "c": "1", "d": True, "e": None, "f": 1.5, "g": "012", "h": "5",
    }  # fmt: skip
    assert root.line_of("b") == 2
    assert root.get("f") == Scalar(8, "1.5", float)
    assert root.get("missing") is None
    assert root.line_of("missing") == 1


def test_numbers_too_long_to_be_numbers_are_text() -> None:
    assert data_of(read(f"a: {'9' * 5_000}\n")) == {"a": "9" * 5_000}


@pytest.mark.parametrize(
    "text", ["", "\n\n", "# nothing\n", "---\n", "---\n---\n", "%YAML 1.1\n---\n", "\ufeff"]
)
def test_empty_files_hold_no_documents(text: str) -> None:
    assert list(read_documents(text.encode())) == []


def test_documents_are_read_one_by_one_with_their_lines_and_bytes() -> None:
    data = b"# head\na: 1\n---\nb: [\n--- # again\n\nc: 3\n...\n"
    first, second, third = read_documents(data)
    assert (first.line, second.line, third.line) == (1, 3, 5)
    assert isinstance(first.root, Map)
    assert isinstance(second.root, RefusedError)
    assert second.root.line == 5
    assert isinstance(third.root, Map)
    assert third.root.line_of("c") == 7
    assert first.data + second.data + third.data == data


def test_a_marker_inside_a_text_is_no_marker() -> None:
    assert data_of(read("a: |\n    x\n    ---\n    y\nb: '--- '\n")) == {"a": "x\n---\ny\n", "b": "--- "}


def test_a_single_document_keeps_the_bytes_of_its_file() -> None:
    """So that sha256sum shows the digest that findings carry."""
    data = b"\xef\xbb\xbf# c\r\n---\r\na: 1\r\n"
    (document,) = read_documents(data)
    assert document.data == data


def test_billion_laughs_are_refused_at_once() -> None:
    lines = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    begin = time.perf_counter()
    error = refusal("\n".join(lines))
    assert error.code == "E2106"
    assert time.perf_counter() - begin < 1


@pytest.mark.parametrize(
    "text",
    [
        "[" * 500_000,
        "{a: " * 200_000,
        "- " * 300_000,
        "? " * 300_000,
        "".join(" " * n + "a:\n" for n in range(1_000)),
    ],
)
def test_depth_kills_nobody(text: str) -> None:
    """PyYAML's own composer recurses in C: half a million brackets end the process."""
    begin = time.perf_counter()
    assert refusal(text).code in ("E2106", "E2100")
    assert time.perf_counter() - begin < 2


@pytest.mark.parametrize(
    ("text", "reason", "line"),
    [
        ("a: 1\nb: 2\na: 3\n", "'a' stands twice", 3),
        ("a: &a {b: 1}\nc:\n  <<: *a\n", "merge keys", 3),
        ("a: &a [*a]\n", "alias *a is not defined", 1),
        ("a: *b\n", "alias *b is not defined", 1),
        ("a: !!python/object:os.system x\n", "the tag", 1),
        ("a: !x {b: 1}\n", "the tag", 1),
        ("a: !!binary aGk=\n", "the tag", 1),
        ("[a]: 1\n", "not a plain text", 1),
        ("x\n", "not a mapping", 1),
        ("- a: 1\n", "not a mapping", 1),
        ("a: 1\n...\nb: 2\n", "expected <document start>", 3),
        ("a: 'x\n", "not valid YAML", 2),
        ("a: 1\n\tb: 2\n", "not valid YAML", 2),
        ("a: 1\nb: \x00\n", "not valid YAML", 2),
    ],
)
def test_what_rules_do_not_need_is_refused_with_its_line(text: str, reason: str, line: object) -> None:
    error = refusal(text)
    assert reason in error.reason
    assert (error.code, error.line) == ("E2100", line)


def test_bytes_that_are_no_utf8_are_refused_with_their_line() -> None:
    error = refusal(b"a: 1\nb: \xff\xfe\n")
    assert (error.code, error.line) == ("E2100", 2)


def test_a_file_too_large_is_refused() -> None:
    assert refusal(b"#" * (limits.MAX_RULE_BYTES + 1)).code == "E2106"


def test_a_flood_of_documents_is_refused() -> None:
    assert refusal("a: 1\n---\n" * (limits.MAX_RULE_DOCUMENTS + 1)).code == "E2106"


def test_anchors_may_be_used_where_they_stay_small() -> None:
    assert data_of(read("a: &x [1, 2]\nb: *x\n")) == {"a": [1, 2], "b": [1, 2]}


def test_merge_puts_one_mapping_over_another() -> None:
    merged = merge(read("a: 1\nb: {c: 2, d: 3}\n"), read("b: {d: 4, e: 5}\nf: 6\n"))
    assert data_of(merged) == {"a": 1, "b": {"c": 2, "d": 4, "e": 5}, "f": 6}
