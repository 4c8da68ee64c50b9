from __future__ import annotations

from hisn.node.answer import PLAIN, Answer, refusal


def test_a_refusal_is_one_line_of_plain_text() -> None:
    assert refusal(404, "the log is not known here") == Answer(404, b"the log is not known here\n", PLAIN)
