from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.node.samples import NOW_S, ORIGIN, SampleLog, rooms, witness_cosigner

from hisn.node.body import SignSubtree, format_sign_subtree
from hisn.node.subtrees import sign_subtree
from hisn.tlog.cosign import verify_subtree_cosignature
from hisn.tlog.merkle import is_subtree, root_of, subtree_consistency_proof
from hisn.tlog.note import parse_signature_lines
from hisn.tlog.sign import format_checkpoint, format_note

LOG = SampleLog()
TEXT = format_checkpoint(LOG.head(21))
NOTE = format_note(TEXT, witness_cosigner().cosign(TEXT, NOW_S))
SUBTREES = [(start, end) for end in range(1, 22) for start in range(end) if is_subtree(start, end)]


@given(st.sampled_from(SUBTREES))
def test_every_subtree_of_a_signed_checkpoint_can_be_signed(bounds: tuple[int, int]) -> None:
    root = root_of(LOG.leaves[bounds[0] : bounds[1]])
    proof = subtree_consistency_proof(LOG.leaves, *bounds, 21)
    request = SignSubtree(*bounds, root, proof, NOTE)
    answer = sign_subtree(format_sign_subtree(request), rooms(LOG), witness_cosigner())
    assert answer.status == 200
    (line,) = parse_signature_lines(answer.body)
    verify_subtree_cosignature(line, witness_cosigner().keys, ORIGIN, bounds, root)
