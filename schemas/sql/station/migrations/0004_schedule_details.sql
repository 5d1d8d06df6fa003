-- What schedules that people or XMLTV files write say beyond a title. Entries may trade their starts within one change,
-- so the index on them is no longer unique: the guide itself refuses overlaps.

ALTER TABLE schedule_entries ADD COLUMN sub_title TEXT NOT NULL DEFAULT '';
ALTER TABLE schedule_entries ADD COLUMN categories TEXT NOT NULL DEFAULT '[]'; -- a JSON array of strings
ALTER TABLE schedule_entries ADD COLUMN episode_num TEXT NOT NULL DEFAULT '';
ALTER TABLE schedule_entries ADD COLUMN icon_url TEXT NOT NULL DEFAULT '';
ALTER TABLE schedule_entries ADD COLUMN version INTEGER NOT NULL DEFAULT 1; -- its ETag; counts changes

DROP INDEX schedule_entries_start;
CREATE INDEX schedule_entries_start ON schedule_entries (channel_id, start_time);
