"""What a finding names, and who answers it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hisn.errors import VerificationError
from hisn.evidence.disclosure import Opened, Value
from hisn.verify.claim import Named, flags_of, named_batches
from hisn.verify.steps import Flag, FlagName

ROOT = "ab" * 32


def body(value: Value) -> Opened:
    return Opened(b"", ("batches",), {"batches": value}, ())


def test_batches_are_named_by_entry_root_and_events() -> None:
    named = named_batches(body(((0, ROOT, (1, 3)), (4, ROOT, ()))))
    assert named == (Named(0, ROOT, frozenset({1, 3})), Named(4, ROOT, frozenset()))
    assert named_batches(body(())) == ()


@pytest.mark.parametrize(
    "value",
    [
        None,
        "text",
        5,
        (5,),
        ((0, ROOT),),
        ((0, ROOT, (1,), 2),),
        (("0", ROOT, (1,)),),
        ((0, 5, (1,)),),
        ((0, ROOT, 1),),
        ((0, ROOT, ("1",)),),
        ((0, ROOT, (1, 1)),),
        ((0, ROOT, (2, 1)),),
        ((0, ROOT, (-1,)),),
        ((1, ROOT, ()), (0, ROOT, ())),
        ((1, ROOT, ()), (1, ROOT, ())),
    ],
)
def test_another_form_is_refused(value: Value) -> None:
    with pytest.raises(VerificationError) as caught:
        named_batches(body(value))
    assert caught.value.code == "E3513"


def test_a_finding_that_shows_no_body_names_nothing() -> None:
    with pytest.raises(VerificationError):
        named_batches(None)


values = st.recursive(
    st.none() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=4).map(tuple), max_leaves=12
)


@given(values)
def test_any_value_is_read_or_refused(value: Value) -> None:
    try:
        named_batches(body(value))
    except VerificationError as error:
        assert error.code == "E3513"  # noqa: PT017 - both ends are allowed


def test_a_finding_that_nobody_rechecked_is_alleged_whoever_dissents() -> None:
    answers: dict[str, tuple[str, ...]] = {"recheck": (), "dissent": ()}
    assert flags_of(answers, is_late=False) == (Flag(FlagName.ALLEGED),)
    assert flags_of(answers, is_late=True) == (Flag(FlagName.ALLEGED), Flag(FlagName.OVERDUE))
    dissented = answers | {"dissent": ("a",)}
    assert flags_of(dissented, is_late=True) == (Flag(FlagName.ALLEGED), Flag(FlagName.DISSENTED, ("a",)))
    rechecked = answers | {"recheck": ("a", "b")}
    assert flags_of(rechecked, is_late=True) == (Flag(FlagName.RECHECKED, ("a", "b")),)
