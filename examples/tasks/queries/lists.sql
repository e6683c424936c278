-- name: add_list :statement
-- A list, unless there is one of that name.
INSERT INTO lists (name) VALUES (:name) ON CONFLICT DO NOTHING;

-- name: overview :many
-- Every list with the number of its open tasks and the first that is due. A list without tasks has no task's columns,
-- which the schema cannot know: hence `next?`.
SELECT lists.name, tasks.title AS "next?", count(tasks.id) AS "open!: i64", min(tasks.due) AS "due?: String"
FROM lists LEFT JOIN tasks ON tasks.list = lists.id AND NOT tasks.done
GROUP BY lists.id ORDER BY lists.name;
