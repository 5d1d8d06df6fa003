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
