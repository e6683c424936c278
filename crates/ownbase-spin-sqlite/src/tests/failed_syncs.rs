//! What a disk that fails does: nobody is told what it may have lost, and all goes on once it works again.

use super::{
    gate::{count, gated, gated_with, insert},
    *,
};
use crate::{Durability, NotDurable, stream};

#[tokio::test]
async fn a_failed_sync_is_told_and_never_tried_again_on_the_same_file() {
    let (state, disk) = gated().await;
    let (writer, reader) = (Scope::new(None), Scope::new(None));
    disk.hold();
    insert(&state, &writer).await;
    assert_eq!(count(&state, &reader).await, "1");
    disk.fail_files(true);
    disk.release();
    assert_eq!(writer.settled().await, Err(NotDurable));
    assert_eq!(reader.settled().await, Err(NotDurable));
    assert_eq!(writer.settled().await, Err(NotDurable), "for good");

    disk.fail_files(false);
    let failed = *disk.files().last().unwrap();
    let before = disk.files().len();
    let later = Scope::new(None);
    insert(&state, &later).await;
    assert_eq!(later.settled().await, Ok(()));
    assert_eq!(count(&state, &later).await, "2", "what was not told was kept all the same");
    assert!(later.is_settled());
    assert!(disk.files().len() > before && !disk.files().get(before..).unwrap().contains(&failed));
}

#[tokio::test]
async fn a_statement_that_ends_after_a_failed_sync_does_not_hide_it() {
    let (state, disk) = gated().await;
    let (writer, reader) = (Scope::new(None), Scope::new(None));
    disk.hold();
    insert(&state, &writer).await;
    count(&state, &reader).await;
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";
    let statement = Statement { sql: endless.to_owned(), parameters: vec![] };
    let running = stream::start(&state.session("user-john"), None, statement).await.map_err(text).unwrap();
    disk.fail_files(true);
    disk.release();
    assert_eq!(reader.settled().await, Err(NotDurable), "the sync has failed");
    drop(running.rows);
    running.end.result().await.unwrap().unwrap_err();
    assert_eq!(writer.settled().await, Err(NotDurable));
}

#[tokio::test]
async fn a_failed_sync_leaves_the_wal_to_be_recovered_by_the_next_use() {
    let (state, disk) = gated().await;
    disk.fail_files(true);
    let scope = Scope::new(None);
    insert(&state, &scope).await;
    assert_eq!(scope.settled().await, Err(NotDurable));
    let size = || std::fs::metadata(state.path("user-john.db")).unwrap().len();
    let before = size();
    state.databases.close().await;
    assert_eq!(size(), before, "nothing was moved into the database");
    assert!(state.files().contains(&"user-john.db-wal".to_owned()), "{:?}", state.files());

    let again = Databases::open(state.dir.path(), Limits::default()).unwrap();
    let session = Arc::new(Session::new(again.clone(), "user-john"));
    assert_eq!(run(&session, "SELECT count(*) FROM a").await.unwrap(), ["1"]);
    assert!(size() > before, "the first use has moved it");
    again.close().await;
    assert_eq!(state.files(), ["user-john.db"]);
}

#[tokio::test]
async fn calls_that_belong_to_no_request_are_told_of_it_once_each() {
    let (state, disk) = gated().await;
    let session = state.session("user-john");
    disk.fail_files(true);
    assert_code(run(&session, "INSERT INTO a VALUES (1)").await, "SQLITE_IOERR");
    disk.fail_files(false);
    run(&session, "BEGIN").await.unwrap();
    run(&session, "INSERT INTO a VALUES (2)").await.unwrap();
    run(&session, "COMMIT").await.unwrap();

    disk.fail_files(true);
    let statement = Statement { sql: "INSERT INTO a VALUES (3) RETURNING b".to_owned(), parameters: vec![] };
    let mut answer = stream::start(&session, None, statement).await.map_err(text).unwrap();
    while answer.rows.next().await.is_some() {}
    let error = format!("{:?}", answer.end.result().await.unwrap().unwrap_err());
    assert!(error.contains("SQLITE_IOERR"), "{error}");
    disk.fail_files(false);
    assert_eq!(run(&session, "SELECT count(*) FROM a").await.unwrap(), ["3"]);
}

#[tokio::test]
async fn a_recovery_that_fails_leaves_nothing_beside_the_wal() {
    let (state, disk) = gated().await;
    disk.fail_files(true);
    assert_code(run(&state.session("user-john"), "INSERT INTO a VALUES (1)").await, "SQLITE_IOERR");
    run(&state.session("user-john"), "SELECT * FROM a").await.unwrap_err();
    assert_eq!(state.files(), ["user-john.db", "user-john.db-wal"]);
    disk.fail_files(false);
    assert_eq!(run(&state.session("user-john"), "SELECT * FROM a").await.unwrap(), ["1"]);
}

#[tokio::test]
async fn who_finds_a_database_that_cannot_be_recovered_gets_no_answer_of_the_component() {
    let (state, disk) = gated().await;
    disk.fail_files(true);
    let scope = Scope::new(None);
    insert(&state, &scope).await;
    assert_eq!(scope.settled().await, Err(NotDurable));
    let file = state.path("user-john.db");
    let aside = file.with_extension("aside");
    std::fs::rename(&file, &aside).unwrap();
    std::fs::create_dir(&file).unwrap();
    let refused = Scope::new(None);
    run_in(&state.session("user-john"), &refused, "SELECT * FROM a").await.unwrap_err();
    assert_eq!(refused.settled().await, Err(NotDurable));
    std::fs::remove_dir(&file).unwrap();
    std::fs::rename(&aside, &file).unwrap();
    disk.fail_files(false);
    let later = Scope::new(None);
    assert_eq!(count(&state, &later).await, "1");
    assert_eq!(later.settled().await, Ok(()));
}

#[tokio::test]
async fn a_transaction_that_meets_a_failed_sync_is_not_told() {
    let (state, disk) = gated().await;
    let (session, first, second) = (state.session("user-john"), Scope::new(None), Scope::new(None));
    disk.hold();
    insert(&state, &first).await;
    run_in(&session, &second, "BEGIN IMMEDIATE").await.unwrap();
    disk.fail_files(true);
    disk.release();
    assert_eq!(first.settled().await, Err(NotDurable));
    assert_code(run_in(&session, &second, "INSERT INTO a VALUES (2)").await, "SQLITE_IOERR");
    assert_eq!(second.settled().await, Err(NotDurable));
    second.end();
    disk.fail_files(false);
    let later = Scope::new(None);
    assert_eq!(count(&state, &later).await, "1");
    assert_eq!(later.settled().await, Ok(()));
}

#[tokio::test]
async fn the_name_of_the_log_is_synced_once_and_must_be() {
    let (state, disk) = gated_with(Durability::Gated, 1).await;
    let before = disk.folders();
    assert_eq!(before, 3 + 1, "at the start, and for the file and its log");
    let scope = Scope::new(None);
    insert(&state, &scope).await;
    assert_eq!(scope.settled().await, Ok(()));
    assert_eq!(disk.folders(), before);

    // Opened anew, the log is a new file.
    run(&state.session("user-jane"), "CREATE TABLE a (b)").await.unwrap();
    assert_eq!(state.databases.open_now(), 1);
    let refused = Scope::new(None);
    assert_eq!(count(&state, &refused).await, "1");
    disk.fail_folders(true);
    insert(&state, &refused).await;
    assert_eq!(refused.settled().await, Err(NotDurable));
}

#[tokio::test]
async fn nobody_is_told_of_an_erase_that_is_not_on_disk() {
    let (state, disk) = gated().await;
    disk.fail_folders(true);
    let (eraser, reader) = (Scope::new(None), Scope::new(None));
    let session = state.session("user-john");
    assert_code(run_in(&session, &eraser, "PRAGMA ownbase_erase").await, "SQLITE_IOERR");
    drop(session);
    run_in(&state.session("user-john"), &reader, "SELECT * FROM a").await.unwrap_err();
    assert_eq!(reader.settled().await, Err(NotDurable));
    disk.fail_folders(false);
    let (before, later) = (disk.folders(), Scope::new(None));
    assert_code(run_in(&state.session("user-john"), &later, "SELECT * FROM a").await, "SQLITE_ERROR");
    assert_eq!(later.settled().await, Ok(()));
    assert_eq!(disk.folders(), before + 1);
}
