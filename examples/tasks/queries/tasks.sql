-- name: add_task :statement
-- A task at the end of a list.
-- :due?: String when it is due, as `2026-12-24`
INSERT INTO tasks (list, title, due) SELECT id, CAST(:title AS TEXT), CAST(:due AS TEXT) FROM lists WHERE name = :list;

-- name: change_task :optional
-- Changes what is given of a task.
-- :done: bool whether it is done
UPDATE tasks SET title = coalesce(:title, title), done = coalesce(:done, done) WHERE id = :id
RETURNING title, done AS "done: bool";

-- name: tasks :many
-- The tasks of a list, open ones first.
SELECT tasks.id, title, due, done AS "done: bool" FROM tasks JOIN lists ON lists.id = list
WHERE lists.name = :list ORDER BY done, due IS NULL, due, tasks.id;

-- name: count :one
-- How many tasks there are.
SELECT count(*) AS "all!: i64" FROM tasks;
