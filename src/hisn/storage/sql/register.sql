-- The register: one small value per name, changed by compare-and-swap only.
CREATE TABLE IF NOT EXISTS register (
  name TEXT PRIMARY KEY,
  value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
