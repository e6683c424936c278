//! Nobody is told what a power cut may take back: the gate, on a disk that tests hold and count.

use super::{disk::TestDisk, *};
use crate::{Durability, NotDurable, connection::Ran, gathered::Gathered, lease::Lease, stream};

/// A state directory with a gate, and one table in `user-john`, on disk.
pub(super) async fn gated() -> (State, Arc<TestDisk>) {
    gated_with(Durability::Gated, 9).await
}

pub(super) async fn gated_with(durability: Durability, max_open_databases: usize) -> (State, Arc<TestDisk>) {
    let (dir, disk) = (tempfile::tempdir().unwrap(), Arc::new(TestDisk::default()));
    let limits = Limits { durability, max_open_databases, ..Limits::default() };
    let databases = Databases::open_on(disk.clone(), dir.path(), limits).unwrap();
    let state = State { dir, databases };
    run(&state.session("user-john"), "CREATE TABLE a (b)").await.unwrap();
    (state, disk)
}

pub(super) async fn insert(state: &State, scope: &Scope) {
    run_in(&state.session("user-john"), scope, "INSERT INTO a VALUES (1)").await.unwrap();
}

pub(super) async fn count(state: &State, scope: &Scope) -> String {
    run_in(&state.session("user-john"), scope, "SELECT count(*) FROM a").await.unwrap().remove(0)
}

#[tokio::test]
async fn an_answer_waits_for_the_sync_that_comes_after_its_write() {
    let (state, disk) = gated().await;
    disk.hold();
    let before = disk.files().len();
    let scope = Scope::new(None);
    insert(&state, &scope).await;
    let first = settling(&scope);
    eventually("the sync has begun", || disk.files().len() == before + 1).await;
    assert!(!scope.is_settled());
    // Committed while a sync runs that began earlier: it takes another one.
    let later = Scope::new(None);
    insert(&state, &later).await;
    let second = settling(&later);
    disk.release();
    assert_eq!(first.await.unwrap(), Ok(()));
    assert_eq!(second.await.unwrap(), Ok(()));
    assert_eq!(disk.files().len(), before + 2);
}

fn settling(scope: &Scope) -> tokio::task::JoinHandle<Result<(), NotDurable>> {
    let scope = scope.clone();
    tokio::spawn(async move { scope.settled().await })
}

#[tokio::test]
async fn all_that_commit_before_one_of_them_waits_share_a_sync() {
    let (state, disk) = gated().await;
    let (before, (_, entry)) = (disk.files().len(), state.databases.entry("user-john"));
    let tasks: Vec<_> = (0..32)
        .map(|_| {
            let (entry, scope) = (entry.clone(), Scope::new(None));
            tokio::spawn(async move {
                let lease = Lease::try_take(&entry).unwrap();
                let statement = Statement { sql: "INSERT INTO a VALUES (1)".to_owned(), parameters: vec![] };
                let until = Instant::now() + Duration::from_secs(20);
                let ran = lease.run_here(&scope, &statement, until, &mut Gathered::new(9, 99));
                assert!(matches!(ran, Ran::Done(Ok(Some(_)))));
                drop(lease);
                scope.settled().await
            })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), Ok(()));
    }
    assert_eq!(disk.files().len(), before + 1, "they are ready at once on one thread");
}

#[tokio::test]
async fn what_nobody_waits_for_is_synced_with_what_somebody_does() {
    let (state, disk) = gated().await;
    let before = disk.files().len();
    let (session, unasked, asked) = (state.session("user-john"), Scope::new(None), Scope::new(None));
    insert(&state, &unasked).await;
    run_in(&session, &asked, "INSERT INTO a VALUES (2)").await.unwrap();
    assert_eq!(disk.files().len(), before);
    assert!(!unasked.is_settled());
    assert_eq!(asked.settled().await, Ok(()));
    assert!(unasked.is_settled());
    assert_eq!(disk.files().len(), before + 1);
}

#[tokio::test]
async fn what_was_only_read_waits_too() {
    let (state, disk) = gated().await;
    let unheld = Scope::new(None);
    assert_eq!(count(&state, &unheld).await, "0");
    assert!(unheld.is_settled(), "what is on disk waits for nothing");
    disk.hold();
    let (writer, reader) = (Scope::new(None), Scope::new(None));
    insert(&state, &writer).await;
    assert_eq!(count(&state, &reader).await, "1");
    assert!(!reader.is_settled());
    assert!(unheld.is_settled(), "it read before the write");
    disk.release();
    assert_eq!(reader.settled().await, Ok(()));
}

#[tokio::test]
async fn what_another_user_writes_holds_nobody() {
    let (state, disk) = gated().await;
    let (jane, scope) = (state.session("user-jane"), Scope::new(None));
    run(&jane, "CREATE TABLE a (b)").await.unwrap();
    disk.hold();
    insert(&state, &Scope::new(None)).await;
    run_in(&jane, &scope, "SELECT * FROM a").await.unwrap();
    assert!(scope.is_settled());
    disk.release();
}

#[tokio::test]
async fn many_writes_share_a_sync() {
    let (state, disk) = gated().await;
    disk.hold();
    let before = disk.files().len();
    let scopes: Vec<Scope> = (0..32).map(|_| Scope::new(None)).collect();
    for scope in &scopes {
        insert(&state, scope).await;
    }
    disk.release();
    for scope in &scopes {
        assert_eq!(scope.settled().await, Ok(()));
    }
    let syncs = disk.files().len() - before;
    assert!((1..=2).contains(&syncs), "{syncs} syncs for 32 commits");
}

#[tokio::test]
async fn a_transaction_waits_from_its_commit_on_and_a_failed_statement_for_nothing() {
    let (state, disk) = gated().await;
    let (session, scope) = (state.session("user-john"), Scope::new(None));
    disk.hold();
    run_in(&session, &scope, "BEGIN IMMEDIATE").await.unwrap();
    run_in(&session, &scope, "INSERT INTO a VALUES (1)").await.unwrap();
    run_in(&session, &scope, "INSERT INTO nothing VALUES (1)").await.unwrap_err();
    assert!(scope.is_settled());
    run_in(&session, &scope, "COMMIT").await.unwrap();
    assert!(!scope.is_settled());
    disk.release();
    assert_eq!(scope.settled().await, Ok(()));
}

#[tokio::test]
async fn rows_that_come_before_their_commit_wait_for_it() {
    let (state, disk) = gated().await;
    let (session, scope) = (state.session("user-john"), Scope::new(None));
    disk.hold();
    let statement = Statement { sql: "INSERT INTO a VALUES (1) RETURNING b".to_owned(), parameters: vec![] };
    let mut answer = stream::start(&session, Some(scope.clone()), statement).await.map_err(text).unwrap();
    assert!(!scope.is_settled());
    while answer.rows.next().await.is_some() {
        assert!(!scope.is_settled());
    }
    answer.end.result().await.unwrap().unwrap();
    assert!(!scope.is_settled());
    disk.release();
    assert_eq!(scope.settled().await, Ok(()));
}

#[tokio::test]
async fn rows_that_are_only_read_do_not_wait_for_their_own_end() {
    let (state, disk) = gated().await;
    let (session, scope) = (state.session("user-john"), Scope::new(None));
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";
    let start = async || {
        let statement = Statement { sql: endless.to_owned(), parameters: vec![] };
        stream::start(&session, Some(scope.clone()), statement).await.map_err(text).unwrap()
    };
    let answer = start().await;
    assert!(scope.is_settled(), "nothing has been written");
    drop(answer.rows);
    answer.end.result().await.unwrap().unwrap_err();

    disk.hold();
    insert(&state, &Scope::new(None)).await;
    let _unread = start().await;
    assert!(!scope.is_settled(), "it reads what another has written");
    disk.release();
    assert_eq!(tokio::time::timeout(Duration::from_secs(4), scope.settled()).await, Ok(Ok(())));
}

#[tokio::test]
async fn a_commit_counts_whose_rows_nobody_fetched() {
    let (state, disk) = gated().await;
    let (session, scope) = (state.session("user-john"), Scope::new(None));
    disk.hold();
    let many = "INSERT INTO a WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 30000) \
                SELECT hex(zeroblob(50)) FROM n RETURNING b";
    let statement = Statement { sql: many.to_owned(), parameters: vec![] };
    drop(stream::start(&session, Some(scope.clone()), statement).await.map_err(text).unwrap());
    let reader = Scope::new(None);
    let counted = count(&state, &reader).await;
    assert!(counted == "0" || !reader.is_settled(), "{counted} rows were read that may not be on disk");
    disk.release();
    assert_eq!(scope.settled().await, Ok(()));
}

#[tokio::test]
async fn calls_that_belong_to_no_request_wait_by_themselves() {
    let (state, disk) = gated().await;
    disk.hold();
    let before = disk.files().len();
    let session = state.session("user-john");
    let writing = tokio::spawn(async move { run(&session, "INSERT INTO a VALUES (1)").await });
    eventually("the sync has begun", || disk.files().len() > before).await;
    assert!(!writing.is_finished());
    disk.release();
    writing.await.unwrap().unwrap();
}

#[tokio::test]
async fn closing_and_erasing_settle_what_waited() {
    let (state, disk) = gated().await;
    disk.hold();
    let (erased, closed) = (Scope::new(None), Scope::new(None));
    insert(&state, &erased).await;
    assert!(!erased.is_settled());
    run_in(&state.session("user-john"), &closed, "PRAGMA ownbase_erase").await.unwrap();
    assert_eq!(erased.settled().await, Ok(()));
    disk.release();
    run(&state.session("user-john"), "CREATE TABLE a (b)").await.unwrap();
    disk.hold();
    insert(&state, &closed).await;
    assert!(!closed.is_settled());
    state.databases.close().await;
    assert_eq!(closed.settled().await, Ok(()));
    assert_eq!(state.files(), ["user-john.db"]);
    disk.release();
}

#[tokio::test]
async fn relaxed_waits_only_where_the_disk_is_too_far_behind() {
    let (state, disk) = gated_with(Durability::Relaxed { window_ms: 86_400_000 }, 9).await;
    let (before, scope) = (disk.files(), Scope::new(None));
    insert(&state, &scope).await;
    assert_eq!(scope.settled().await, Ok(()));
    assert_eq!(disk.files(), before, "half of the window has not passed");
    state.databases.close().await;

    let (state, disk) = gated_with(Durability::Relaxed { window_ms: 1 }, 9).await;
    disk.hold();
    let (first, behind) = (Scope::new(None), Scope::new(None));
    let before = disk.files().len();
    insert(&state, &first).await;
    eventually("the sync has begun", || disk.files().len() > before).await;
    let deadline = Instant::now() + Duration::from_secs(20);
    while behind.is_settled() {
        assert!(Instant::now() < deadline, "answers still leave");
        insert(&state, &behind).await;
    }
    disk.release();
    assert_eq!(behind.settled().await, Ok(()));
}

#[tokio::test]
async fn relaxed_looks_again_once_the_window_is_over() {
    let (state, disk) = gated_with(Durability::Relaxed { window_ms: 50 }, 9).await;
    disk.hold();
    let scope = Scope::new(None);
    insert(&state, &scope).await;
    scope.is_settled();
    eventually("the rest of the answer waits", || !scope.is_settled()).await;
    disk.release();
    assert_eq!(scope.settled().await, Ok(()));
}

#[tokio::test]
async fn relaxed_waits_no_longer_than_the_statement_runs() {
    let (state, _) = gated_with(Durability::Relaxed { window_ms: 86_400_000 }, 9).await;
    let (session, scope) = (state.session("user-john"), Scope::new(None));
    let many = "INSERT INTO a WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 30000) \
                SELECT hex(zeroblob(50)) FROM n RETURNING b";
    let statement = Statement { sql: many.to_owned(), parameters: vec![] };
    let mut answer = stream::start(&session, Some(scope.clone()), statement).await.map_err(text).unwrap();
    let (settled, ()) = tokio::join!(tokio::time::timeout(Duration::from_secs(20), scope.settled()), async {
        while answer.rows.next().await.is_some() {}
    });
    assert_eq!(settled, Ok(Ok(())));
}
