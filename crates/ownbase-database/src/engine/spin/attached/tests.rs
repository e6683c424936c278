//! The way on unmodified Spin, tried on SQLite itself: each open is a new connection to an empty database in memory,
//! errors are bare texts, and one statement a call.
#![allow(clippy::unwrap_used)]

use std::cell::Cell;
use std::path::Path;

use tempfile::TempDir;

use super::Attached;
use crate::engine::spin::classify::classify;
use crate::engine::spin::connection::Connection;
use crate::migration::{Access, Migration, ready};
use crate::{Checked, Database, Environment, Error, Label, Row, Sql, Statement, Timestamp, UserId, Value};

struct SpinLike(rusqlite::Connection);

impl Connection for SpinLike {
    fn execute(&self, sql: &str, params: &[Value]) -> Result<Vec<Row>, Error> {
        let execute = || {
            let mut statement = self.0.prepare(sql)?;
            let columns = statement.column_count();
            let value = |row: &rusqlite::Row<'_>, column| {
                Ok(match row.get(column)? {
                    rusqlite::types::Value::Null => Value::Null,
                    rusqlite::types::Value::Integer(integer) => Value::Integer(integer),
                    rusqlite::types::Value::Real(real) => Value::Real(real),
                    rusqlite::types::Value::Text(text) => Value::Text(text),
                    rusqlite::types::Value::Blob(blob) => Value::Blob(blob),
                })
            };
            let rows = statement.query_map(rusqlite::params_from_iter(params), |row| {
                (0..columns).map(|column| value(row, column)).collect::<Result<_, _>>().map(Row)
            })?;
            rows.collect::<Result<Vec<_>, _>>()
        };
        execute().map_err(|error: rusqlite::Error| classify(&error.to_string()))
    }
}

/// An instance of the component, with nothing remembered.
struct Instance<'a> {
    dir: &'a Path,
    checked: Checked,
}

impl<'a> Instance<'a> {
    fn new(dir: &'a TempDir) -> Self {
        Self { dir: dir.path(), checked: Checked::default() }
    }
}

fn files(dir: &TempDir) -> Vec<String> {
    let entries = dir.path().read_dir().unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

impl Environment for Instance<'_> {
    type Database = Attached<SpinLike>;

    fn open(&self, label: &Label) -> Result<Self::Database, Error> {
        Ok(attached(self.dir, label))
    }

    fn erase(&self, label: &Label) -> Result<(), Error> {
        self.checked.forget(label);
        self.open(label)?.erase()
    }

    fn now(&self) -> Timestamp {
        Timestamp(0)
    }

    fn random(&self, _: &mut [u8]) {}

    fn checked(&self) -> &Checked {
        &self.checked
    }
}

fn attached(dir: &Path, label: &Label) -> Attached<SpinLike> {
    Attached::new(SpinLike(rusqlite::Connection::open_in_memory().unwrap()), dir.to_str().unwrap(), label)
}

fn label(id: &str) -> Label {
    Label::from(&UserId::parse(id).unwrap())
}

fn run(database: &impl Database, sql: &'static str) {
    database.batch(&[Statement { sql: Sql::new(sql), params: &[] }]).unwrap();
}

static MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    name: "one",
    checksum: "1",
    compatible_with: 1,
    statements: &[
        Sql::create("CREATE TABLE notes (text)", "CREATE TABLE u.notes (text)"),
        Sql::new("INSERT INTO notes VALUES ('first')"),
    ],
}];
const TEXTS: Sql = Sql::new("SELECT text FROM notes");

#[test]
fn migrates_the_file_and_not_the_memory() {
    let dir = tempfile::tempdir().unwrap();
    let environment = Instance::new(&dir);
    assert!(ready(&environment, &label("john"), MIGRATIONS, Access::Create).unwrap());
    let rows = environment.open(&label("john")).unwrap().query(TEXTS, &[]).unwrap();
    assert_eq!(rows, [Row(vec![Value::Text("first".into())])]);
    assert_eq!(files(&dir), ["user-john.db"]);
}

#[test]
fn requests_that_arrive_at_once_migrate_once() {
    let dir = tempfile::tempdir().unwrap();
    let environment = Instance::new(&dir);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let instance = Instance::new(&dir);
                assert!(ready(&instance, &label("john"), MIGRATIONS, Access::Create).unwrap());
            });
        }
    });
    assert_eq!(environment.open(&label("john")).unwrap().query(TEXTS, &[]).unwrap().len(), 1);
}

/// Attaches for reading alone the first time, as SQLite does where the file appears while it is being opened.
struct ReadOnlyFirst(SpinLike, Cell<bool>);

impl Connection for ReadOnlyFirst {
    fn execute(&self, sql: &str, params: &[Value]) -> Result<Vec<Row>, Error> {
        match params {
            [Value::Text(uri)] if sql.starts_with("ATTACH") && !self.1.replace(true) => {
                self.0.execute(sql, &[Value::Text(uri.replace("mode=rw", "mode=ro"))])
            }
            _ => self.0.execute(sql, params),
        }
    }
}

#[test]
fn a_file_attached_for_reading_alone_is_attached_anew_to_write() {
    let dir = tempfile::tempdir().unwrap();
    ready(&Instance::new(&dir), &label("john"), MIGRATIONS, Access::Create).unwrap();
    let open = || {
        let connection = ReadOnlyFirst(SpinLike(rusqlite::Connection::open_in_memory().unwrap()), Cell::default());
        Attached::new(connection, dir.path().to_str().unwrap(), &label("john"))
    };
    let insert = Sql::new("INSERT INTO notes VALUES ('more') RETURNING text");
    let (queried, batched) = (open(), open());
    for john in [&queried, &batched] {
        john.query(TEXTS, &[]).unwrap();
    }
    queried.query(insert, &[]).unwrap();
    batched.batch(&[Statement { sql: insert, params: &[] }; 2]).unwrap();
    assert_eq!(open().query(TEXTS, &[]).unwrap().len(), 1 + 1 + 2);
    open().erase().unwrap();
}

#[test]
fn reading_or_erasing_a_missing_user_makes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let environment = Instance::new(&dir);
    let john = environment.open(&label("john")).unwrap();
    assert_eq!(john.query(Sql::new("SELECT 1"), &[]), Err(Error::Missing));
    assert!(!ready(&environment, &label("john"), MIGRATIONS, Access::Open).unwrap());
    environment.erase(&label("john")).unwrap();
    assert!(files(&dir).is_empty());
}

#[test]
fn erase_leaves_an_empty_file_without_a_trace() {
    let dir = tempfile::tempdir().unwrap();
    let environment = Instance::new(&dir);
    ready(&environment, &label("john"), MIGRATIONS, Access::Create).unwrap();
    let john = environment.open(&label("john")).unwrap();
    run(&john, "CREATE TABLE u.\"a \"\" b\" (parent INTEGER PRIMARY KEY)");
    run(&john, "CREATE TABLE u.child (parent INTEGER NOT NULL REFERENCES \"a \"\" b\")");
    run(&john, "INSERT INTO \"a \"\" b\" VALUES (1)");
    run(&john, "CREATE VIEW u.v AS SELECT text FROM notes");
    run(&john, "CREATE INDEX u.i ON notes (text)");
    run(&john, "CREATE TRIGGER u.t AFTER INSERT ON notes BEGIN DELETE FROM child; END");
    run(&john, "CREATE VIRTUAL TABLE u.search USING fts5 (text)");
    run(&john, "INSERT INTO search VALUES ('a secret')");
    run(&john, "INSERT INTO notes VALUES ('another secret')");
    run(&john, "INSERT INTO child VALUES (1)");
    drop(john);

    environment.erase(&label("john")).unwrap();

    let john = environment.open(&label("john")).unwrap();
    let left = john.query(Sql::new("SELECT name FROM u.sqlite_schema"), &[]).unwrap();
    assert_eq!(left, []);
    let bytes = std::fs::read(dir.path().join("user-john.db")).unwrap();
    assert!(!bytes.windows(6).any(|window| window == b"secret"));
    assert!(!ready(&environment, &label("john"), MIGRATIONS, Access::Open).unwrap());
    assert!(ready(&environment, &label("john"), MIGRATIONS, Access::Create).unwrap());
}

#[test]
fn a_batch_is_all_or_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let environment = Instance::new(&dir);
    ready(&environment, &label("john"), MIGRATIONS, Access::Create).unwrap();
    let john = environment.open(&label("john")).unwrap();
    let [insert, fail] =
        [Sql::new("INSERT INTO notes VALUES ('second')"), Sql::new("INSERT INTO _migrations (version) VALUES (1)")]
            .map(|sql| Statement { sql, params: &[] });
    assert!(matches!(john.batch(&[insert, fail]), Err(Error::Constraint(_))));
    assert_eq!(john.query(TEXTS, &[]).unwrap().len(), 1);
    // The connection is free for the next.
    john.batch(&[insert, insert]).unwrap();
    assert_eq!(john.query(TEXTS, &[]).unwrap().len(), 3);
}

#[test]
fn a_long_label_is_kept_in_its_file() {
    let dir = tempfile::tempdir().unwrap();
    let environment = Instance::new(&dir);
    let john = label(&"J".repeat(128));
    ready(&environment, &john, MIGRATIONS, Access::Create).unwrap();
    let kept = environment.open(&john).unwrap().query(Sql::new("SELECT label FROM _ownbase_label"), &[]).unwrap();
    assert_eq!(kept, [Row(vec![Value::Text(john.as_str().into())])]);
    assert!(files(&dir).iter().all(|name| name.starts_with("user-~~")));
}

#[test]
fn the_folder_s_name_may_have_any_character() {
    let dir = tempfile::tempdir().unwrap();
    let odd = dir.path().join("a b?mode=memory#%2f");
    let read = || attached(&odd, &label("john")).query(TEXTS, &[]);
    let write = || attached(&odd, &label("john")).batch(&[Statement { sql: MIGRATIONS[0].statements[0], params: &[] }]);
    // A missing one is not made.
    assert!(matches!(write(), Err(Error::Failed { code, .. }) if code == "SQLITE_CANTOPEN"));
    assert_eq!(read(), Err(Error::Missing));
    assert!(files(&dir).is_empty());

    std::fs::create_dir(&odd).unwrap();
    write().unwrap();
    assert_eq!(read().unwrap(), []);
    assert!(odd.join("user-john.db").exists());
}
