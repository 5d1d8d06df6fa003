-- The sum of the migrations: see migrations/.

-- A cache of what the segment files say about themselves.

CREATE TABLE blocks (
  channel_id TEXT NOT NULL,
  number INTEGER NOT NULL, -- sequence / 128 of each of its segments
  segments BLOB NOT NULL, -- packed and with a checksum: daemon/timeshift/row_block.hpp
  PRIMARY KEY (channel_id, number)
) STRICT;

-- GAP rows that were listed while the worker was down, after the last segment.
CREATE TABLE trailing_gaps (
  channel_id TEXT PRIMARY KEY,
  after_sequence INTEGER NOT NULL,
  gap_rows INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
