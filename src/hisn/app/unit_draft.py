"""Hold the file in which an epoch of the roster goes from member to member until all have signed it.

It has the charter, the epochs that the draft goes on from, the roster document, and the signatures
so far.  Who is to join has none of these yet, and checks all of them.  What the draft changes is not
in it: everybody computes that from the documents.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hisn.acts.envelope import Signature
from hisn.core.canon import Json, b64, canonical, parse_b64, parse_canonical
from hisn.core.proof_limits import MAX_PACK_BYTES
from hisn.errors import InputError, VerificationError

FORMAT = "hisn-draft/1"
_FIELDS = {"format", "charter", "epochs", "document", "signatures"}


@dataclass(frozen=True, slots=True)
class UnitDraft:
    """Hold a roster document that is being signed; `charter` of a new unit, or of the one that goes on.

    `epochs` are the envelopes of all epochs before it.
    """

    charter: bytes
    document: bytes
    signatures: tuple[Signature, ...] = ()
    epochs: tuple[bytes, ...] = ()

    def encode(self) -> bytes:
        """Return the draft's file."""
        signed: list[Json] = [{"keyid": each.key_id, "sig": b64(each.raw)} for each in self.signatures]
        return canonical(
            {
                "format": FORMAT,
                "charter": b64(self.charter),
                "epochs": [b64(each) for each in self.epochs],
                "document": b64(self.document),
                "signatures": signed,
            }
        )


def parse_draft(data: bytes) -> UnitDraft:
    """Return the draft of a file. Raises InputError (E2320)."""
    try:
        return _draft_of(parse_canonical(data, max_bytes=MAX_PACK_BYTES))
    except (VerificationError, KeyError, TypeError) as error:
        raise InputError(
            "E2320", "this file is no draft of a unit", hint="get it again from the member who drafted it"
        ) from error


def _draft_of(value: Any) -> UnitDraft:
    if value["format"] != FORMAT or set(value) != _FIELDS or not isinstance(value["epochs"], list):
        raise KeyError("format")
    signatures = tuple(Signature(str(each["keyid"]), parse_b64(each["sig"])) for each in value["signatures"])
    epochs = tuple(parse_b64(each) for each in value["epochs"])
    return UnitDraft(parse_b64(value["charter"]), parse_b64(value["document"]), signatures, epochs)
