//! Which statements run on the thread that serves, and that the disk, a checkpoint and a limit are there as elsewhere.
//!
//! SQLite itself tells, by its commit hook, on which thread each commit was made; the thread that serves is the test's.

use super::{
    checkpoints::run_with_lease,
    gate::{count, gated, gated_with, insert},
    *,
};
use crate::{Durability, connection::Ran, gathered::Gathered, lease::Lease};
use std::thread::{self, ThreadId};

/// More than the thread that serves has time for.
pub(super) const MANY: &str =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 100000) SELECT i FROM n";

/// Of `user-john`, once nobody uses it.
pub(super) async fn lease(state: &State) -> Lease {
    Lease::wait(&state.databases.entry("user-john").1).await
}

pub(super) async fn threads(state: &State) -> Vec<ThreadId> {
    lease(state).await.connection().expect("it is open").commits().take_threads()
}

/// Whether the one commit since this was last asked was made on this thread.
pub(super) async fn committed_here(state: &State) -> bool {
    match *threads(state).await {
        [one] => one == thread::current().id(),
        ref other => panic!("{} commits", other.len()),
    }
}

/// Runs a statement until it was committed on this thread, which others on the machine may keep from its work for longer
/// than a statement may run here.
pub(super) async fn run_until_here(state: &State, session: &Arc<Session>, sql: &str) -> Vec<String> {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        threads(state).await;
        let rows = run(session, sql).await.unwrap();
        if committed_here(state).await {
            return rows;
        }
        assert!(Instant::now() < deadline, "never here: {sql}");
    }
}

/// Runs a statement on this thread if it may run here, with all the time it needs.
pub(super) async fn here(state: &State, sql: &str) -> Ran {
    let until = Instant::now() + Duration::from_secs(20);
    lease(state).await.run_here(&Scope::new(None), &statement(sql), until, &mut Gathered::new(9, 1 << 20))
}

/// A database as `gated`, with 100,000 rows of 0 in `many`.
pub(super) async fn with_many_rows() -> (State, Arc<Session>) {
    let (state, _) = gated().await;
    let session = state.session("user-john");
    run(&session, "CREATE TABLE many (i INTEGER PRIMARY KEY, b INTEGER NOT NULL)").await.unwrap();
    run(&session, &format!("INSERT INTO many SELECT i, 0 FROM ({MANY})")).await.unwrap();
    threads(&state).await;
    (state, session)
}

pub(super) fn statement(sql: &str) -> Statement {
    Statement { sql: sql.to_owned(), parameters: vec![] }
}

#[tokio::test]
async fn a_plain_write_runs_here_and_its_answer_waits_for_the_disk() {
    let (state, disk) = gated().await;
    disk.hold();
    let (scope, until) = (Scope::new(None), Instant::now() + Duration::from_secs(20));
    let ran =
        lease(&state).await.run_here(&scope, &statement("INSERT INTO a VALUES (1)"), until, &mut Gathered::new(9, 99));
    assert!(matches!(ran, Ran::Done(Ok(Some(_)))));
    assert!(!scope.is_settled());
    disk.release();
    assert_eq!(scope.settled().await, Ok(()));
    run_until_here(&state, &state.session("user-john"), "INSERT INTO a VALUES (2)").await;
    let changes = [
        "REPLACE INTO a VALUES (2)",
        " update a SET b = 3",
        "DELETE FROM a WHERE b = 3 RETURNING b",
        "/* why */ -- what\n; INSERT INTO a VALUES (4)",
        "WITH w AS (SELECT 1) INSERT INTO a SELECT * FROM w",
    ];
    for sql in changes {
        assert!(matches!(here(&state, sql).await, Ran::Done(Ok(Some(_)))), "{sql}");
    }
    for sql in
        ["CREATE TABLE c (d)", "BEGIN", "SAVEPOINT s", "/*/ INSERT */ ANALYZE", "EXPLAIN INSERT INTO a VALUES (5)"]
    {
        assert!(matches!(here(&state, sql).await, Ran::Refused), "{sql}");
    }
}

#[tokio::test]
async fn a_commit_that_syncs_by_itself_is_made_elsewhere() {
    let (state, _) = gated_with(Durability::Gated, 1).await;
    let insert_here = async || here(&state, "INSERT INTO a VALUES (1)").await;
    run(&state.session("user-jane"), "CREATE TABLE a (b)").await.unwrap();
    assert!(matches!(insert_here().await, Ran::Refused), "it is closed");
    assert_eq!(count(&state, &Scope::new(None)).await, "0");
    assert!(matches!(insert_here().await, Ran::Done(Ok(Some(_)))), "in a log that the open has made");
    lease(&state).await.checkpoint();
    assert!(matches!(insert_here().await, Ran::Refused), "after a checkpoint");
    insert(&state, &Scope::new(None)).await;
    assert!(matches!(insert_here().await, Ran::Done(Ok(Some(_)))));

    let synced = self::state();
    let session = synced.session("user-john");
    run(&session, "CREATE TABLE a (b)").await.unwrap();
    run(&session, "INSERT INTO a VALUES (1)").await.unwrap();
    assert!(matches!(here(&synced, "INSERT INTO a VALUES (1)").await, Ran::Refused), "without a gate");
}

#[tokio::test]
async fn within_a_transaction_only_reads_run_here() {
    let (state, session) = with_many_rows().await;
    let mut lease = lease(&state).await;
    let (scope, until) = (Scope::own(), Instant::now() + Duration::from_secs(9));
    let here = |lease: &Lease, sql: &str| {
        matches!(lease.run_here(&scope, &statement(sql), until, &mut Gathered::new(9, 99)), Ran::Done(Ok(_)))
    };
    assert!(!here(&lease, "BEGIN IMMEDIATE"));
    assert!(here(&lease, "UPDATE many SET b = 0 WHERE i = 1"));
    let databases = &state.databases;
    lease
        .run(&scope, databases, &statement("BEGIN IMMEDIATE"), until, &mut Gathered::new(9, 99))
        .map_err(text)
        .unwrap();
    assert!(!here(&lease, "UPDATE many SET b = 0 WHERE i = 1"));
    assert!(!here(&lease, "COMMIT"));
    assert!(here(&lease, "SELECT 1"));
    drop(lease);

    // What is stopped in a transaction would take all of it back.
    run(&session, "BEGIN IMMEDIATE").await.unwrap();
    run(&session, "UPDATE many SET b = b + 1").await.unwrap();
    run(&session, "UPDATE many SET b = b + 1").await.unwrap();
    let slow = "SELECT sum(x.b) FROM many AS x, (VALUES (1), (2), (3)) WHERE x.i % 7 >= 0";
    assert_eq!(run(&session, slow).await.unwrap(), ["600000"]);
    run(&session, "COMMIT").await.unwrap();
    assert_eq!(run(&session, "SELECT min(b), max(b) FROM many").await.unwrap(), ["2|2"]);
}

#[tokio::test]
async fn a_read_takes_nothing_back_of_its_transaction() {
    let (state, _) = gated().await;
    let session = state.session("user-john");
    for kind in ["words USING fts5(word)", "terms USING fts5vocab(words, 'row')"] {
        run(&session, &format!("CREATE VIRTUAL TABLE {kind}")).await.unwrap();
    }
    let (mut lease, scope) = (lease(&state).await, Scope::new(None));
    // From now on full-text search has prepared what it writes with.
    run_with_lease(&state, &mut lease, "INSERT INTO words VALUES ('first')");
    for patience in [Duration::ZERO, Duration::from_secs(20)] {
        run_with_lease(&state, &mut lease, "BEGIN");
        let read = |lease: &Lease| {
            let terms = statement("SELECT term FROM terms LIMIT 1");
            lease.run_here(&scope, &terms, Instant::now() + patience, &mut Gathered::new(9, 99))
        };
        assert!(!matches!(read(&lease), Ran::Refused));
        run_with_lease(&state, &mut lease, &format!("INSERT INTO words SELECT 'word' || i FROM ({MANY} LIMIT 20000)"));
        // Full-text search writes now what it had put off, and SQLite would take back all if it were stopped in that.
        let ran = read(&lease);
        assert!(lease.in_transaction());
        assert!(matches!(ran, Ran::Refused));
        run_with_lease(&state, &mut lease, "COMMIT");
    }
    drop(lease);
    assert_eq!(run(&session, "SELECT count(*) FROM words").await.unwrap(), ["40001"]);
}

#[tokio::test]
async fn what_moves_much_between_two_looks_at_the_clock_runs_elsewhere() {
    let (state, session) = with_many_rows().await;
    run(&session, "INSERT INTO a VALUES (hex(zeroblob(500000)))").await.unwrap();
    assert!(!committed_here(&state).await);
    let large = vec![Value::Text("a".repeat(1_000_000))];
    run_with(&session, None, "INSERT INTO a VALUES (?)", large).await.unwrap();
    assert!(!committed_here(&state).await);
    run(&session, "UPDATE a SET b = b || 'b'").await.unwrap();
    assert!(!committed_here(&state).await);
    assert_eq!(run(&session, "SELECT length(b) FROM a").await.unwrap(), ["1000001", "1000001"]);
    assert_code(run(&session, "INSERT INTO a VALUES (zeroblob(2000001))").await, "SQLITE_TOOBIG");
    run_until_here(&state, &session, "INSERT INTO a VALUES (zeroblob(10000))").await;
}

#[tokio::test]
async fn a_user_who_only_writes_here_has_a_bounded_wal() {
    let (state, _) = gated().await;
    let (session, scope) = (state.session("user-john"), Scope::new(None));
    threads(&state).await;
    for _ in 0..900 {
        run_in(&session, &scope, "INSERT INTO a VALUES (zeroblob(10000))").await.unwrap();
    }
    let threads = threads(&state).await;
    let elsewhere = threads.iter().filter(|thread| **thread != thread::current().id()).count();
    assert!((2..900).contains(&elsewhere), "{elsewhere} of {} commits were made elsewhere", threads.len());
    let wal = std::fs::metadata(state.path("user-john.db-wal")).unwrap().len();
    assert!(wal < 2_100 * 2_072, "{wal} bytes for 5,400 pages written");
    assert_eq!(scope.settled().await, Ok(()));
    assert_eq!(count(&state, &scope).await, "900");
}

#[tokio::test]
async fn a_database_that_is_full_says_so_from_here_too() {
    let (dir, disk) = (tempfile::tempdir().unwrap(), Arc::new(super::disk::TestDisk::default()));
    let limits = Limits { durability: Durability::Gated, max_database_bytes: 64 * 1024, ..Limits::default() };
    let state = State { databases: Databases::open_on(disk, dir.path(), limits).unwrap(), dir };
    let session = state.session("user-john");
    run(&session, "CREATE TABLE a (b)").await.unwrap();
    let rows = limits::fill(&session).await;
    let Ran::Done(Err(Error::DatabaseFull)) = here(&state, "INSERT INTO a VALUES (zeroblob(3000))").await else {
        panic!("it is full here too")
    };
    assert_eq!(run(&session, "SELECT count(*) FROM a").await.unwrap(), [rows.to_string()]);
    run(&session, "DELETE FROM a WHERE b IS NOT NULL").await.unwrap();
    run(&session, "INSERT INTO a VALUES (zeroblob(3000))").await.unwrap();
}
