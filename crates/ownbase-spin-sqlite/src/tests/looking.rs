//! What only looks changes nothing: not what a crash left, and not what is no database.

use super::*;
use crate::{Direct, Labels};
use std::{collections::BTreeMap, fs, sync::mpsc};

/// Forty of it are a label that is no file's name.
const LONG: &str = "user-long";

fn direct(state: &State, label: &str) -> Direct {
    state.databases.direct(&Labels::new(["user-*"]).unwrap(), label).unwrap()
}

async fn looked(state: &State, label: &str, sql: &str) -> Result<String, String> {
    let host = direct(state, label);
    let result = host.look(sql, vec![]).await;
    host.finish().await;
    match result {
        Ok(rows) => Ok(rows.into_iter().map(|values| joined(&RowResult { values })).collect()),
        Err(error) => Err(error.to_string()),
    }
}

fn bytes(state: &State) -> BTreeMap<String, Vec<u8>> {
    paths(state.dir.path()).iter().map(|path| (name(path), fs::read(path).unwrap())).collect()
}

/// A long label and two short ones as a killed process leaves them: the newest row is in the WAL alone.
async fn killed() -> State {
    let (state, killed) = (state(), super::state());
    for label in ["user-john", "user-asleep", &LONG.repeat(40)] {
        let session = state.session(label);
        run(&session, "CREATE TABLE t (a)").await.unwrap();
        if label == "user-asleep" {
            crate::lease::Lease::wait(&state.databases.entry(label).1).await.close();
        }
    }
    for path in paths(state.dir.path()) {
        fs::copy(&path, killed.dir.path().join(path.strip_prefix(state.dir.path()).unwrap())).unwrap();
    }
    killed
}

#[tokio::test]
async fn what_a_crash_left_is_seen_and_stays() {
    let (state, copies, long) = (killed().await, super::state(), LONG.repeat(40));
    let labels = ["user-john", "user-asleep", &long];
    let before = bytes(&state);
    assert_eq!(before.keys().filter(|name| name.ends_with("-wal")).count(), 2, "{:?}", before.keys());
    for label in labels {
        assert_eq!(looked(&state, label, "SELECT name FROM sqlite_schema WHERE name = 't'").await.unwrap(), "t");
        assert_code(looked(&state, label, "INSERT INTO t VALUES (1)").await, "SQLITE_READONLY");
        let host = direct(&state, label);
        host.copy_into(&copies.databases).await.unwrap();
        host.finish().await;
        assert_eq!(run(&copies.session(label), "SELECT count(*) FROM t").await.unwrap(), ["0"]);
    }
    for folder in 0..=u8::MAX {
        state.databases.list(folder).unwrap();
    }
    assert!(bytes(&state) == before, "a file changed");
    assert_eq!(state.databases.open_now(), 0);
    assert_eq!(run(&state.session("user-john"), "INSERT INTO t VALUES (1) RETURNING a").await.unwrap(), ["1"]);
}

#[tokio::test]
async fn what_is_no_database_or_none_of_ours_stays_as_it_is() {
    let state = state();
    let place = |label: &str| state.databases.place(label);
    fs::write(place("user-empty"), "").unwrap();
    fs::write(place("user-garbage"), "no database at all").unwrap();
    let foreign = rusqlite::Connection::open(place("user-foreign")).unwrap();
    foreign.execute_batch("CREATE TABLE t (a)").unwrap();
    foreign.close().unwrap();
    // A log without a transaction, which SQLite would take away.
    fs::write(place("user-foreign").with_extension("db-wal"), [0; 32]).unwrap();
    fs::copy(place("user-foreign"), place("user-damaged")).unwrap();
    fs::write(place("user-damaged").with_extension("db-wal"), "no log").unwrap();
    let before = bytes(&state);
    let sql = "SELECT name FROM sqlite_schema";
    assert_eq!(
        looked(&state, "user-empty", sql).await.unwrap_err(),
        "SQLITE_NOTADB: the file holds no database (restore it, or remove it)"
    );
    assert_code(looked(&state, "user-garbage", sql).await, "SQLITE_NOTADB");
    assert_eq!(looked(&state, "user-foreign", sql).await.unwrap(), "t");
    assert_code(looked(&state, "user-damaged", sql).await, "SQLITE_CORRUPT");
    assert_eq!(looked(&state, "user-missing", sql).await.unwrap(), "");
    assert!(bytes(&state) == before, "a file changed: {:?}", bytes(&state).keys());
}

#[tokio::test]
async fn only_what_reads_a_label_is_waited_for_and_only_by_long_ones() {
    let (state, long) = (killed().await, LONG.repeat(40));
    let (reading, is_reading) = mpsc::channel();
    let (end, may_end) = mpsc::channel::<()>();
    let databases = state.databases.clone();
    let reader = std::thread::spawn(move || {
        let _reading = databases.reading_label();
        reading.send(()).unwrap();
        let _ = may_end.recv();
    });
    is_reading.recv().unwrap();
    let databases = state.databases.clone();
    let listing =
        std::thread::spawn(move || (0..=u8::MAX).map(|folder| databases.list(folder).unwrap().len()).sum::<usize>());
    let session = state.session(&long);
    let mut waiting = tokio::spawn(async move { run(&session, "SELECT count(*) FROM t").await });
    assert!(tokio::time::timeout(Duration::from_millis(100), &mut waiting).await.is_err(), "the file was opened twice");
    assert_eq!(run(&state.session("user-john"), "SELECT count(*) FROM t").await.unwrap(), ["0"]);
    drop(end);
    assert_eq!(waiting.await.unwrap().unwrap(), ["0"]);
    assert_eq!(listing.join().unwrap(), 3);
    reader.join().unwrap();
}
