//! A generated migration that fails in its middle leaves a user's file at the version before, on both ways to it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod project;

use ownbase_sql::{Migration, read_migrations};
use project::TestProject;
use rusqlite::Connection;

const BEFORE: &str = "CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT);
CREATE TABLE notes (id INTEGER PRIMARY KEY, owner INTEGER REFERENCES users (id) ON DELETE CASCADE, text TEXT);
CREATE VIEW names AS SELECT name FROM users;\n";

/// Both migrations: the second makes both tables anew.
fn migrations() -> Vec<Migration> {
    let project = TestProject::new(BEFORE);
    project.want(&BEFORE.replace("name TEXT", "name TEXT UNIQUE")).generate("unique_names").unwrap();
    read_migrations(&project.project.migrations()).unwrap()
}

fn apply(connection: &Connection, migration: &Migration, attached: bool) -> rusqlite::Result<()> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let mut statements = migration.statements.iter();
    let applied = statements.try_for_each(|statement| {
        let attached = statement.attached.as_ref().filter(|_| attached);
        connection.execute_batch(attached.unwrap_or(&statement.plain))
    });
    connection.execute_batch(if applied.is_ok() { "COMMIT" } else { "ROLLBACK" }).and(applied)
}

fn dump(file: &Connection) -> Vec<String> {
    let sql = "SELECT concat_ws('|', type, name, sql) FROM sqlite_schema \
               UNION ALL SELECT concat_ws('|', id, name) FROM users \
               UNION ALL SELECT concat_ws('|', id, owner, text) FROM notes \
               UNION ALL SELECT concat_ws('|', name, seq) FROM sqlite_sequence";
    file.prepare(sql).unwrap().query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

fn check(attached: bool) {
    let [first, second] = migrations().try_into().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("user.db");
    let connection = if attached { Connection::open_in_memory().unwrap() } else { Connection::open(&path).unwrap() };
    if attached {
        connection.execute("ATTACH ?1 AS u", [path.to_str()]).unwrap();
    }
    apply(&connection, &first, attached).unwrap();
    connection.execute_batch("INSERT INTO users (name) VALUES ('ann'), ('bob'), ('ann')").unwrap();
    connection.execute_batch("INSERT INTO notes (owner, text) VALUES (1, 'a'), (2, 'b'), (3, 'c')").unwrap();
    let file = Connection::open(&path).unwrap();
    let before = dump(&file);

    let error = apply(&connection, &second, attached).unwrap_err().to_string();
    assert_eq!(error, "UNIQUE constraint failed: users.name");
    assert_eq!(dump(&file), before);

    connection.execute("DELETE FROM users WHERE id = 3", []).unwrap();
    apply(&connection, &second, attached).unwrap();
    let rows: Vec<String> = dump(&file).into_iter().filter(|row| !row.contains("CREATE")).collect();
    // The note went with its owner, by hand; the number 3 is not given out again.
    assert_eq!(rows.iter().filter(|row| row.ends_with("|a") || row.ends_with("|b")).count(), 2);
    assert!(
        rows.contains(&"1|ann".into()) && rows.contains(&"2|bob".into()) && rows.contains(&"users|3".into()),
        "{rows:?}"
    );
    assert!(!rows.iter().any(|row| row.contains("old_")), "{rows:?}");
}

#[test]
fn in_a_file_of_its_own() {
    check(false);
}

#[test]
fn in_an_attached_file() {
    check(true);
}
