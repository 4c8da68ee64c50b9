"""Hold every cap in one place: each exists because somebody hostile writes our input."""

from __future__ import annotations

MiB = 1024 * 1024

# Reading
CHUNK_BYTES = 2 * MiB
"""Target size of one chunk of a line source. Fixed: boundaries depend on the source's bytes alone."""
RANGE_BYTES = 32 * MiB
"""Size of the byte ranges into which a large splittable file is cut for parallel reading."""
MAX_LINE_BYTES = 1 * MiB
"""A longer line is a hole (an attacker sends one line of 200 MB); the source goes on behind it."""
MAX_DOCUMENT_BYTES = 256 * MiB
"""A JSON array or XML document that cannot be streamed is refused beyond this."""
MAX_JSON_DEPTH = 64
MAX_FIELDS = 2_000
"""Fields of one record after flattening; more make the record a hole."""
MAX_DECOMPRESSED_BYTES = 64 * 1024 * MiB
MAX_RATIO = 1_000
"""Decompressed to compressed size, judged after the first 16 MiB: real logs reach 20 to 100."""
RATIO_FLOOR_BYTES = 16 * MiB
MAX_ARCHIVE_MEMBERS = 100_000
SNIFF_BYTES = 64 * 1024
MAX_UNPARSED_LISTED = 100
"""Places of holes that coverage lists for one source; the total is always exact."""
EVTX_STALL_S = 20
"""A child that reads EVTX and yields nothing for so long is killed: damaged files make parsers loop."""

# Rules
MAX_RULE_BYTES = 1 * MiB
MAX_RULE_DOCUMENTS = 100
MAX_RULE_NODES = 50_000
"""Values of one rule document with its aliases unfolded (a "billion laughs" has 10**9)."""
MAX_RULE_DEPTH = 32
MAX_CONDITION_CHARS = 16_384
"""Characters of all conditions of one rule together."""
MAX_SEARCH_IDENTIFIERS = 1_000
MAX_NUMBER_CHARS = 64
MAX_RULE_ATOMS = 20_000
MAX_REGEX_CHARS = 4_096
MAX_VALUE_CHARS = 65_536
MAX_WILDCARDS = 256
"""Wildcards in one value: a matcher's work grows with them."""
MAX_EXPANSIONS = 10_000

# Engine
BATCH_ROWS = 49_152
BATCH_BYTES = 64 * MiB

# Results
MAX_RECORDS_PER_FINDING = 100_000
"""Record numbers named in one finding; its count stays exact."""
FINDING_GAP_S = 3_600
"""Hits of one rule on one asset further apart than this are two findings."""
MAX_RECORDS_HELD = 2_000_000
"""Record numbers held for all findings together; beyond it fewer are named for each rule and source."""
MIN_RECORDS_PER_FINDING = 16
"""The first records of a finding are always named, however many hits there are elsewhere."""
MAX_JOIN_CELLS = 1 << 16
"""Hours times assets with hits of one rule in one source; beyond it hits further apart are joined."""
MAX_JOIN_CELLS_HELD = 1 << 17
"""The same for all rules and sources together; beyond it `MAX_JOIN_CELLS` is lowered."""
MAX_ACTIVITY_CELLS = 1 << 14
"""Hours for which hits are counted by level (1.9 years); beyond it stretches are longer."""
MAX_REASON_CHARS = 4_096
"""Characters of one value kept in a finding; the cut is said. The record itself has the whole."""
COVERAGE_GAP_S = 1_800
"""A source without a record for so long has a gap that coverage names."""
MAX_GAPS_LISTED = 100
"""The longest gaps are listed."""
MAX_COVERAGE_CELLS = 1 << 16
"""Half hours with records that one source is followed by (3.7 years); beyond it only longer gaps show."""
MAX_ASSETS_LISTED = 10_000
"""Assets with hours of their own in coverage (an attacker invents host names); the rest is one line."""
MAX_REASONS_LISTED = 20
"""Different reasons kept for one source."""
BACKWARD_TOLERANCE_S = 5
MAX_FINDINGS_ON_PAGE = 1_000
"""Findings written out in an HTML report, the most severe first; the page says how many more."""
MAX_ROWS_ON_PAGE = 500
MAX_SHOWN_CHARS = 400
"""Characters of one value shown in a terminal or report; the JSON forms carry more."""

# Sealed evidence
MAX_SLOTS = 4_096
"""Slots of one sealed map: twice what a record can need; a pack may claim any number."""
MAX_DISCLOSURE_CHARS = 16 * MiB
"""One disclosed text; a longer value is sealed, and can be shown with the whole record only."""
MAX_VALUE_DEPTH = 4
"""Lists within lists of one sealed value (deep nesting ends a parser's stack)."""
MAX_MAP_BYTES = 64 * MiB
"""The file of a whole sealed map, as a member receives it."""

# Signed notes
MAX_NOTE_BYTES = 512 * 1024
"""A note with 64 post-quantum signatures of nearly 5 kB each has 430 KB (signed-note asks for 16)."""
MAX_NOTE_SIGNATURES = 64
"""Signature lines of one note: each of a known key costs a verification."""
MAX_COSIGNED_NAME_BYTES = 255
"""Names of cosigners and logs inside the ML-DSA-44 message have one byte for their length."""
MAX_PROOF_HASHES = 63
"""Hashes of one Merkle path; a tree of 2**63 leaves needs no more."""
MAX_POLICY_BYTES = 1 * MiB
MAX_POLICY_ENTRIES = 256
"""Logs, witnesses and groups of one policy, each (tlog-policy asks for 32)."""
MAX_EXTRA_BYTES = 64 * 1024
"""Extra data of one tlog-proof; nobody has signed it."""

# Proof packs
MAX_PACK_BYTES = 64 * MiB
"""One `.evpack`; a stranger's program reads it whole."""
MAX_PACK_FILES = 40_000
MAX_PACK_NUMBER = 10_000
"""Acts, events and heads of one pack: their files are numbered with four digits."""
MAX_PACK_STATES = 256
"""Different checkpoints of one pack: each may have to be judged by every epoch of the roster."""

# Acts and roster
MAX_LEAF_BYTES = 32 * 1024
"""One signed act (a flooder writes long ones); what is longer is a blob that the act names by digest."""
MAX_ACT_TEXT_CHARS = 256
"""One public text of an act, such as its thread; a screen must hold it."""
MAX_AUDIENCE = 100
MAX_SEEN = 100
MAX_ID_CHARS = 100
"""The id of a member or the name of a witness; it stands on every line of a signed note."""
MAX_ROSTER_BYTES = 4 * MiB
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

# Logs
MAX_TILES_HELD = 1_024
"""Tiles that one reader keeps, 8 MiB: a walk over a log of millions must not fill the memory."""
MAX_INNER_TILES_HELD = 64
"""Tiles of which it keeps the nodes within, too, 16 KiB each: proofs ask for them again and again."""
MAX_SUSPECTS_HELD = 16
"""Signed checkpoints of one log that are kept for each suspicion: it can sign any number of them."""
MAX_PROBLEMS_LISTED = 1_000
"""Files of one log that a check names as wrong; the count is exact."""

MAX_TOKEN_BYTES = 256 * 1024
"""The answer of a time-stamping service, certificates included (a service may send without end)."""
