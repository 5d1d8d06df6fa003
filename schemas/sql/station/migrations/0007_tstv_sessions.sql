-- Viewing sessions of start-over and catch-up. Instants are UTC nanoseconds since 1970.

-- No foreign keys: a session outlives its channel, programmes leave the guide, and accounts of other services have no
-- row here.
CREATE TABLE tstv_sessions (
  id TEXT PRIMARY KEY,
  user_id TEXT NOT NULL CHECK (user_id <> ''),
  channel_id TEXT NOT NULL,
  schedule_entry_id TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('startover', 'catchup')),
  started_at INTEGER NOT NULL,
  last_heartbeat_at INTEGER NOT NULL CHECK (last_heartbeat_at >= started_at),
  ended_at INTEGER CHECK (ended_at >= started_at),
  end_reason TEXT NOT NULL DEFAULT '' CHECK (end_reason IN ('', 'stopped', 'timeout', 'replaced', 'signed_out')),
  position_seconds REAL NOT NULL DEFAULT 0 CHECK (position_seconds >= 0), -- from the programme's start
  stalls INTEGER NOT NULL DEFAULT 0 CHECK (stalls >= 0),
  bitrate INTEGER NOT NULL DEFAULT 0 CHECK (bitrate >= 0), -- bits per second, 0: never told
  dropped_frames INTEGER NOT NULL DEFAULT 0 CHECK (dropped_frames >= 0),
  errors INTEGER NOT NULL DEFAULT 0 CHECK (errors >= 0),
  error TEXT NOT NULL DEFAULT '', -- the last one
  user_agent TEXT NOT NULL DEFAULT '',
  ip_address TEXT NOT NULL DEFAULT '',
  sign_in_id TEXT NOT NULL DEFAULT '', -- sessions.id, empty with a token of another service
  CHECK ((ended_at IS NULL) = (end_reason = ''))
) STRICT;

CREATE INDEX tstv_sessions_kind ON tstv_sessions (kind, started_at, id);
CREATE INDEX tstv_sessions_user ON tstv_sessions (user_id, kind, started_at, id);
CREATE INDEX tstv_sessions_channel ON tstv_sessions (channel_id, kind, started_at, id);
CREATE INDEX tstv_sessions_ended ON tstv_sessions (ended_at);
