"""Hold the caps on what is read, judged and kept: each exists because somebody hostile writes our input.

Those on what a verifier reads stand in `hisn.core.proof_limits`.
"""

from __future__ import annotations

MiB = 1024 * 1024

# Reading
CHUNK_BYTES = 2 * MiB
"""Target size of one chunk of a line source. Fixed: boundaries depend on the source's bytes alone."""
SEALED_CHUNKS = 8
"""Chunks of a source that are sealed as one batch; to open one event, its whole batch is read again."""
SEALED_ROWS = 32_768
"""A batch ends at the chunk that brings it to so many records. Fixed, as the size of a chunk."""
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
MAX_RULE_ATOMS = 20_000
MAX_REGEX_CHARS = 4_096
MAX_VALUE_CHARS = 65_536
MAX_WILDCARDS = 256
"""Wildcards in one value: a matcher's work grows with them."""
MAX_EXPANSIONS = 10_000

# Correlations
MAX_CORRELATIONS = 10_000
"""Correlations of one pack: each keeps windows of its own."""
MAX_CORRELATION_RULES = 1_000
"""Rules of one correlation, and rules that one name may mean."""
MAX_CORRELATION_REFERENCES = 100_000
"""Rules that all correlations of one pack refer to, counted each time."""
MAX_CORRELATION_DEPTH = 16
"""Correlations that judge one another in a chain, and levels of a condition's brackets."""
MAX_CORRELATION_FIELDS = 32
"""Fields that one correlation groups by, and fields that it counts."""
MAX_CORRELATION_NAME_CHARS = 256
MAX_TIMESPAN_S = 366 * 86_400
"""A window longer than a year holds everything: a mistake, or an attack on the memory."""

# Engine
BATCH_ROWS = 49_152
BATCH_BYTES = 64 * MiB

# Correlation
CORRELATION_LOOKBACK = 1_000_000
"""Records that the windows of all correlations hold together, shared out evenly between them."""
MIN_LOOKBACK = 25_000
MAX_LOOKBACK = 250_000
"""Records to which one correlation looks back, in all its groups: an attacker invents groups."""
CORRELATION_WAITING = 8_000_000
"""Marks that wait for the watermark, for all correlations together, shared out evenly."""
MIN_WAITING = 250_000
MAX_WAITING = 2_000_000
MAX_EPISODE_RECORDS_HELD = 4_000_000
"""Record numbers held for all open episodes together; beyond it the longest name fewer."""
MIN_RECORDS_PER_EPISODE = 16
MAX_GROUP_CHARS = 512
"""Characters of one value that correlations group by; of a longer one the SHA-256 stands for the rest."""
MAX_CORRELATION_COLUMNS = 4_096
"""Combinations of fields that one correlation carries for those that judge its episodes."""
MAX_ORDERED_TERMS = 256
"""Ways in which a condition of words of an ordered correlation can be met."""
MAX_UNPLACED_SOURCES = 10_000
"""Rules and sources whose late and untimed hits are counted apart; the rest is counted together."""

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

# Sealed evidence and policies
MAX_MAP_BYTES = 64 * MiB
"""The file of a whole sealed map, as a member receives it."""

MAX_POLICY_BYTES = 1 * MiB
MAX_POLICY_ENTRIES = 256
"""Logs, witnesses and groups of one policy, each (tlog-policy asks for 32)."""

# Logs
MAX_TILES_HELD = 1_024
"""Tiles that one reader keeps, 8 MiB: a walk over a log of millions must not fill the memory."""
MAX_INNER_TILES_HELD = 64
"""Tiles of which it keeps the nodes within, too, 16 KiB each: proofs ask for them again and again."""
MAX_SUSPECTS_HELD = 16
"""Signed checkpoints of one log that are kept for each suspicion: it can sign any number of them."""
MAX_MISPLACED_ACTS = 1_000_000
"""Acts of one log that stand elsewhere than their numbers say: whoever looks through it remembers each."""
MAX_PROBLEMS_LISTED = 1_000
"""Files of one log that a check names as wrong; the count is exact."""

MAX_TOKEN_BYTES = 256 * 1024
"""The answer of a time-stamping service, certificates included (a service may send without end)."""

# Elections
MAX_CALENDAR_BYTES = 256 * 1024
MAX_POLLING_DAYS = 1_000
"""Openings of the polls in one calendar."""
AGENT_BUCKETS = 64
"""User agents are counted in so many buckets: an attacker invents a new one for each request."""
MAX_MINUTE_CELLS = 1 << 20
"""Endpoints times minutes of one site's web traffic held before they are judged; beyond it each minute
is kept with fewer endpoints and shorter sketches (`elections.minutes.GRADES`)."""
MAX_SITES = 64
"""Assets of one source whose traffic is followed (an attacker invents host names)."""
MAX_ENDPOINTS = 1_024
"""Endpoints of one site with a baseline; beyond it those with the fewest requests are forgotten."""
MAX_COUNTRY_BYTES = 1024 * MiB
MAX_SURGE_RECORDS = 1_000
"""Record numbers named for one surge; its count of requests is exact."""
MAX_RARE_ENDPOINTS = 64
"""Endpoints first seen in a surge that are kept for it."""
