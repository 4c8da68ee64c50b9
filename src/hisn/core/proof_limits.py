"""Hold the caps on what a verifier reads: each exists because somebody hostile writes it."""

from __future__ import annotations

_MIB = 1024 * 1024

MAX_NUMBER_CHARS = 64
"""Digits of one integer: a million of them cost quadratic time."""
MAX_JSON_VALUES = 2_000_000
"""Commas and opening brackets of one text: 60 MB of empty lists would take 3 GB of memory."""

# Sealed evidence
MAX_SLOTS = 4_096
"""Slots of one sealed map: twice what a record can need; a pack may claim any number."""
MAX_DISCLOSURE_CHARS = 16 * _MIB
"""One disclosed text; a longer value is sealed, and can be shown with the whole record only."""
MAX_VALUE_DEPTH = 4
"""Lists within lists of one sealed value (deep nesting ends a parser's stack)."""
MAX_MAP_VALUES = 4 * MAX_SLOTS
"""The same of a file with a presented map: digests and disclosures are two for each slot."""

# Signed notes
MAX_NOTE_BYTES = 512 * 1024
"""A note with 64 post-quantum signatures of nearly 5 kB each has 430 KB (signed-note asks for 16)."""
MAX_NOTE_SIGNATURES = 64
"""Signature lines of one note: each of a known key costs a verification."""
MAX_COSIGNED_NAME_BYTES = 255
"""Names of cosigners and logs inside the ML-DSA-44 message have one byte for their length."""
MAX_PROOF_HASHES = 63
"""Hashes of one Merkle path; a tree of 2**63 leaves needs no more."""
MAX_EXTRA_BYTES = 64 * 1024
"""Extra data of one tlog-proof; nobody has signed it."""

# Proof packs
MAX_PACK_BYTES = 64 * _MIB
"""One `.evpack`; a stranger's program reads it whole."""
MAX_PACK_FILES = 40_000
MAX_PACK_NUMBER = 10_000
"""Acts, events and heads of one pack: their files are numbered with four digits."""
MAX_PACK_STATES = 256
"""Different checkpoints of one pack: each may have to be judged by every epoch of the roster."""
MAX_PACK_JUDGEMENTS = 4_096
"""Epochs tried for all states of one pack: 256 states by 1,000 epochs kept a reader waiting for minutes."""

# Acts and roster
MAX_LEAF_BYTES = 32 * 1024
"""One signed act (a flooder writes long ones); what is longer is a blob that the act names by digest."""
MAX_ACT_TEXT_CHARS = 256
"""One public text of an act, such as its thread; a screen must hold it."""
MAX_AUDIENCE = 100
MAX_SEEN = 100
MAX_ID_CHARS = 100
"""The id of a member or the name of a witness; it stands on every line of a signed note."""
MAX_ROSTER_BYTES = 4 * _MIB
"""One epoch of the roster with its signatures: about 100 members with twenty keys each."""
MAX_ROSTER_SIGNATURES = 1_024
"""Signatures under one epoch: two of every new key and of every root key."""
MAX_MEMBERS = 100
"""Members that a unit ever had; the keys of former ones still verify their acts."""
MAX_WITNESSES = 32
"""Active members and outside witnesses together: more do not fit on one signed note, two lines each."""
MAX_MEMBER_KEYS = 200
"""Keys of one member, old ones included."""
MAX_EPOCHS = 1_000
"""Epochs of one unit: a verifier checks dozens of signatures of each."""
