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
