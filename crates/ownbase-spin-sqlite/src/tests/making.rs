//! A user's first write: what it costs, and what a power cut may leave of it.

use super::{
    disk::TestDisk,
    gate::{gated, gated_with},
    *,
};
use crate::Durability;
use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
};

/// Makes a user as a component does: the schema in one transaction, then a row.
async fn make(state: &State, label: &str) {
    let (session, scope) = (state.session(label), Scope::new(None));
    for sql in ["BEGIN IMMEDIATE", "CREATE TABLE a (b)", "COMMIT", "INSERT INTO a VALUES (1)"] {
        run_in(&session, &scope, sql).await.unwrap();
    }
    assert_eq!(scope.settled().await, Ok(()));
}

fn inode(state: &State, file: &str) -> u64 {
    fs::metadata(state.path(file)).unwrap().ino()
}

#[tokio::test]
async fn file_log_and_folder_are_on_disk_before_anyone_is_told() {
    let (state, disk) = gated().await;
    let (files, folders) = (disk.files().len(), disk.folders());
    make(&state, "user-jane").await;
    let synced = disk.files().split_off(files);
    assert_eq!(synced.first(), Some(&inode(&state, "user-jane.db")), "the file before its log");
    assert_eq!(synced.get(1), Some(&inode(&state, "user-jane.db-wal")));
    assert_eq!(disk.folders(), folders + 1, "one sync for both names");
}

#[tokio::test]
async fn a_file_that_cannot_be_synced_is_not_made() {
    let (state, disk) = gated().await;
    disk.fail_files(true);
    let scope = Scope::new(None);
    assert_code(run_in(&state.session("user-jane"), &scope, "CREATE TABLE a (b)").await, "SQLITE_IOERR");
    assert!(!state.files().iter().any(|file| file.contains("jane")), "{:?}", state.files());
    // What a crash left of its making is made anew, or not either.
    fs::write(state.databases.place("user-jane"), []).unwrap();
    assert_code(run_in(&state.session("user-jane"), &scope, "CREATE TABLE a (b)").await, "SQLITE_IOERR");
    assert!(!state.files().iter().any(|file| file.contains("jane")), "{:?}", state.files());
    disk.fail_files(false);
    make(&state, "user-jane").await;
}

#[tokio::test]
async fn a_file_that_is_written_is_the_one_that_sqlite_makes() {
    let (state, _) = gated().await;
    make(&state, "user-jane").await;
    let [made, written] = ["user-john.db", "user-jane.db"].map(|file| state.path(file));
    assert_eq!(fs::read(&made).unwrap(), fs::read(&written).unwrap());
    let mode = |path| fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(made), mode(written));
}

#[tokio::test]
async fn whatever_a_power_cut_leaves_of_a_first_write_is_none_or_whole_commits() {
    let (state, _) = gated().await;
    make(&state, "user-jane").await;
    let file = fs::read(state.path("user-jane.db")).unwrap();
    let wal = fs::read(state.path("user-jane.db-wal")).unwrap();
    let half = wal.get(..wal.len() / 2).unwrap().to_vec();
    // Blocks reach the disk in any order.
    let mut late = wal.clone();
    late.get_mut(..600).unwrap().fill(0);
    let no_end = wal.get(..wal.len() - 100).unwrap().to_vec();
    let wals = [None, Some(vec![]), Some(half), Some(late), Some(no_end), Some(wal.clone())];
    for file in [None, Some(vec![]), Some(file)] {
        for left in &wals {
            let is_whole = file.as_ref().is_some_and(|file| !file.is_empty()) && left.as_ref() == Some(&wal);
            let (after, _) = gated_with(Durability::Gated, 9).await;
            let place = after.databases.place("user-jane");
            if let Some(file) = &file {
                fs::write(&place, file).unwrap();
            }
            if let Some(left) = left {
                fs::write(place.with_extension("db-wal"), left).unwrap();
            }
            let session = after.session("user-jane");
            let sum = match run(&session, "SELECT ifnull(sum(b), 0) FROM a").await {
                Ok(sums) => sums.concat(),
                Err(error) => {
                    assert!(error.contains("no such table"), "{error}");
                    "0".to_owned()
                }
            };
            assert!(sum == "1" || sum == "0" && !is_whole, "{sum}");
            run(&session, "CREATE TABLE IF NOT EXISTS a (b)").await.unwrap();
            run(&session, "INSERT INTO a VALUES (10)").await.unwrap();
            assert_eq!(run(&session, "SELECT sum(b) FROM a").await.unwrap(), [format!("1{sum}")], "nothing came back");
            assert_eq!(run(&session, "PRAGMA integrity_check").await.unwrap(), ["ok"]);
        }
    }
}

#[tokio::test]
async fn without_a_gate_sqlite_syncs_and_the_file_is_synced_by_us() {
    let (dir, disk) = (tempfile::tempdir().unwrap(), Arc::new(TestDisk::default()));
    let databases = Databases::open_on(disk.clone(), dir.path(), Limits::default()).unwrap();
    let state = State { dir, databases };
    make(&state, "user-john").await;
    assert_eq!(disk.files(), [inode(&state, "user-john.db")]);
}
