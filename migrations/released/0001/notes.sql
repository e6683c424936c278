-- Every statement that the service sends. `name` is the Rust function, `:many` and the like say how many rows it has.

-- name: list :many
-- The next notes after a place in the order, oldest first.
-- :after the `seq` of the note before
-- :limit how many at the most
SELECT id, text, created, updated, seq FROM notes WHERE seq > :after ORDER BY seq LIMIT :limit;

-- name: get :optional StoredNote
-- One note.
SELECT id, text, created, updated FROM notes WHERE id = :id;

-- name: create :statement
-- A new note, created and updated at the same time. Fails on an id that is taken.
-- :now milliseconds since the epoch
INSERT INTO notes (id, text, created, updated) VALUES (:id, :text, :now, :now);

-- name: update :optional StoredNote
-- A note's new text, unless it has changed since a time (where one is given). CAST, since one engine binds every number
-- as REAL.
-- :now milliseconds since the epoch
UPDATE notes SET text = :text, updated = max(CAST(:now AS INTEGER), updated + 1)
WHERE id = :id AND (:unchanged_since IS NULL OR updated = :unchanged_since)
RETURNING id, text, created, updated;

-- name: delete :optional StoredNote
-- A note's end, unless it has changed since a time (where one is given).
DELETE FROM notes WHERE id = :id AND (:unchanged_since IS NULL OR updated = :unchanged_since)
RETURNING id, text, created, updated;
