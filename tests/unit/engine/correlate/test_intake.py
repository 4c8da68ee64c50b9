from __future__ import annotations

import numpy as np
import pytest

from hisn.engine.correlate import intake
from hisn.engine.correlate.cells import NOTHING, SCALE, digest_of
from hisn.engine.correlate.intake import Intake
from hisn.engine.correlate.plan import Column
from hisn.engine.marks import MarkBlock

BLOCK = MarkBlock(
    0,
    "s",
    "",
    np.arange(4),
    np.arange(4),
    {"U": ["a", "b", None, "a"], "H": ["h", ("x", "y"), "h", 7], "N": [1, "x", "2.5", None]},
)
ALL = slice(None)
KEY = Column(("u",), is_group=True)


def test_cells_become_digests_of_their_texts() -> None:
    made = Intake()
    digests = made.column(KEY, ("U",), BLOCK, ALL).tolist()
    assert digests == [digest_of(("a",)), digest_of(("b",)), NOTHING, digest_of(("a",))]
    assert made.texts == {digests[0]: ("a",), digests[1]: ("b",)}


def test_several_fields_are_one_digest_and_a_list_is_one_value() -> None:
    made = Intake()
    pair = Column(("u", "h"), is_group=True)
    digests = made.column(pair, ("U", "H"), BLOCK, ALL).tolist()
    assert digests == [digest_of(("a", "h")), digest_of(("b", '["x", "y"]')), NOTHING, digest_of(("a", "7"))]
    assert made.column(KEY, ("H",), BLOCK, slice(1, 2)).tolist() == [digest_of(('["x", "y"]',))]


def test_a_missing_field_has_no_value_and_no_field_is_one_group() -> None:
    made = Intake()
    assert made.column(KEY, ("gone",), BLOCK, ALL).tolist() == [NOTHING] * 4
    assert made.column(Column(("u", "h")), ("U", "gone"), BLOCK, ALL).tolist() == [NOTHING] * 4
    assert made.column(Column((), is_group=True), (), BLOCK, ALL).tolist() == [digest_of(())] * 4
    assert made.texts == {digest_of(()): ()}


def test_numbers_are_scaled_and_what_is_none_is_none() -> None:
    made = Intake()
    number = Column(("n",), is_number=True)
    assert made.column(number, ("N",), BLOCK, ALL).tolist() == [SCALE, None, 5 * SCALE // 2, None]
    assert made.column(number, ("gone",), BLOCK, slice(2)).tolist() == [None, None]


def test_texts_of_values_that_are_only_counted_are_not_kept() -> None:
    made = Intake()
    made.column(Column(("u",)), ("U",), BLOCK, ALL)
    assert made.texts == {}
    # The same field as a group is another column, and its texts are.
    made.column(KEY, ("U",), BLOCK, ALL)
    assert len(made.texts) == 2


def test_what_is_not_wanted_is_forgotten_and_can_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "_MAX_KNOWN", 2)
    made = Intake()
    made.column(KEY, ("U",), BLOCK, ALL)
    made.column(KEY, ("H",), BLOCK, ALL)
    made.column(Column(("n",), is_number=True), ("N",), BLOCK, ALL)
    assert made.is_large()
    made.forget({digest_of(("a",)), 12345})
    assert made.texts == {digest_of(("a",)): ("a",)}
    made.column(KEY, ("U",), BLOCK, ALL)
    assert len(made.texts) == 2
