-- Channels and the content keys of their crypto periods. Instants are UTC nanoseconds since 1970.

CREATE TABLE channels (
  id TEXT PRIMARY KEY,
  cdn_channel_key TEXT NOT NULL UNIQUE CHECK (cdn_channel_key GLOB '[a-z0-9]*' AND length(cdn_channel_key) <= 32),
  number INTEGER NOT NULL UNIQUE CHECK (number BETWEEN 1 AND 9999),
  name TEXT NOT NULL CHECK (name <> ''),
  logo_url TEXT NOT NULL DEFAULT '',
  zone TEXT NOT NULL DEFAULT 'UTC',
  tstv_enabled INTEGER NOT NULL DEFAULT 1 CHECK (tstv_enabled IN (0, 1)),
  startover_enabled INTEGER NOT NULL DEFAULT 1 CHECK (startover_enabled IN (0, 1)),
  catchup_enabled INTEGER NOT NULL DEFAULT 1 CHECK (catchup_enabled IN (0, 1)),
  cutv_window_hours INTEGER NOT NULL DEFAULT 168 CHECK (cutv_window_hours BETWEEN 1 AND 720),
  pipeline TEXT NOT NULL,
  variables TEXT NOT NULL DEFAULT '{}', -- a JSON object
  target_duration INTEGER NOT NULL CHECK (target_duration BETWEEN 1 AND 60), -- seconds
  max_duration INTEGER NOT NULL CHECK (max_duration >= target_duration), -- seconds; EXT-X-TARGETDURATION, never changed
  encrypted INTEGER NOT NULL DEFAULT 1 CHECK (encrypted IN (0, 1)),
  allow_aes128 INTEGER NOT NULL DEFAULT 1 CHECK (allow_aes128 IN (0, 1)),
  allow_clear INTEGER NOT NULL DEFAULT 0 CHECK (allow_clear IN (0, 1)),
  schedule_source TEXT NOT NULL DEFAULT 'generated'
    CHECK (schedule_source IN ('generated', 'manual', 'xmltv', 'playout')),
  on_air_wanted INTEGER NOT NULL DEFAULT 0 CHECK (on_air_wanted IN (0, 1)),
  version INTEGER NOT NULL DEFAULT 1, -- its ETag; counts changes
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;

-- A KID stays for as long as a segment or a recording may name it. No foreign key: a key outlives its channel.
CREATE TABLE drm_keys (
  key_id TEXT PRIMARY KEY CHECK (length(key_id) = 32), -- lower-case hex
  channel_id TEXT NOT NULL,
  period_start INTEGER NOT NULL,
  period_end INTEGER NOT NULL CHECK (period_end > period_start),
  sealed_key BLOB NOT NULL, -- nonce, then XChaCha20-Poly1305 under secrets/master.key
  active INTEGER NOT NULL DEFAULT 1 CHECK (active IN (0, 1)), -- 0: replaced within its period
  created_at INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX drm_keys_active ON drm_keys (channel_id, period_start) WHERE active = 1;

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
  created_at INTEGER NOT NULL,
  sub_title TEXT NOT NULL DEFAULT '',
  categories TEXT NOT NULL DEFAULT '[]', -- a JSON array of strings
  episode_num TEXT NOT NULL DEFAULT '',
  icon_url TEXT NOT NULL DEFAULT '',
  version INTEGER NOT NULL DEFAULT 1 -- its ETag; counts changes
) STRICT;

CREATE INDEX schedule_entries_start ON schedule_entries (channel_id, start_time);

-- Accounts and their sessions. Instants are UTC nanoseconds since 1970.

CREATE TABLE users (
  id TEXT PRIMARY KEY,
  email TEXT NOT NULL UNIQUE COLLATE NOCASE CHECK (email <> ''),
  role TEXT NOT NULL CHECK (role IN ('viewer', 'operator', 'admin', 'alert')),
  enabled INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),
  password_hash TEXT NOT NULL, -- Argon2id, as crypto_pwhash_str writes it
  all_channels INTEGER NOT NULL DEFAULT 1 CHECK (all_channels IN (0, 1)), -- 0: those of user_channels only
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE user_channels (
  user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  channel_id TEXT NOT NULL,
  PRIMARY KEY (user_id, channel_id)
) STRICT, WITHOUT ROWID;

-- One sign-in and all refresh tokens that came from it: the family that falls together.
CREATE TABLE sessions (
  id TEXT PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  created_at INTEGER NOT NULL,
  revoked_at INTEGER
) STRICT;

CREATE INDEX sessions_user ON sessions (user_id);

CREATE TABLE refresh_tokens (
  token_hash BLOB PRIMARY KEY CHECK (length(token_hash) = 32), -- SHA-256; the token itself is nowhere
  session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
  expires_at INTEGER NOT NULL,
  rotated_at INTEGER -- when it was exchanged for its successor
) STRICT;

CREATE INDEX refresh_tokens_session ON refresh_tokens (session_id);
CREATE INDEX refresh_tokens_expiry ON refresh_tokens (expires_at);

-- XMLTV files that fill the guides of channels whose schedule_source is xmltv.

CREATE TABLE schedule_sources (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL CHECK (name <> ''),
  url TEXT NOT NULL DEFAULT '', -- http or https; may carry a password
  file TEXT NOT NULL DEFAULT '', -- below the directory of listings
  zone TEXT NOT NULL DEFAULT 'UTC', -- of times that say none
  channels TEXT NOT NULL DEFAULT '{}', -- a JSON object: the file's channel id -> channel id
  interval_minutes INTEGER NOT NULL CHECK (interval_minutes BETWEEN 0 AND 10080), -- 0: only when asked
  version INTEGER NOT NULL DEFAULT 1, -- its ETag; counts changes
  etag TEXT NOT NULL DEFAULT '', -- of the document that was taken last
  last_modified TEXT NOT NULL DEFAULT '',
  last_import INTEGER, -- when the last one ended
  report TEXT NOT NULL DEFAULT '', -- of it, a JSON object
  created_at INTEGER NOT NULL,
  CHECK ((url = '') <> (file = ''))
) STRICT;

-- Devices that sign in with a token of their own: set-top boxes and players that only know an address.

CREATE TABLE devices (
  id TEXT PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  name TEXT NOT NULL CHECK (name <> ''),
  token_hash BLOB NOT NULL UNIQUE CHECK (length(token_hash) = 32), -- SHA-256; the token itself is nowhere
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  last_used_at INTEGER -- when it fetched its playlist or guide
) STRICT;

CREATE INDEX devices_user ON devices (user_id);

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
