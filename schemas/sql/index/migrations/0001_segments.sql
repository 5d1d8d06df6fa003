-- A cache of what the segment files say about themselves. Instants are UTC nanoseconds since 1970.

CREATE TABLE segments (
  channel_id TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  discontinuity_sequence INTEGER NOT NULL,
  start INTEGER NOT NULL,
  duration INTEGER NOT NULL, -- ns
  size INTEGER NOT NULL, -- bytes
  epoch INTEGER NOT NULL,
  discontinuity INTEGER NOT NULL,
  key_id BLOB, -- 16 bytes; NULL: not encrypted
  location TEXT NOT NULL, -- below the channel's folder
  init_location TEXT NOT NULL,
  PRIMARY KEY (channel_id, sequence)
) STRICT, WITHOUT ROWID;

-- GAP rows that were listed while the worker was down, after the last segment.
CREATE TABLE trailing_gaps (
  channel_id TEXT PRIMARY KEY,
  after_sequence INTEGER NOT NULL,
  gap_rows INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
