from __future__ import annotations

from hisn.rules.expr import And, Exists, Not, Or
from hisn.rules.logic import ALWAYS, NEVER, all_of, any_of, negate

A, B, C = Exists("a"), Exists("b"), Exists("c")


def test_conjunctions_are_flat_and_without_duplicates() -> None:
    assert all_of([A, And((B, A)), C]) == And((A, B, C))
    assert all_of([A, A]) == A
    assert all_of([A, Or((A, B))]) == And((A, Or((A, B))))


def test_disjunctions_are_flat_and_without_duplicates() -> None:
    assert any_of([A, Or((B, A)), C]) == Or((A, B, C))
    assert any_of([And((A, B)), A]) == Or((And((A, B)), A))


def test_constants_are_folded() -> None:
    assert all_of([]) == ALWAYS
    assert any_of([]) == NEVER
    assert all_of([A, ALWAYS]) == A
    assert all_of([A, NEVER]) == NEVER
    assert any_of([A, NEVER]) == A
    assert any_of([A, ALWAYS]) == ALWAYS
    assert negate(ALWAYS) == NEVER


def test_double_negation_goes() -> None:
    assert negate(negate(A)) == A
    assert negate(A) == Not(A)
