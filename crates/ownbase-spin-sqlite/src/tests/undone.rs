//! A change of rows that is stopped on the thread that serves is undone and done elsewhere: whatever happens, it has one
//! effect and one answer.

use super::{
    gate::{count, gated},
    here::{MANY, committed_here, here, lease, run_until_here, statement, threads, with_many_rows},
    *,
};
use crate::{connection::Ran, gathered::Gathered};

#[tokio::test]
async fn a_write_that_takes_long_is_undone_and_done_once_elsewhere() {
    let (state, session) = with_many_rows().await;
    let long = "UPDATE many SET b = b + 1";
    let mut lease = lease(&state).await;
    let ran = lease.run_here(&Scope::own(), &statement(long), Instant::now(), &mut Gathered::new(9, 99));
    assert!(matches!(ran, Ran::Stopped(_)));
    assert!(!lease.in_transaction());
    assert!(lease.connection().unwrap().commits().take_threads().is_empty());
    lease.settle();
    drop(lease);
    assert_eq!(run(&session, "SELECT max(b) FROM many").await.unwrap(), ["0"]);

    run(&session, long).await.unwrap();
    assert!(!committed_here(&state).await);
    assert_eq!(session.changes(), 100_000);
    assert_eq!(run(&session, "SELECT min(b), max(b) FROM many").await.unwrap(), ["1|1"]);
    let rows = run(&session, "UPDATE many SET b = b + 1 WHERE i <= 50000 RETURNING i").await.unwrap();
    assert!(!committed_here(&state).await);
    assert_eq!(rows.len(), 50_000, "none that was handed out before it was undone");
    let few = run_until_here(&state, &session, "UPDATE many SET b = 7 WHERE i <= 2 RETURNING b, i").await;
    assert_eq!(few, ["7|1", "7|2"]);
}

#[tokio::test]
async fn what_is_committed_was_not_stopped() {
    let (state, _) = gated().await;
    let lease = lease(&state).await;
    let mut done = 0;
    // Too few instructions for a look at the clock before the commit; SQLite looks after it, in one run of some ten. Rows
    // come before the commit, which SQLite makes all the same where they are not fetched.
    for number in 0..50 {
        let insert =
            ["INSERT INTO a VALUES (1)", "INSERT INTO a VALUES (1), (2) RETURNING hex(zeroblob(4000))"][number % 2];
        match lease.run_here(&Scope::own(), &statement(insert), Instant::now(), &mut Gathered::new(9, 1 << 20)) {
            Ran::Done(changed) => done += changed.map_err(text).unwrap().unwrap().rows,
            Ran::Stopped(_) => {}
            Ran::Refused => panic!("it was not run"),
        }
    }
    drop(lease);
    assert_eq!(count(&state, &Scope::new(None)).await, done.to_string());
}

#[tokio::test]
async fn a_trigger_that_takes_long_leaves_one_effect() {
    let (state, _) = gated().await;
    let session = state.session("user-john");
    run(&session, "CREATE TABLE log (i INTEGER PRIMARY KEY AUTOINCREMENT, b)").await.unwrap();
    let trigger = format!("CREATE TRIGGER t AFTER INSERT ON a BEGIN INSERT INTO log (b) {}; END", long_for_a_trigger());
    run(&session, &trigger).await.unwrap();
    run(&session, "CREATE VIRTUAL TABLE words USING fts5(word)").await.unwrap();
    threads(&state).await;
    run(&session, "INSERT INTO a VALUES (1)").await.unwrap();
    assert!(!committed_here(&state).await);
    assert_eq!(run(&session, "SELECT count(*), max(i) FROM log").await.unwrap(), ["59049|59049"]);
    assert_eq!(run(&session, "SELECT count(*) FROM a").await.unwrap(), ["1"]);

    run(&session, "INSERT INTO words SELECT 'word' || i FROM log").await.unwrap();
    assert!(!committed_here(&state).await);
    run(&session, "INSERT INTO words (words) VALUES ('rebuild')").await.unwrap();
    assert!(!committed_here(&state).await);
    assert_eq!(run(&session, "SELECT count(*) FROM words WHERE words MATCH 'word77'").await.unwrap(), ["1"]);
}

/// A trigger may not have a WITH.
fn long_for_a_trigger() -> String {
    let digits = "(SELECT 0 AS d UNION ALL SELECT 1 UNION ALL SELECT 2)";
    let digits = (0..10).map(|_| digits).collect::<Vec<_>>().join(", ");
    format!("SELECT 7 FROM {digits}")
}

#[tokio::test]
async fn what_a_write_changed_is_told_after_either_way() {
    let (state, session) = with_many_rows().await;
    let told = |session: &Session| (session.last_insert_rowid(), session.changes());
    run_until_here(&state, &session, "REPLACE INTO many VALUES (100001, 1), (100002, 2)").await;
    assert_eq!(told(&session), (100_002, 2));
    let other = state.session("user-john");
    run(&other, &format!("INSERT INTO many (b) {MANY}")).await.unwrap();
    assert!(!committed_here(&state).await);
    assert_eq!(told(&other), (200_002, 100_000), "as if it had been begun once only");
    assert_eq!(told(&session), (100_002, 2));
    run(&other, "DELETE FROM many WHERE i = 0").await.unwrap();
    assert_eq!(told(&other), (200_002, 0));
}

#[tokio::test]
async fn a_failed_write_is_told_of_once_and_not_tried_again() {
    let (state, _) = gated().await;
    let session = state.session("user-john");
    run(&session, "CREATE TABLE one (b UNIQUE)").await.unwrap();
    threads(&state).await;
    // FAIL keeps what came before the conflict.
    for sql in ["INSERT OR FAIL INTO one VALUES (1), (2), (1), (3)", "INSERT INTO one VALUES (4), (2)"] {
        let Ran::Done(Err(error)) = here(&state, sql).await else { panic!("{sql}") };
        assert_code(Err::<(), _>(text(error)), "SQLITE_CONSTRAINT");
    }
    assert!(committed_here(&state).await);
    assert_eq!(run(&session, "SELECT b FROM one").await.unwrap(), ["1", "2"]);
}
