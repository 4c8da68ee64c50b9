"""The file of a draft is hostile until its documents are checked; what is no draft is said to be none."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.app.units import OUTSIDE, draft_of, make_nodes, signed_by_all

from hisn.app.unit_draft import UnitDraft, parse_draft
from hisn.core.canon import canonical, parse_canonical
from hisn.errors import InputError


@pytest.fixture(scope="module")
def draft(tmp_path_factory: pytest.TempPathFactory) -> UnitDraft:
    roots = make_nodes(tmp_path_factory.mktemp("apart"))
    return signed_by_all({name: roots[name] for name in OUTSIDE}, draft_of(roots))


def test_a_draft_comes_back_from_its_file(draft: UnitDraft) -> None:
    assert parse_draft(draft.encode()) == draft
    later = replace(draft, epochs=(b"first", b"second"))
    assert parse_draft(later.encode()) == later


@pytest.mark.parametrize(
    "change",
    [
        lambda value: value | {"format": "hisn-draft/2"},
        lambda value: value | {"more": ""},
        lambda value: {name: value[name] for name in ("format", "charter", "document")},
        lambda value: value | {"charter": 7},
        lambda value: value | {"epochs": {"YQ==": 7}},
        lambda value: value | {"epochs": [7]},
        lambda value: value | {"document": "not base64"},
        lambda value: value | {"signatures": "text"},
        lambda value: value | {"signatures": [7]},
        lambda value: value | {"signatures": [{"keyid": "a"}]},
        lambda value: value | {"signatures": {"keyid": "a"}},
        lambda value: [value],
        lambda value: None,
    ],
    ids=[
        "format",
        "more",
        "less",
        "charter",
        "epochs",
        "epoch",
        "base64",
        "text",
        "number",
        "no-signature",
        "object",
        "list",
        "null",
    ],
)
def test_what_is_no_draft_is_told_so(draft: UnitDraft, change: Callable[[object], object]) -> None:
    value = parse_canonical(draft.encode(), max_bytes=10**6)
    with pytest.raises(InputError) as caught:
        parse_draft(canonical(change(value)))  # type: ignore[arg-type]
    assert caught.value.code == "E2320"


@given(data=st.binary(max_size=300), at=st.integers(0, 10**6), is_changed=st.booleans())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_hostile_draft_is_refused_and_nothing_else(
    draft: UnitDraft, data: bytes, at: int, *, is_changed: bool
) -> None:
    whole = draft.encode()
    at %= len(whole)
    with suppress(InputError):
        parse_draft(whole[:at] + data + whole[at + len(data) :] if is_changed else data)
