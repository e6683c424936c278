//! Migrations cut into statements and given their second form, judged by SQLite: by hand and by proptest.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use ownbase_sql::{Migration, Statement, embed_migrations, read_migrations};
use proptest::prelude::*;
use rusqlite::Connection;

fn read(files: &[(&str, &str)]) -> Vec<Migration> {
    let dir = tempfile::tempdir().unwrap();
    for (name, content) in files {
        fs::write(dir.path().join(name), content).unwrap();
    }
    read_migrations(dir.path()).unwrap()
}

fn statements(sql: &str) -> Vec<Statement> {
    read(&[("0001_first.sql", sql)]).remove(0).statements
}

fn plain(sql: &str) -> Vec<String> {
    statements(sql).into_iter().map(|statement| statement.plain).collect()
}

const EVERYTHING: &str = r#"
;; -- compatible-with: 1
/* CREATE TABLE x; */ ;
CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT CHECK (text <> ';'));
create /* ; */ unique -- ;
  index if not exists "by;text" on notes (text) where text <> 'it''s; --';
CREATE TRIGGER if not exists [a ; trigger] AFTER INSERT ON notes BEGIN
  UPDATE notes SET text = 'END;' WHERE id = new.id; INSERT INTO log VALUES (';', unixepoch());
END;
CREATE TABLE IF NOT EXISTS log (a, b);
CREATE VIEW `v;` AS SELECT n.text, (SELECT count(*) FROM log) FROM notes AS n;
CREATE TRIGGER instead INSTEAD OF DELETE ON `v;` BEGIN DELETE FROM log; END;
CREATE VIRTUAL TABLE search USING fts5(text, content='notes', content_rowid='id');
CREATE TABLE "if" (x REFERENCES notes);CREATE TABLE 'u' AS SELECT 1 AS "a.b";
INSERT INTO notes (text) VALUES ('x') RETURNING id;
WITH one AS (SELECT 1) INSERT INTO "if" SELECT * FROM one;
ALTER TABLE notes ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0 CHECK (pinned IN (0, 1));
ALTER TABLE notes RENAME COLUMN pinned TO stuck;
ALTER TABLE log RENAME TO journal;
CREATE TABLE tmp (a); DROP TABLE tmp;
DROP TABLE IF EXISTS nowhere -- the end
"#;

#[test]
fn statements_are_cut_where_sqlite_cuts_them() {
    let all = plain(EVERYTHING);
    assert_eq!(all.len(), 17);
    assert_eq!(all.first().unwrap(), "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT CHECK (text <> ';'))");
    assert!(all.iter().any(|sql| sql.starts_with("CREATE TRIGGER if") && sql.ends_with("unixepoch());\nEND")));
    assert_eq!(all.last().unwrap(), "DROP TABLE IF EXISTS nowhere");
    assert!(plain(" ; /* ; */ ;; -- ; \n").is_empty());
}

#[test]
fn every_create_names_the_schema_in_its_second_form() {
    for (sql, attached) in [
        ("CREATE TABLE a (b)", "CREATE TABLE u.a (b)"),
        ("create table if not exists a(b)", "create table if not exists u.a(b)"),
        ("CREATE/**/TABLE--\n\"a\"(b)", "CREATE/**/TABLE--\nu.\"a\"(b)"),
        ("CREATE TABLE 'if' (b)", "CREATE TABLE u.'if' (b)"),
        ("CREATE TABLE [not exists] (b)", "CREATE TABLE u.[not exists] (b)"),
        ("CREATE TABLE é (b)", "CREATE TABLE u.é (b)"),
        ("CREATE TABLE a AS SELECT 1 AS b", "CREATE TABLE u.a AS SELECT 1 AS b"),
        ("CREATE VIEW a AS SELECT 1", "CREATE VIEW u.a AS SELECT 1"),
        (
            "CREATE VIRTUAL TABLE IF NOT EXISTS a USING fts5 (b)",
            "CREATE VIRTUAL TABLE IF NOT EXISTS u.a USING fts5 (b)",
        ),
    ] {
        assert_eq!(statements(sql), [Statement { plain: sql.into(), attached: Some(attached.into()) }]);
    }
    let [table, index, trigger, insert] = statements(
        "CREATE TABLE t (a); CREATE UNIQUE INDEX IF NOT EXISTS i ON t (a);\n\
         CREATE TRIGGER tr AFTER INSERT ON t BEGIN DELETE FROM t; END; INSERT INTO t VALUES ('CREATE TABLE x')",
    )
    .try_into()
    .unwrap();
    assert_eq!(table.attached.unwrap(), "CREATE TABLE u.t (a)");
    assert_eq!(index.attached.unwrap(), "CREATE UNIQUE INDEX IF NOT EXISTS u.i ON t (a)");
    assert_eq!(trigger.attached.unwrap(), "CREATE TRIGGER u.tr AFTER INSERT ON t BEGIN DELETE FROM t; END");
    assert_eq!(insert.attached, None);
}

/// As on unmodified Spin: an empty database in memory, and a user's file attached to it. It must come out as the
/// same file that the plain statements make.
fn check_attached_to_a_file(migrations: &[Migration]) {
    let dir = tempfile::tempdir().unwrap();
    let plain = Connection::open_in_memory().unwrap();
    let attached = Connection::open_in_memory().unwrap();
    attached.execute("ATTACH ?1 AS u", [dir.path().join("user.db").to_str()]).unwrap();
    for statement in migrations.iter().flat_map(|migration| &migration.statements) {
        plain.execute_batch(&statement.plain).unwrap();
        attached.execute_batch(statement.attached.as_ref().unwrap_or(&statement.plain)).unwrap();
    }
    attached.execute_batch("DETACH u").unwrap();
    assert_eq!(schema(&attached), Vec::<String>::new());
    let file = Connection::open(dir.path().join("user.db")).unwrap();
    assert_ne!(schema(&file), Vec::<String>::new());
    assert_eq!(schema(&file), schema(&plain));
}

fn schema(connection: &Connection) -> Vec<String> {
    let sql = "SELECT concat_ws('|', type, name, tbl_name, sql) FROM sqlite_schema ORDER BY 1";
    connection.prepare(sql).unwrap().query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

#[test]
fn the_second_forms_make_the_same_database_in_an_attached_file() {
    check_attached_to_a_file(&read(&[("0001_everything.sql", EVERYTHING)]));
}

#[test]
fn so_do_the_service_s_own_migrations() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations");
    check_attached_to_a_file(&read_migrations(&dir).unwrap());
}

#[test]
fn migrations_are_embedded_as_rust() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("0001_a_b.sql"), "CREATE TABLE \"t\"\n(a);\nINSERT INTO t VALUES ('\\');").unwrap();
    fs::write(dir.path().join("0002_c.sql"), "-- compatible-with: 1\n").unwrap();
    let out = dir.path().join("out.rs");
    embed_migrations(dir.path(), &out).unwrap();
    let expected = r#"/// The application's migrations in order, checked when it was built.
pub(crate) static MIGRATIONS: &[::ownbase_database::migration::Migration] = &[
    ::ownbase_database::migration::Migration {
        version: 1,
        name: "a_b",
        checksum: "f52eb09b7e4e79db66691b5cc700e9013de0728dd7c97aaa1891c11de1fd3d1e",
        compatible_with: 1,
        statements: &[
            ::ownbase_database::Sql::create("CREATE TABLE \"t\"\n(a)", "CREATE TABLE u.\"t\"\n(a)"),
            ::ownbase_database::Sql::new("INSERT INTO t VALUES ('\\')"),
        ],
    },
    ::ownbase_database::migration::Migration {
        version: 2,
        name: "c",
        checksum: "2a8c8b427cb2b254a2c3c90451b6fa5f68510e1440d5c8276e61692bc94fbf20",
        compatible_with: 1,
        statements: &[
        ],
    },
];
"#;
    let written = fs::read_to_string(&out).unwrap();
    assert_eq!(written.split_inclusive("\n];\n").next().unwrap(), expected);
}

#[test]
fn migrations_go_into_a_section_of_the_module() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("0001_a.sql"), "CREATE TABLE t (a);\nINSERT INTO t VALUES ('\\\"\n😀');").unwrap();
    let out = dir.path().join("out.rs");
    embed_migrations(dir.path(), &out).unwrap();
    let written = fs::read_to_string(&out).unwrap();
    let (attributes, bytes) = written.split_once("static MIGRATIONS_SECTION: [u8; ").unwrap();
    assert!(attributes.ends_with(
        "#[cfg(target_arch = \"wasm32\")]\n#[allow(unsafe_code)]\n#[used]\n\
         #[unsafe(link_section = \"ownbase:migrations\")]\n"
    ));
    let (length, literal) = bytes.strip_suffix("\";\n").unwrap().split_once("] = *b\"").unwrap();
    let mut json = String::new();
    let mut characters = literal.chars();
    while let Some(character) = characters.next() {
        // As rustc reads the escapes of a byte string, of which these three are used.
        json.push(if character == '\\' { characters.next().unwrap() } else { character });
    }
    assert_eq!(json.len().to_string(), length);
    let mut read: serde_json::Value = serde_json::from_str(&json).unwrap();
    let checksum = read[0]["checksum"].take();
    assert_eq!(checksum.as_str().unwrap(), read_migrations(dir.path()).unwrap()[0].checksum);
    assert_eq!(
        read,
        serde_json::json!([{
            "version": 1,
            "name": "a",
            "checksum": null,
            "compatible_with": 1,
            "statements": ["CREATE TABLE t (a)", "INSERT INTO t VALUES ('\\\"\n😀')"],
        }])
    );
}

/// Blanks, comments and quoted texts with all that could mislead a tokenizer.
fn blank() -> impl Strategy<Value = String> {
    let piece = prop_oneof!["[ \t\n\r\u{c}]{1,3}", "--[a-z;'\"\\[`*/ é]{0,8}\n", "/\\*[a-z;'\"\\]`/\n-]{0,8}\\*/"];
    prop::collection::vec(piece, 0..4).prop_map(|pieces| pieces.concat())
}

fn text() -> impl Strategy<Value = String> {
    "[a-z;\"\\[\\]`*/ é\n-]{0,10}('')?[a-z;-]{0,5}".prop_map(|inner| format!("'{inner}'"))
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "n[a-z0-9$_é]{0,6}",
        "\"n[a-z;'\\]`. -]{0,6}(\"\")?[.;]?\"",
        "\\[n[a-z;'\"`. -]{0,6}\\]",
        "`n[a-z;'\"\\]. -]{0,6}(``)?[.;]?`",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_statements_come_out_as_they_went_in(
        table in name(),
        blanks in prop::collection::vec(blank(), 4),
        texts in prop::collection::vec((blank(), text(), ";{0,2}"), 0..6),
    ) {
        let [a, b, c, d] = blanks.try_into().unwrap();
        let (before, after) = (format!("CREATE {a} TABLE {b} IF {c} NOT EXISTS {d} "), format!("{table} (a)"));
        let mut expected = vec![format!("{before}{after}")];
        let mut file = format!("{a}{};{b}", expected[0]);
        for (blank, text, empty) in texts {
            let insert = format!("INSERT INTO {table} VALUES ({blank} {text})");
            file += &format!("{blank}{insert}{blank};{empty}{blank}");
            expected.push(insert);
        }
        let statements = statements(&file);
        let plain: Vec<&String> = statements.iter().map(|statement| &statement.plain).collect();
        prop_assert_eq!(plain, expected.iter().collect::<Vec<_>>());
        prop_assert_eq!(statements[0].attached.clone().unwrap(), format!("{before}u.{after}"));
        prop_assert!(statements[1..].iter().all(|statement| statement.attached.is_none()));
    }
}
