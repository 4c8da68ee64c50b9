from __future__ import annotations

import hashlib

from tests.unit.rules.correlations import correlate, pack_of, rule

from hisn.rules.correlation import Reference, correlation_digest, silenced
from hisn.rules.correlation import silenced_correlations as silenced_chain


def test_the_digest_is_of_the_document_and_the_sorted_digests_of_all_it_refers_to() -> None:
    references = (Reference(name="b", digests=("2" * 64,)), Reference(name="a", digests=("1" * 64, "2" * 64)))
    wanted = hashlib.sha256("\n".join(["0" * 64, "1" * 64, "2" * 64]).encode()).hexdigest()
    assert correlation_digest("0" * 64, references) == wanted
    assert correlation_digest("0" * 64, reversed(references)) == wanted


def test_a_correlation_silences_what_it_refers_to() -> None:
    pack = pack_of((rule(1), rule(2)), (correlate(1, rule(1)),))
    assert silenced(pack) == {0}
    assert silenced_chain(pack) == frozenset()


def test_one_that_generates_lets_it_be_heard_whatever_others_say() -> None:
    """A finding too many is seen where a finding too few is not."""
    one, two = correlate(1, rule(1)), correlate(2, rule(1), generate=True)
    assert silenced(pack_of((rule(1),), (one, two))) == frozenset()


def test_a_chain_silences_its_links() -> None:
    inner = correlate(1, rule(1))
    outer = correlate(2, inner)
    pack = pack_of((rule(1),), (inner, outer))
    assert silenced(pack) == {0}
    assert [pack.correlations[at] for at in silenced_chain(pack)] == [inner]
