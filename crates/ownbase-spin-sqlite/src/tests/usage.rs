//! How many users there may be, and how much the state directory may take.

use super::*;
use crate::Durability;
use std::fs;

/// A state directory whose count is known.
async fn counted(dir: TempDir, change: impl FnOnce(&mut Limits)) -> State {
    let mut limits = Limits { durability: Durability::Gated, ..Limits::default() };
    change(&mut limits);
    let databases = Databases::open(dir.path(), limits).unwrap();
    let state = State { dir, databases };
    eventually("the state directory is counted", || counts(&state).is_some()).await;
    state
}

async fn counted_with(change: impl FnOnce(&mut Limits)) -> State {
    counted(tempfile::tempdir().unwrap(), change).await
}

/// Users and bytes.
fn counts(state: &State) -> Option<(i64, u64)> {
    state.databases.usage().counts()
}

async fn make(state: &State, label: &str) -> Result<(), String> {
    run(&state.session(label), "CREATE TABLE a (b)").await?;
    run(&state.session(label), "INSERT INTO a VALUES (1)").await.map(drop)
}

#[tokio::test]
async fn no_more_users_are_made_than_may_be() {
    let state = counted_with(|limits| limits.max_users = 2).await;
    make(&state, "user-ann").await.unwrap();
    make(&state, "user-bob").await.unwrap();
    assert_eq!(make(&state, "user-eve").await.unwrap_err(), "database-full");
    assert_eq!(state.files().iter().filter(|file| file.contains("eve")).count(), 0);
    assert_eq!(run(&state.session("user-eve"), "SELECT 1").await.unwrap(), ["1"], "to ask is free");
    run(&state.session("user-ann"), "INSERT INTO a VALUES (2)").await.unwrap();
    run(&state.session("user-ann"), "PRAGMA ownbase_erase").await.unwrap();
    make(&state, "user-eve").await.unwrap();
    assert_eq!(make(&state, "user-ann").await.unwrap_err(), "database-full");
    assert_eq!(counts(&state).unwrap().0, 2);
}

#[tokio::test]
async fn a_user_that_is_not_made_after_all_takes_no_place() {
    let state = counted_with(|limits| limits.max_users = 1).await;
    let session = state.session("user-ann");
    for sql in ["BEGIN IMMEDIATE", "CREATE TABLE a (b)", "ROLLBACK"] {
        run(&session, sql).await.unwrap();
    }
    assert_eq!(state.files(), [""; 0]);
    make(&state, "user-bob").await.unwrap();
}

#[tokio::test]
async fn a_full_state_directory_is_read_and_freed_and_grows_no_more() {
    let state = counted_with(|limits| limits.max_state_bytes = 400 << 10).await;
    let session = state.session("user-ann");
    make(&state, "user-ann").await.unwrap();
    make(&state, "user-bob").await.unwrap();
    let mut rows = 1;
    let refused = loop {
        match run(&session, "INSERT INTO a VALUES (zeroblob(10000))").await {
            Ok(_) => rows += 1,
            Err(error) => break error,
        }
        assert!(rows < 100, "{:?}", counts(&state));
    };
    assert_eq!(refused, "database-full");
    assert!(counts(&state).unwrap().1 < 500 << 10, "by one statement: {:?}", counts(&state));
    for sql in ["UPDATE a SET b = zeroblob(20000)", "CREATE TABLE c (d)", "REPLACE INTO a VALUES (1)"] {
        assert_eq!(run(&session, sql).await.unwrap_err(), "database-full", "{sql}");
    }
    assert_eq!(run(&state.session("user-bob"), "INSERT INTO a VALUES (1)").await.unwrap_err(), "database-full");
    assert_eq!(make(&state, "user-eve").await.unwrap_err(), "database-full");
    assert_eq!(run(&session, "SELECT count(*) FROM a").await.unwrap(), [rows.to_string()]);
    for sql in ["BEGIN", "DELETE FROM a WHERE b = 1", "COMMIT"] {
        run(&session, sql).await.unwrap();
    }
    assert_eq!(run(&session, "SELECT count(*) FROM a").await.unwrap(), [(rows - 1).to_string()]);
    run(&session, "PRAGMA ownbase_erase").await.unwrap();
    run(&state.session("user-bob"), "INSERT INTO a VALUES (1)").await.unwrap();
    make(&state, "user-eve").await.unwrap();
}

#[tokio::test]
async fn the_count_follows_what_is_done() {
    let state = counted_with(|_| {}).await;
    for label in ["user-ann", "user-bob", "user-eve"] {
        make(&state, label).await.unwrap();
    }
    let before = counts(&state).unwrap();
    for _ in 0..10 {
        run(&state.session("user-ann"), "INSERT INTO a VALUES (zeroblob(100000))").await.unwrap();
    }
    let grown = counts(&state).unwrap();
    assert!(grown.1 > before.1 + 900_000, "the log counts: {before:?}, {grown:?}");
    state.databases.entry("user-ann").1.lock().await.checkpoint();
    let checkpointed = counts(&state).unwrap();
    assert!(checkpointed.1 > grown.1 + 900_000, "the file too: {grown:?}, {checkpointed:?}");
    run(&state.session("user-bob"), "PRAGMA ownbase_erase").await.unwrap();
    state.databases.close().await;
    let closed = counts(&state).unwrap();
    assert!(closed.0 == 2 && closed.1 < checkpointed.1 - 900_000, "{closed:?}");
    drop(state.databases);
    let again = counted(state.dir, |_| {}).await;
    assert_eq!(counts(&again), Some(closed), "who counts anew finds the same");
}

#[tokio::test]
async fn what_is_done_while_the_thread_counts_is_counted_once() {
    let mut dir = tempfile::tempdir().unwrap();
    for round in 0..5 {
        let databases = Databases::open(dir.path(), Limits::default()).unwrap();
        let state = State { dir, databases };
        for user in 0.. {
            let label = format!("user-{round}-{user}");
            make(&state, &label).await.unwrap();
            if user % 3 == 0 {
                run(&state.session(&label), "PRAGMA ownbase_erase").await.unwrap();
            }
            if counts(&state).is_some() {
                break;
            }
        }
        state.databases.close().await;
        let closed = counts(&state);
        let State { dir: left, databases } = state;
        drop(databases);
        let again = counted(left, |_| {}).await;
        assert_eq!(counts(&again), closed, "round {round}");
        again.databases.close().await;
        dir = again.dir;
    }
}

#[tokio::test]
async fn all_that_is_in_the_state_directory_counts() {
    let dir = tempfile::tempdir().unwrap();
    let set_aside = dir.path().join("quarantine/user-ann-1");
    fs::create_dir_all(&set_aside).unwrap();
    fs::create_dir_all(dir.path().join("users/3f")).unwrap();
    fs::write(set_aside.join("user-ann.db"), [0; 5_000]).unwrap();
    fs::write(dir.path().join("users/3f/user-bob.db"), [0; 4_096]).unwrap();
    fs::write(dir.path().join("users/3f/user-bob.db-wal"), [0; 1]).unwrap();
    let state = counted(dir, |_| {}).await;
    // Those, and the file `format`.
    assert_eq!(counts(&state), Some((1, 5 * 4_096)));
}

#[tokio::test]
async fn without_a_bound_nothing_is_counted() {
    let state = state_with(|limits| limits.max_users = 0);
    make(&state, "user-ann").await.unwrap();
    assert_eq!(counts(&state), None);
}
