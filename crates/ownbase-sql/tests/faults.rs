//! What the build refuses, and in which words.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;

use ownbase_sql::{Error, read_migrations};

const FIRST: (&str, &str) = ("0001_first.sql", "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT);\n");
/// `sha256sum` of [`FIRST`].
const FIRST_CHECKSUM: &str = "756ba34ea3598f70cfe0daddcce32759d6f55903baf0f124108051b63472266b";

/// The faults of a folder with these files, each without the folder's path.
fn faults(files: &[(&str, &str)]) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    for (name, content) in files {
        fs::write(dir.path().join(name), content).unwrap();
    }
    match read_migrations(dir.path()) {
        Ok(_) => Vec::new(),
        Err(Error::Faults(faults)) => {
            let prefix = format!("{}/", dir.path().display());
            faults.iter().map(|fault| fault.to_string().replace(&prefix, "")).collect()
        }
        Err(error) => panic!("{error}"),
    }
}

/// The only fault of a second migration, without its file's name.
#[track_caller]
fn fault(sql: &str) -> String {
    let [fault] = faults(&[FIRST, ("0002_second.sql", sql)]).try_into().unwrap();
    fault.strip_prefix("0002_second.sql").unwrap().trim_start_matches(": ").into()
}

#[track_caller]
fn check_fault(sql: &str, expected: &str) {
    assert_eq!(fault(sql), expected, "{sql:.100}");
}

#[test]
fn sqlite_s_errors_come_with_their_line() {
    check_fault("\n-- ;\n\nDROP TABLE nowhere;", ":4: no such table: nowhere");
    check_fault("DROP TABLE notes;\n/*\n*/ INSERT INTO notes\nVALUES (1);", ":3: no such table: notes");
    check_fault("ALTER TABLE notes\nADD COLUMN a, b;", ":2: near \",\": syntax error");
    check_fault("DELETE FROM notes\nWHERE\ntitle = 'a'", ":3: no such column: title");
    check_fault("CREATE TABLE a (b", ":1: incomplete input");
    check_fault("INSERT INTO notes VALUES (1, 'a'), (1, 'b');", ":1: UNIQUE constraint failed: notes.id");
    check_fault(
        "CREATE TABLE a (b REFERENCES notes DEFERRABLE INITIALLY DEFERRED);\nINSERT INTO a VALUES (9);",
        "FOREIGN KEY constraint failed",
    );
}

#[test]
fn what_follows_a_fault_is_not_tried() {
    let files = [FIRST, ("0002_second.sql", "CREATE TABLE a (b"), ("0003_third.sql", "DROP TABLE a")];
    assert_eq!(faults(&files), ["0002_second.sql:1: incomplete input"]);
}

#[test]
fn what_is_no_migration_s_business_is_refused() {
    for sql in [
        "BEGIN",
        "COMMIT",
        "ROLLBACK",
        "SAVEPOINT a",
        "RELEASE a",
        "END",
        "VACUUM",
        "ATTACH 'a' AS b",
        "DETACH b",
        "PRAGMA user_version = 2",
        "PRAGMA foreign_keys = OFF",
        "EXPLAIN CREATE TABLE a (b)",
        "SELECT 1",
        "ANALYZE",
    ] {
        let expected = ":2: a migration's statements begin with one of: create, alter, drop, insert, replace, update, delete, with";
        check_fault(&format!("DROP TABLE notes;\n{sql};"), expected);
    }
    check_fault("INSERT INTO notes VALUES (?1, ':a');", ":1: has a parameter, for which a migration has no value");
}

#[test]
fn what_a_durable_object_refuses_is_refused() {
    let columns = |count: usize| (0..count).map(|column| format!("c{column}")).collect::<Vec<_>>().join(", ");
    assert!(faults(&[FIRST, ("0002_second.sql", &format!("CREATE TABLE wide ({})", columns(100)))]).is_empty());
    check_fault(&format!("CREATE TABLE wide ({})", columns(101)), ":1: too many columns on wide");
    check_fault(
        &format!("INSERT INTO notes (id) {};", ["SELECT 1"; 6].join(" UNION ALL ")),
        ":1: too many terms in compound SELECT",
    );
    check_fault(
        &format!("DELETE FROM notes;\nDELETE FROM notes WHERE text = '{}';", "a".repeat(99_970)),
        ":2: is 100003 bytes long; a Durable Object takes 100000",
    );
    check_fault("INSERT INTO notes (text) VALUES (zeroblob(2000001));", ":1: string or blob too big");
    let like = |length: usize| format!("DELETE FROM notes WHERE text LIKE '{}';", "a".repeat(length));
    let row = "INSERT INTO notes (text) VALUES ('a');\n";
    assert!(faults(&[FIRST, ("0002_second.sql", &format!("{row}{}", like(50)))]).is_empty());
    check_fault(&format!("{row}{}", like(51)), ":2: LIKE or GLOB pattern too complex");
    let triggers = |levels: usize| {
        let tables: String = (0..=levels).map(|level| format!("CREATE TABLE t{level} (a); ")).collect();
        let trigger = |level| {
            let next = level + 1;
            format!("CREATE TRIGGER tr{level} AFTER INSERT ON t{level} BEGIN INSERT INTO t{next} VALUES (1); END; ")
        };
        format!("{tables}{}\nINSERT INTO t0 VALUES (1);", (0..levels).map(trigger).collect::<String>())
    };
    assert!(faults(&[FIRST, ("0002_second.sql", &triggers(10))]).is_empty());
    check_fault(&triggers(11), ":2: triggers nested too deep");
    check_fault("CREATE VIRTUAL TABLE f USING fts5 (a);\nDELETE FROM f_data;", ":2: table f_data may not be modified");
    check_fault(
        "CREATE TABLE v AS SELECT SQLite_version();",
        ":1: a Durable Object refuses the function sqlite_version",
    );
    check_fault("CREATE VIRTUAL TABLE f USING fts4 (a);", ":1: a Durable Object has no virtual tables of kind fts4");
    check_fault("CREATE TABLE _cf_a (b);", ":1: _cf_a: names that begin with _ belong to Ownbase and Cloudflare");
    check_fault("DELETE FROM sqlite_schema;", ":1: table sqlite_master may not be modified");
}

#[test]
fn what_is_ownbase_s_is_left_alone() {
    for (table, sql) in [
        ("_migrations", "DROP TABLE IF EXISTS _migrations"),
        ("_migrations", "ALTER TABLE \"_migrations\" RENAME TO m"),
        ("_migrations", "CREATE TABLE m AS SELECT * FROM _migrations"),
        ("_migrations", "CREATE TRIGGER t AFTER INSERT ON _migrations BEGIN DELETE FROM notes; END"),
        ("_ownbase_label", "UPDATE _ownbase_label SET a = 1"),
    ] {
        check_fault(sql, &format!(":1: {table}: names that begin with _ belong to Ownbase and Cloudflare"));
    }
    // Columns are free, and so is what a text says.
    let free = "ALTER TABLE notes ADD COLUMN _a; UPDATE notes SET _a = 'sqlite_schema', text = '_migrations'";
    assert!(faults(&[FIRST, ("0002_second.sql", free)]).is_empty());
}

#[test]
fn a_whole_file_may_be_longer_than_a_statement() {
    let statement = format!("INSERT INTO notes (text) VALUES ('{}');\n", "a".repeat(60_000));
    assert!(faults(&[FIRST, ("0002_second.sql", &statement.repeat(4))]).is_empty());
}

#[test]
fn what_would_not_work_attached_is_refused() {
    let temporary = ":1: temporary objects are gone with the connection";
    check_fault("CREATE TEMP TABLE a (b);", temporary);
    check_fault("CREATE TEMPORARY VIEW a AS SELECT 1;", temporary);
    check_fault(
        "CREATE TABLE main.a (b);",
        ":1: leave out the schema main: engines keep a user's tables in different ones",
    );
    check_fault(
        "DELETE FROM main.notes;",
        ":1: fails where the database is attached as u (unmodified Spin): no such table: main.notes",
    );
    check_fault(
        "DROP TABLE IF EXISTS main.notes;",
        "makes another schema where the database is attached as u (unmodified Spin)",
    );
    check_fault(
        "CREATE TABLE a AS SELECT count(*) FROM \"sqlite_schema\";",
        ":1: sqlite_schema is another table where the database is attached (unmodified Spin)",
    );
}

#[test]
fn text_in_double_quotes_is_no_string() {
    let expected = ":1: no such column: \"a\" - should this be a string literal in single-quotes?";
    check_fault("INSERT INTO notes (text) VALUES (\"a\");", expected);
    check_fault("CREATE INDEX i ON notes (text) WHERE text <> \"a\";", expected);
}

#[test]
fn names_and_numbers_are_checked_all_at_once() {
    let files =
        ["0002_second.sql", "0002_again.sql", "0005_fifth.sql", "6_six.sql", "0007.sql", "0008_Ab.sql", "x.sql"];
    let name = "the name must be NNNN_name.sql: four digits from 0001, then a-z, 0-9, _";
    assert_eq!(
        faults(&files.map(|file| (file, ""))),
        [
            format!("0007.sql: {name}"),
            format!("0008_Ab.sql: {name}"),
            format!("6_six.sql: {name}"),
            format!("x.sql: {name}"),
            "0002_again.sql: migration 0001 is missing before it: numbers have no gaps".into(),
            "0002_second.sql: there are two migrations 0002".into(),
            "0005_fifth.sql: migration 0003 is missing before it: numbers have no gaps".into(),
        ]
    );
    assert_eq!(faults(&[("0000_zero.sql", "")]), [format!("0000_zero.sql: {name}")]);
    // Other files are nobody's business.
    assert!(faults(&[FIRST, ("README.md", ""), ("0002_second.sql~", "")]).is_empty());
}

#[test]
fn compatible_with_is_a_build_that_was() {
    let expected = ":2: compatible-with must be a number from 1 to 2, this file's own";
    for number in ["0", "3", "-1", "one", "", "1, 2"] {
        check_fault(&format!("\n-- compatible-with: {number}\nDROP TABLE notes;"), expected);
    }
    check_fault("-- compatible-with: 1\n--compatible-with: 1\n", ":2: compatible-with is said twice");
}

#[test]
fn a_released_file_never_changes() {
    let line = format!("{FIRST_CHECKSUM}  0001_first.sql\n");
    assert!(faults(&[FIRST, ("checksums", &line)]).is_empty());
    assert!(faults(&[FIRST, ("checksums", &format!("# sha256sum *.sql\n\n{line}"))]).is_empty());

    let changed = (FIRST.0, "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT); \n");
    assert_eq!(
        faults(&[changed, ("checksums", &line)]),
        ["0001_first.sql: is released (listed in checksums) and was changed: restore it and write a further migration"]
    );
    assert_eq!(
        faults(&[("0001_other.sql", FIRST.1), ("checksums", &line)]),
        ["0001_first.sql: is released (listed in checksums) and is gone: restore it"]
    );
    let expected = ": expected 64 lower-case hex digits, two spaces and a file name";
    for (number, bad) in
        [(2, "0001_first.sql\n"), (2, "12  0001_first.sql\n"), (2, &format!("{}  0001_first.sql\n", "z".repeat(64)))]
    {
        assert_eq!(faults(&[FIRST, ("checksums", &format!("{line}{bad}"))]), [format!("checksums:{number}{expected}")]);
    }
}

#[test]
fn what_is_not_text_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("0001_a.sql"), b"-- \xff").unwrap();
    let error = read_migrations(dir.path()).unwrap_err().to_string();
    assert!(error.ends_with("0001_a.sql: is not UTF-8"), "{error}");
    check_fault("-- \n\0DROP TABLE notes", ":2: contains a NUL byte");
}

#[test]
fn a_missing_folder_is_said_by_name() {
    let error = read_migrations("does/not/exist".as_ref()).unwrap_err();
    assert!(error.to_string().starts_with("cannot read does/not/exist: "), "{error}");
}
