-- The next build's migration: rows that are there get a value for the new column. The index then fails for a user with
-- two equal texts, after the column was added, so that a migration that is not undone as a whole leaves the column behind.
ALTER TABLE notes ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0;
CREATE UNIQUE INDEX notes_text ON notes (text);
