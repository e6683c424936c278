//! Releases, older builds, and the checks before a change is merged.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod project;

use std::fs;

use ownbase_sql::{Request, check, check_compatible_with, new_migration, release};
use project::TestProject;

const NOTES: &str = "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL, at INTEGER);\n";
const QUERIES: &str = "\
-- name: create :exec
INSERT INTO notes (text, at) VALUES (?1, ?2);

-- name: list :many
SELECT id, text, at FROM notes WHERE id > ?1 ORDER BY id LIMIT 10;

-- name: update :optional
UPDATE notes SET text = :text WHERE id = :id RETURNING id, text;
";

/// A project whose first migration is released with its queries.
fn released() -> TestProject {
    let project = TestProject::new(NOTES);
    project.write("queries/notes.sql", QUERIES);
    release(&project.project).unwrap();
    project
}

/// What `check` says when the second migration is `sql`, which leads to `schema`.
#[track_caller]
fn fault(project: &TestProject, sql: &str, schema: &str) -> String {
    project.write("migrations/0002_second.sql", sql).want(schema);
    check(&project.project).unwrap_err().to_string()
}

#[test]
fn what_fits_passes() {
    let project = released();
    let checked = check(&project.project).unwrap();
    assert_eq!((checked.newest, checked.proof.rows), (1, 0));
    assert!(checked.proof.databases >= 2 && checked.proof.cautions.is_empty());
}

#[test]
fn schema_and_migrations_must_be_one() {
    for (schema, line) in [
        ("CREATE TABLE a (b);", "table a is in schema.sql only"),
        ("CREATE TABLE a (b);", "table notes is made by the migrations only"),
        (&NOTES.replace("NOT NULL", ""), "table notes is another in schema.sql than the migrations make"),
        (&format!("{NOTES}CREATE INDEX i ON notes (at);"), "index i is in schema.sql only"),
    ] {
        let error = check(&released().want(schema).project).unwrap_err().to_string();
        assert!(error.contains(line) && error.contains("migration generate"), "{error}");
    }
}

#[test]
fn a_released_migration_may_not_change() {
    let project = released();
    project.write("migrations/0001_first.sql", &format!("{NOTES}-- changed"));
    let error = check(&project.project).unwrap_err().to_string();
    assert!(error.contains("0001_first.sql: is released (listed in checksums) and was changed"), "{error}");
}

#[test]
fn what_fails_only_with_rows_is_found() {
    for (column, message) in [
        ("made TEXT DEFAULT CURRENT_TIMESTAMP", "Cannot add a column with non-constant default"),
        ("made TEXT NOT NULL", "Cannot add a NOT NULL column with default value NULL"),
    ] {
        let sql = format!("ALTER TABLE notes ADD COLUMN {column};");
        let error = fault(&released(), &sql, &NOTES.replace("INTEGER);", &format!("INTEGER, {column});")));
        let expected = format!("migration 0002 fails on a database of version 0001: {message}");
        assert!(error.contains(&expected), "{error}");
    }
}

#[test]
fn a_data_migration_may_do_as_it_likes() {
    let project = released();
    new_migration(&project.project, "tidy_up").unwrap();
    let sql = "UPDATE notes SET at = coalesce(at, 0);\nDELETE FROM notes WHERE text = '';\n";
    project.write("migrations/0002_tidy_up.sql", sql);
    let checked = check(&project.project).unwrap();
    // It claims nothing, and could.
    assert_eq!((checked.newest, checked.may_claim), (2, Some(1)));
    project.write("migrations/0002_tidy_up.sql", &format!("-- compatible-with: 1\n{sql}"));
    assert_eq!(check(&project.project).unwrap().may_claim, None);
    project.write("migrations/0002_tidy_up.sql", sql);
    release(&project.project).unwrap();
    assert_eq!(check(&project.project).unwrap().may_claim, None);
}

#[test]
fn a_claim_must_hold() {
    let rebuilt = |columns: &str| {
        let table = format!("CREATE TABLE notes ({columns})");
        let copy = if columns.contains("kind") { "SELECT *, 'k' FROM old" } else { "SELECT * FROM old" };
        let sql = format!(
            "-- compatible-with: 1\nALTER TABLE notes RENAME TO old; {table}; INSERT INTO notes {copy}; DROP TABLE old;"
        );
        (sql, format!("{table};"))
    };
    for (columns, query, why) in [
        // It prepares, and fails when it runs.
        (
            "id INTEGER PRIMARY KEY, text TEXT NOT NULL, at INTEGER, kind TEXT NOT NULL",
            "notes.sql:2: query create",
            "NOT NULL constraint failed: notes.kind",
        ),
        (
            "id INTEGER PRIMARY KEY, text TEXT NOT NULL, at INTEGER CHECK (at IS NULL)",
            "notes.sql:2: query create",
            "CHECK constraint failed",
        ),
        ("id INTEGER PRIMARY KEY, text TEXT, at INTEGER", "notes.sql:5: query list", "text may be NULL now"),
        (
            "id INTEGER PRIMARY KEY, text TEXT NOT NULL, at TEXT",
            "notes.sql:5: query list",
            "at was Integer and is Text",
        ),
    ] {
        let (sql, schema) = rebuilt(columns);
        let error = fault(&released(), &sql, &schema);
        assert!(error.contains("0002_second.sql: says compatible-with: 1, which does not hold"), "{error}");
        assert!(error.contains(query) && error.contains(why), "{error}");
    }
    let sql = "-- compatible-with: 1\nALTER TABLE notes DROP COLUMN at;";
    let error = fault(&released(), sql, &NOTES.replace(", at INTEGER", ""));
    assert!(error.contains("notes.sql:5: query list: no such column: at"), "{error}");
    let (sql, schema) = rebuilt("id INTEGER PRIMARY KEY, text TEXT NOT NULL, at INTEGER, more TEXT");
    let (sql, schema) = (sql.replace("SELECT *", "SELECT *, NULL"), schema);
    let project = released();
    assert!(project.write("migrations/0002_second.sql", &sql).want(&schema).root().exists());
    check(&project.project).unwrap();
}

#[test]
fn a_star_sees_more_than_it_was_built_for() {
    let project = TestProject::new(NOTES);
    project.write("queries/notes.sql", "-- name: all\nSELECT * FROM notes;");
    release(&project.project).unwrap();
    let sql = "-- compatible-with: 1\nALTER TABLE notes ADD COLUMN more;";
    let error = fault(&project, sql, &NOTES.replace("INTEGER)", "INTEGER, more)"));
    assert!(error.contains("query all: answers with id, text, at, more instead of id, text, at"), "{error}");
}

#[test]
fn a_claim_needs_something_to_hold_it() {
    let project = TestProject::new(NOTES);
    let error = fault(&project, "-- compatible-with: 1\nCREATE TABLE a (b);", &format!("{NOTES}CREATE TABLE a (b);"));
    assert!(error.contains("keeps no queries of builds from 0001 to 0001"), "{error}");
}

#[test]
fn what_is_generated_claims_what_holds() {
    let project = released();
    project.want(&NOTES.replace("INTEGER)", "INTEGER, pinned INTEGER NOT NULL DEFAULT 0)"));
    let generated = project.generate("pin").unwrap();
    assert_eq!((generated.compatible_with, generated.incompatible), (1, None));
    assert!(generated.text.starts_with("-- compatible-with: 1\n\nALTER TABLE"), "{}", generated.text);
    project.write("queries/notes.sql", "-- name: pin\nUPDATE notes SET pinned = 1 WHERE id = ?1;");
    release(&project.project).unwrap();

    // Builds of 2 do not read `at` any more; builds of 1 do.
    project.want("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL, pinned INTEGER NOT NULL DEFAULT 0);");
    let request = Request { name: "no_time".into(), allow_data_loss: true, ..Request::default() };
    let generated = project.generate_with(&request).unwrap();
    assert_eq!(generated.compatible_with, 2);
    let why = generated.incompatible.unwrap();
    assert!(
        why.contains("builds of 0001 fail") && why.contains("query create: table notes has no column named at"),
        "{why}"
    );
    check(&project.project).unwrap();

    check_compatible_with(&project.project, 2).unwrap();
    let error = check_compatible_with(&project.project, 1).unwrap_err().to_string();
    assert!(error.contains("released/0001/notes.sql:2: query create: table notes has no column named at"), "{error}");
    assert!(error.contains("query list") && !error.contains("query update"), "{error}");
    let error = check_compatible_with(&project.project, 3).unwrap_err().to_string();
    assert!(error.contains("keeps no queries of builds of 0003"), "{error}");
}

#[test]
fn versions_that_were_never_released_have_no_builds() {
    let project = released();
    project.want(&NOTES.replace("INTEGER)", "INTEGER, a)")).generate("second").unwrap();
    project.want(&NOTES.replace("INTEGER)", "INTEGER, a, b)"));
    assert_eq!(project.generate("third").unwrap().compatible_with, 1);
    check(&project.project).unwrap();
}

#[test]
fn a_release_lists_what_is_new_and_keeps_the_queries() {
    let project = TestProject::new(NOTES);
    project.write("queries/notes.sql", QUERIES);
    let kept = project.project.released().join("0001/notes.sql");
    let first = release(&project.project).unwrap();
    assert_eq!((first.migrations, first.queries), (vec!["0001_first.sql".to_owned()], vec![kept.clone()]));
    assert_eq!(fs::read_to_string(&kept).unwrap(), QUERIES);
    let list = fs::read_to_string(project.project.checksums()).unwrap();
    assert!(list.starts_with("# Released") && list.ends_with("  0001_first.sql\n"), "{list}");

    let again = release(&project.project).unwrap();
    assert!(again.migrations.is_empty() && again.queries.is_empty());

    // A build of the same schema with other queries: both may be out there.
    project.write("queries/notes.sql", "SELECT 1;");
    let other = release(&project.project).unwrap();
    assert_eq!((other.migrations.len(), other.queries), (0, vec![project.project.released().join("0001/notes.2.sql")]));
    assert_eq!(release(&project.project).unwrap().queries.len(), 0);
    assert_eq!(fs::read_to_string(&kept).unwrap(), QUERIES);

    project.want(&format!("{NOTES}CREATE TABLE a (b);")).generate("second").unwrap();
    let second = release(&project.project).unwrap();
    assert_eq!(second.migrations, ["0002_second.sql"]);
    assert_eq!(fs::read_to_string(project.project.checksums()).unwrap(), format!("{list}{}", list_line(&project)));
}

fn list_line(project: &TestProject) -> String {
    let migration = &ownbase_sql::read_migrations(&project.project.migrations()).unwrap()[1];
    format!("{}  0002_second.sql\n", migration.checksum)
}

#[test]
fn no_file_is_written_over() {
    let project = released();
    let request = Request { name: "second".into(), ..Request::default() };
    project.want(&format!("{NOTES}CREATE TABLE a (b);"));
    let generated = ownbase_sql::generate(&project.project, &request).unwrap().unwrap();
    project.write("migrations/0002_second.sql", "-- mine");
    let error = generated.write(&project.project).unwrap_err().to_string();
    assert!(error.starts_with("cannot write") && error.contains("exists"), "{error}");
    assert_eq!(fs::read_to_string(project.root().join("migrations/0002_second.sql")).unwrap(), "-- mine");
    for name in ["", "Second", "a-b", "../a", "é", &"a".repeat(101)] {
        let error = new_migration(&project.project, name).unwrap_err().to_string();
        assert!(error.contains("a migration's name is 1 to 100 of a-z, 0-9 and _"), "{error}");
    }
}
