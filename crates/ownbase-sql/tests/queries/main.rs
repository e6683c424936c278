//! What the build refuses in queries, where it points, and in which words.
#![allow(clippy::unwrap_used, clippy::panic)]

mod parameters;
mod renamed;
mod rows;

use std::fs;
use std::path::Path;

use ownbase_sql::{Error, read_migrations, read_queries};

const SCHEMA: &str = "
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, nick TEXT, kind ANY) STRICT;
CREATE TABLE orders (user INTEGER NOT NULL REFERENCES users (id), cents INTEGER NOT NULL, paid BOOLEAN NOT NULL,
    rate REAL NOT NULL, proof BLOB, day TEXT NOT NULL DEFAULT '2026-01-01');
CREATE TABLE others (other DATE);
CREATE VIEW names AS SELECT name FROM users;
";

/// The faults of a file with these queries, each without the file's name.
fn faults(queries: &str) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let migrations = dir.path().join("migrations");
    fs::create_dir(&migrations).unwrap();
    fs::write(migrations.join("0001_first.sql"), SCHEMA).unwrap();
    let file = dir.path().join("q.sql");
    fs::write(&file, queries).unwrap();
    faults_of(&migrations, &file).iter().map(|fault| fault.replace(&format!("{}:", file.display()), "")).collect()
}

fn faults_of(migrations: &Path, queries: &Path) -> Vec<String> {
    match read_queries(&read_migrations(migrations).unwrap(), queries) {
        Ok(_) => Vec::new(),
        Err(Error::Faults(faults)) => faults.iter().map(ToString::to_string).collect(),
        Err(error) => panic!("{error}"),
    }
}

/// The only fault of a query that is good but for its statement, in the statement's own lines.
#[track_caller]
fn check(kind: &str, sql: &str, expected: &str) {
    check_noted(kind, "", sql, expected);
}

#[track_caller]
fn check_noted(kind: &str, notes: &str, sql: &str, expected: &str) {
    let found = faults(&format!("-- name: it {kind}\n-- Something.\n{notes}\n{sql};\n"));
    let expected: Vec<&str> = if expected.is_empty() { Vec::new() } else { vec![expected] };
    assert_eq!(found, expected, "{sql}");
}

#[test]
fn good_queries_pass() {
    for (kind, sql) in [
        (":many", "SELECT id, orders.* FROM users, orders WHERE users.id = :id AND rate BETWEEN :least AND :most"),
        (":optional", "SELECT name, nick FROM users WHERE id IS :id"),
        (":optional", "INSERT INTO users (name, nick) VALUES (:name, :nick) RETURNING id"),
        (":one", "SELECT count(*) AS \"count!: i64\", max(cents) AS \"most?: i64\" FROM orders WHERE day LIKE :days"),
        (":one", "SELECT EXISTS (SELECT 1 FROM users WHERE name = :name) AS \"taken!: bool\""),
        (":many", "SELECT name, cents AS \"cents?\" FROM users LEFT JOIN orders ON user = id LIMIT :n OFFSET :from"),
        (
            ":many",
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION SELECT i + 1 FROM n LIMIT :n) SELECT i AS \"i!: i64\" FROM n",
        ),
        (":exec", "UPDATE users SET nick = coalesce(:nick, nick) WHERE name IN (:a, :b) AND :id >= id"),
        (":exec", "INSERT INTO orders VALUES (:user, :cents, :paid, :rate, :proof, :day)"),
        (":exec", "DELETE FROM orders WHERE rate IS NOT DISTINCT FROM :rate"),
        (":statement", "DELETE FROM users WHERE id = CAST(:id AS INTEGER) /* ; */ -- ;\n"),
    ] {
        check(kind, sql, "");
    }
}

#[test]
fn sqlite_s_errors_are_told_for_every_query() {
    let queries = "-- name: a :many\n-- A.\nSELECT id,\n  nme FROM users;\n\n-- name: b :exec\n-- B.\nDELETE FROM user;
-- name: c :many\n-- C.\nSELECT id FROM users WHERE;\n-- name: d :many\n-- D.\nSELECT id FROM users;";
    assert_eq!(faults(queries), ["4:3: no such column: nme", "8:13: no such table: user", "11:1: incomplete input"]);
}

#[test]
fn the_form_of_a_file_is_checked() {
    let header = "a header is `-- name: list_notes :many` or :one, :optional, :exec, :statement; the name of a struct \
                  for its rows may follow";
    for (file, expected) in [
        ("DELETE FROM users;", vec!["1:1: has no name: write `-- name: … :many` above it".into()]),
        ("-- name: it\n-- It.\nDELETE FROM users;", vec![format!("1:1: {header}")]),
        ("-- name: It :exec\n-- It.\nDELETE FROM users;", vec![format!("1:1: {header}")]),
        ("-- name: it :exec Row\n-- It.\nDELETE FROM users;", vec![format!("1:1: {header}")]),
        ("-- name: self :exec\n-- It.\nDELETE FROM users;", vec![format!("1:1: {header}")]),
        (
            "-- name: it :exec\nDELETE FROM users;",
            vec!["1:1: say in a comment below the name what the query is for".into()],
        ),
        (
            "-- name: it :exec\n-- It.\nDELETE FROM users",
            vec!["3:1: there is no statement that ends with `;` below this name".into()],
        ),
        ("-- name: it :exec\n-- It.\n", vec!["3:1: there is no statement that ends with `;` below this name".into()]),
        (
            "-- name: it :exec\n-- It.\nDELETE FROM users; DELETE FROM orders;",
            vec!["3:20: a second statement under one name: give it a name of its own".into()],
        ),
        (
            "-- name: it :exec\n-- It.\n-- :a: int a\nDELETE FROM users WHERE id = :a;",
            vec!["3:1: no such type: int; there are i64, f64, String, Vec<u8>, bool, Value".into()],
        ),
        (
            "-- name: it :exec\n-- It.\n-- :A: i64\nDELETE FROM users;",
            vec!["3:1: a parameter is a name in small letters: `-- :id?: String what it is`".into()],
        ),
        (
            "-- name: it :exec\n/* It. */\nDELETE FROM users;",
            vec![
                "2:1: document a query in lines that begin with --".into(),
                "1:1: say in a comment below the name what the query is for".into(),
            ],
        ),
        ("-- Nothing yet.\n", vec![]),
    ] {
        assert_eq!(faults(file), expected, "{file}");
    }
}

#[test]
fn names_are_there_once() {
    let query = |header: &str, sql: &str| format!("-- name: {header}\n-- It.\n{sql};\n");
    let (ids, users) = ("SELECT id FROM users", "SELECT id, name FROM users");
    let said = query("a :many Row", ids) + &query("b :many Row", "SELECT id AS \"id!\" FROM users");
    assert_eq!(faults(&said), Vec::<String>::new());
    let two = |a, b, sql| faults(&(query(a, ids) + &query(b, sql)));
    assert_eq!(two("a :many", "a :many", ids), ["4:1: there is another query a"]);
    assert_eq!(two("a :many Row", "b :many Row", ids), Vec::<String>::new());
    assert_eq!(
        two("a :many Id", "b :many Id", users),
        ["4:1: its rows share a name with those of a, but not their columns"]
    );
    let both = "SELECT id FROM users WHERE id > :a AND id < :b";
    assert_eq!(
        two("a :many", "a_row :many", both),
        ["4:1: the structs of a_row and a have one name: name one otherwise"]
    );
    assert_eq!(two("a :many", "b :many Vec", ids), ["4:1: Vec is a type of Rust's own: choose another name"]);
    assert_eq!(two("a :many", "string :many", both), ["4:1: String is a type of Rust's own: choose another name"]);
}

#[test]
fn what_an_engine_would_refuse_is_refused() {
    let first = "4:1: a query begins with one of: select, with, values, insert, replace, update, delete";
    for sql in ["CREATE TABLE a (b)", "PRAGMA user_version", "BEGIN", "COMMIT", "VACUUM", "ATTACH 'a' AS a", "ANALYZE"]
    {
        check(":exec", sql, first);
    }
    let elsewhere = "is another table where the database is attached (unmodified Spin)";
    check(":many", "SELECT name FROM sqlite_schema", &format!("4:1: sqlite_schema {elsewhere}"));
    check(":many", "SELECT name FROM Pragma_Table_Info('users')", &format!("4:1: pragma_table_info {elsewhere}"));
    check(
        ":many",
        "SELECT a FROM _migrations",
        "4:1: _migrations: names that begin with _ belong to Ownbase and Cloudflare",
    );
    check(
        ":one",
        "SELECT sqlite_version() AS \"v!: String\"",
        "4:8: a Durable Object refuses the function sqlite_version",
    );
    check(
        ":many",
        "SELECT id FROM main.users",
        "4:1: fails where the database is attached as u (unmodified Spin): no such table: main.users",
    );
    let six = ["SELECT id FROM users"; 6].join(" UNION ");
    check(":many", &six, "4:1: too many terms in compound SELECT");
    let many: Vec<String> = (0..101).map(|n| format!(":p{n}")).collect();
    check(
        ":exec",
        &format!("DELETE FROM users WHERE id IN ({})", many.join(", ")),
        "4:1: has 101 parameters; a Durable Object takes 100",
    );
    let long = format!("DELETE FROM users WHERE name = '{}'", "a".repeat(100_000));
    check(":exec", &long, "4:1: is 100033 bytes long; a Durable Object takes 100000");
    check(
        ":many",
        "SELECT id FROM users WHERE name = \"ann\"",
        "4:35: no such column: \"ann\" - should this be a string literal in single-quotes?",
    );
}
