"""Sign subtrees of checkpoints that a cosigner has signed before (C2SP tlog-witness, sign-subtree)."""

from __future__ import annotations

from hisn.errors import InputError, VerificationError
from hisn.node.answer import Answer, refusal
from hisn.node.body import parse_sign_subtree
from hisn.node.ratchet import MAX_BODY_BYTES, Rooms
from hisn.tlog.checkpoint import open_note, parse_signed_checkpoint
from hisn.tlog.merkle import verify_subtree_consistency
from hisn.tlog.sign import Cosigner, signature_line


def sign_subtree(body: bytes, rooms: Rooms, cosigner: Cosigner) -> Answer:
    """Answer sign-subtree for one cosigner.

    Nothing is looked up: that the checkpoint was consistent is shown by the cosigner's own
    signature on it.  A witness's signature is never exchanged for a mirror's, since each knows its
    own keys only.
    """
    if len(body) > MAX_BODY_BYTES:
        return refusal(413, "the request is too long")
    try:
        request = parse_sign_subtree(body)
        signed = parse_signed_checkpoint(request.note)
    except (InputError, VerificationError):
        return refusal(400, "the request is malformed")
    checkpoint = signed.checkpoint
    if request.end > checkpoint.size:
        return refusal(400, "the subtree ends behind the checkpoint")
    if rooms.find(checkpoint.origin) is None:
        return refusal(404, "the log is not known here")
    try:
        open_note(signed.note, cosigner.keys.vkeys)
    except VerificationError:
        return refusal(403, "the checkpoint is not signed by this cosigner")
    try:
        verify_subtree_consistency(
            request.start, request.end, checkpoint.size, request.root, checkpoint.root, request.proof
        )
    except VerificationError:
        return refusal(422, "the proof does not hold")
    signature = cosigner.cosign_subtree(checkpoint.origin, request.start, request.end, request.root)
    return Answer(200, signature_line(signature))
