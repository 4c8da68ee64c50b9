"""Check that a body which somebody gave is the one that an act commits to."""

from __future__ import annotations

import hashlib

from hisn.acts.statement import BodyRef
from hisn.errors import VerificationError
from hisn.evidence.disclosure import EVENT_MAGIC
from hisn.evidence.sealed_map import parse_map


def check_fetched(ref: BodyRef, data: bytes) -> None:
    """Return if bytes are the body that an act commits to. Raises VerificationError.

    A body in the clear is named by the digest of its bytes; a sealed one by that of its map's leaf,
    and only the file of the whole map is accepted: there is one such file for a leaf, while what
    is shown of a map has many, and the first to come would keep the others out.
    """
    committed = data
    if ref.name == "sealed":
        committed = parse_map(data)[0].leaf
    elif data.startswith(EVENT_MAGIC):
        # Leaves can be read in packs.  Whoever names one as a body in the clear would have it lie
        # where the sealed body belongs, which could then never be stored.
        raise VerificationError("E3311", "a leaf of a sealed map is offered as a body in the clear")
    if hashlib.sha256(committed).digest() != ref.sha256:
        raise VerificationError(
            "E3311",
            "the body is not the one that its act commits to",
            hint="it was swapped or damaged; ask the author for the body again",
        )
