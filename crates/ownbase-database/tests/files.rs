//! The engine on SQLite files: what is on disk, what stays open, and what several threads may do at once.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::Path;
use std::sync::Barrier;

use ownbase_database::engine::rusqlite::Files;
use ownbase_database::{Database, Environment, Error, Label, Row, Sql, Statement, UserId, Value};
use tempfile::TempDir;

const CREATE: Statement<'static> = Statement { sql: Sql::new("CREATE TABLE t (a)"), params: &[] };
const INSERT: Statement<'static> = Statement { sql: Sql::new("INSERT INTO t VALUES (1)"), params: &[] };
const COUNT: Sql = Sql::new("SELECT count(*) FROM t");

fn label(id: &str) -> Label {
    Label::from(&UserId::parse(id).unwrap())
}

fn count(database: &impl Database) -> Result<i64, Error> {
    database.query(COUNT, &[])?.first_mut().unwrap().take(0)
}

fn names(dir: &TempDir) -> Vec<String> {
    let entries = dir.path().read_dir().unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// An open connection that has written has a WAL.
fn open_files(dir: &TempDir) -> Vec<String> {
    names(dir).into_iter().filter(|name| name.ends_with("-wal")).collect()
}

#[test]
fn every_value_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let john = Files::open(dir.path(), 1).unwrap().open(&label("john")).unwrap();
    let values = [
        Value::Null,
        Value::Integer(i64::MIN),
        Value::Real(-0.5),
        Value::Text("Zoë\0 and more".into()),
        Value::Blob(vec![0, 255]),
    ];
    john.batch(&[CREATE]).unwrap();
    let rows = john.query(Sql::new("SELECT ?1, ?2, ?3, ?4, ?5"), &values).unwrap();
    assert_eq!(rows, [Row(values.to_vec())]);
}

#[test]
fn what_is_answered_is_on_disk() {
    let dir = tempfile::tempdir().unwrap();
    let files = Files::open(&dir.path().join("made/if/missing"), 1).unwrap();
    let john = files.open(&label("john")).unwrap();
    john.batch(&[CREATE, INSERT]).unwrap();
    let setting = |sql| john.query(Sql::new(sql), &[]).unwrap().remove(0).0.remove(0);
    assert_eq!(setting("PRAGMA journal_mode"), Value::Text("wal".into()));
    assert_eq!(setting("PRAGMA synchronous"), Value::Integer(2));
    drop((john, files));

    let files = Files::open(&dir.path().join("made/if/missing"), 1).unwrap();
    assert_eq!(count(&files.open(&label("john")).unwrap()), Ok(1));
}

#[test]
fn users_are_apart() {
    let dir = tempfile::tempdir().unwrap();
    let files = Files::open(dir.path(), 10).unwrap();
    let users = ["john", "John", "joh%6e.", "john%2f", "john-wal", "john.db", "%2e%2e%2fjohn"];
    for (rows, id) in users.iter().enumerate() {
        let database = files.open(&label(id)).unwrap();
        assert_eq!(count(&database), Err(Error::Missing), "{id}");
        database.batch(&[&[CREATE], vec![INSERT; rows].as_slice()].concat()).unwrap();
    }
    for (rows, id) in users.iter().enumerate() {
        assert_eq!(count(&files.open(&label(id)).unwrap()), Ok(rows as i64), "{id}");
    }
    drop(files);
    assert_eq!(names(&dir).len(), users.len());
}

#[test]
fn a_batch_is_all_or_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let john = Files::open(dir.path(), 1).unwrap().open(&label("john")).unwrap();
    let fail = Statement { sql: Sql::new("INSERT INTO nowhere VALUES (1)"), params: &[] };
    // A first batch that fails makes no file.
    assert_eq!(john.batch(&[CREATE, fail]), Err(Error::Missing));
    assert!(names(&dir).is_empty());

    john.batch(&[CREATE]).unwrap();
    assert_eq!(john.batch(&[INSERT, INSERT, fail]), Err(Error::Missing));
    assert_eq!(count(&john), Ok(0));
    john.batch(&[INSERT, INSERT]).unwrap();
    assert_eq!(count(&john), Ok(2));
    john.batch(&[]).unwrap();
}

#[test]
fn a_long_label_is_hashed_and_kept_inside() {
    let dir = tempfile::tempdir().unwrap();
    let files = Files::open(dir.path(), 1).unwrap();
    let long = label(&"J".repeat(128));
    let database = files.open(&long).unwrap();
    database.batch(&[CREATE]).unwrap();
    let kept = database.query(Sql::new("SELECT label FROM _ownbase_label"), &[]).unwrap();
    assert_eq!(kept, [Row(vec![Value::Text(long.as_str().into())])]);
    drop((database, files));
    let [name] = names(&dir).try_into().unwrap();
    assert!(name.starts_with("user-~~") && name.len() == "user-~~".len() + 64 + ".db".len(), "{name}");
}

#[test]
fn the_longest_unused_is_closed() {
    let dir = tempfile::tempdir().unwrap();
    let files = Files::open(dir.path(), 2).unwrap();
    for id in ["a", "b", "c", "d"] {
        files.open(&label(id)).unwrap().batch(&[CREATE, INSERT]).unwrap();
    }
    assert_eq!(open_files(&dir), ["user-c.db-wal", "user-d.db-wal"]);
    // Used again, so that d has waited longest.
    assert_eq!(count(&files.open(&label("c")).unwrap()), Ok(1));
    files.open(&label("e")).unwrap().batch(&[CREATE]).unwrap();
    assert_eq!(open_files(&dir), ["user-c.db-wal", "user-e.db-wal"]);
    assert_eq!(count(&files.open(&label("a")).unwrap()), Ok(1));
}

#[test]
fn what_is_in_use_stays_open() {
    let dir = tempfile::tempdir().unwrap();
    let files = Files::open(dir.path(), 1).unwrap();
    let held = ["a", "b", "c"].map(|id| {
        let database = files.open(&label(id)).unwrap();
        database.batch(&[CREATE]).unwrap();
        database
    });
    assert_eq!(open_files(&dir), ["user-a.db-wal", "user-b.db-wal", "user-c.db-wal"]);
    drop(held);
    for id in ["d", "e", "f"] {
        files.open(&label(id)).unwrap().batch(&[CREATE]).unwrap();
    }
    assert_eq!(open_files(&dir), ["user-f.db-wal"]);
}

#[test]
fn erase_removes_the_file_under_whoever_has_it_open() {
    let dir = tempfile::tempdir().unwrap();
    let files = Files::open(dir.path(), 10).unwrap();
    files.erase(&label("john")).unwrap();
    let john = files.open(&label("john")).unwrap();
    john.batch(&[CREATE, INSERT]).unwrap();
    files.checked().remember(&label("john"));

    files.erase(&label("john")).unwrap();
    assert!(names(&dir).is_empty());
    assert!(!files.checked().contains(&label("john")));
    assert_eq!(count(&john), Err(Error::Missing));

    john.batch(&[CREATE]).unwrap();
    assert_eq!(count(&files.open(&label("john")).unwrap()), Ok(0));
}

#[test]
fn writers_readers_and_erasers_meet() {
    let dir = tempfile::tempdir().unwrap();
    // So few that files are closed and opened all the time.
    let files = Files::open(dir.path(), 1).unwrap();
    let create = Statement { sql: Sql::new("CREATE TABLE IF NOT EXISTS t (a)"), params: &[] };
    let start = Barrier::new(12);
    std::thread::scope(|scope| {
        for thread in 0..12 {
            let (files, start) = (&files, &start);
            scope.spawn(move || {
                start.wait();
                for turn in 0..50 {
                    let label = label(&format!("user{}", (thread + turn) % 3));
                    let database = files.open(&label).unwrap();
                    match thread % 4 {
                        0 => files.erase(&label).unwrap(),
                        1 => database.batch(&[create, INSERT, INSERT]).unwrap(),
                        _ => match count(&database) {
                            Ok(rows) => assert_eq!(rows % 2, 0, "half of a batch"),
                            Err(error) => assert_eq!(error, Error::Missing),
                        },
                    }
                }
            });
        }
    });
    drop(files);
    assert!(names(&dir).iter().all(|name| Path::new(name).extension().is_some_and(|extension| extension == "db")));
}
