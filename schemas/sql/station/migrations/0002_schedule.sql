-- The guide. Instants are UTC nanoseconds since 1970; entries of a channel do not overlap.

CREATE TABLE schedule_entries (
  id TEXT PRIMARY KEY,
  channel_id TEXT NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
  title TEXT NOT NULL CHECK (title <> ''),
  description TEXT NOT NULL DEFAULT '',
  start_time INTEGER NOT NULL,
  end_time INTEGER NOT NULL CHECK (end_time > start_time),
  catchup_eligible INTEGER NOT NULL DEFAULT 1 CHECK (catchup_eligible IN (0, 1)),
  source TEXT NOT NULL CHECK (source IN ('generated', 'manual', 'xmltv', 'playout')),
  created_at INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX schedule_entries_start ON schedule_entries (channel_id, start_time);
