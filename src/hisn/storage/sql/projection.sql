-- What this node has folded out of a log, its own or the copy of another's.  It may be deleted at any time: it is made again.
CREATE TABLE IF NOT EXISTS folded (
  only INTEGER PRIMARY KEY CHECK (only = 0),
  size INTEGER NOT NULL,
  last_leaf BLOB NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS acts (
  position INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  leaf_hash BLOB NOT NULL,
  body BLOB,
  reply_origin TEXT,
  reply_position INTEGER
) STRICT;

CREATE INDEX IF NOT EXISTS acts_by_kind ON acts (kind, position);

CREATE INDEX IF NOT EXISTS acts_by_body ON acts (body) WHERE body IS NOT NULL;

CREATE TABLE IF NOT EXISTS batches (
  position INTEGER PRIMARY KEY,
  source BLOB NOT NULL,
  part INTEGER NOT NULL,
  ordinal INTEGER NOT NULL,
  intake BLOB NOT NULL
) STRICT;

CREATE INDEX IF NOT EXISTS batches_by_intake ON batches (intake, position);

CREATE TABLE IF NOT EXISTS findings (
  finding TEXT NOT NULL,
  position INTEGER NOT NULL,
  PRIMARY KEY (finding, position)
) STRICT, WITHOUT ROWID;

-- Of each log the newest state that an act cites: no later act may cite an older one.
CREATE TABLE IF NOT EXISTS cited (
  origin TEXT PRIMARY KEY,
  size INTEGER NOT NULL,
  root BLOB NOT NULL,
  checksum BLOB NOT NULL
) STRICT;

-- How many acts of each kind were folded, and the sum of their positions: one that damage hides is missed.
CREATE TABLE IF NOT EXISTS tally (
  kind TEXT PRIMARY KEY,
  acts INTEGER NOT NULL,
  places INTEGER NOT NULL
) STRICT;

-- Bodies of another member's acts that are meant for this node and not here yet.
CREATE TABLE IF NOT EXISTS wanted (
  position INTEGER PRIMARY KEY,
  sort TEXT NOT NULL,
  body BLOB NOT NULL,
  asked INTEGER NOT NULL
) STRICT;

CREATE INDEX IF NOT EXISTS wanted_by_time ON wanted (asked, position);

CREATE INDEX IF NOT EXISTS wanted_by_body ON wanted (body);
