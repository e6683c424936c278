//! A long WAL is moved into its file when its turn has come, and holds nobody up before, nor grows without bound.

use super::{
    gate::{gated, gated_with},
    *,
};
use crate::{Durability, gathered::Gathered, lease::Lease};

/// More than a WAL has before it is to be moved.
const LONG: &str = "INSERT INTO a WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1200) \
                    SELECT zeroblob(2000) FROM n";

async fn lease(state: &State, label: &str) -> Lease {
    Lease::wait(&state.databases.entry(label).1).await
}

/// Runs a statement with a lease that is not given back, on this thread.
pub(super) fn run_with_lease(state: &State, lease: &mut Lease, sql: &str) {
    let statement = Statement { sql: sql.to_owned(), parameters: vec![] };
    let until = Instant::now() + Duration::from_secs(20);
    lease.run(&Scope::new(None), &state.databases, &statement, until, &mut Gathered::new(9, 99)).map_err(text).unwrap();
}

async fn make(state: &State, label: &str) {
    run(&state.session(label), "CREATE TABLE IF NOT EXISTS a (b)").await.unwrap();
}

fn wal_is_long(lease: &Lease) -> bool {
    lease.connection().is_some_and(|connection| connection.wal_is_long())
}

/// Whether the database is free, and its WAL short.
fn is_short(state: &State, label: &str) -> bool {
    Lease::try_take(&state.databases.entry(label).1).is_some_and(|lease| !wal_is_long(&lease))
}

#[tokio::test]
async fn who_waits_for_a_turn_is_free_meanwhile() {
    let (state, _) = gated_with(Durability::Gated, 20).await;
    let labels: Vec<String> = (0..16).map(|number| format!("user-{number}")).collect();
    let mut held = Vec::new();
    for label in &labels {
        make(&state, label).await;
        let mut lease = lease(&state, label).await;
        run_with_lease(&state, &mut lease, LONG);
        assert!(wal_is_long(&lease));
        held.push(lease);
    }
    held.into_iter().for_each(|lease| state.databases.give_back(lease));
    let is_free = |label: &&String| Lease::try_take(&state.databases.entry(label).1).is_some();
    let free = labels.iter().filter(is_free).count();
    assert!(free > 8, "{free} of 16 are free, and one at most has its turn");
    eventually("all had their turn", || labels.iter().all(|label| is_short(&state, label))).await;
}

#[tokio::test]
async fn who_is_held_for_long_keeps_nobody_from_a_turn_and_has_one_after() {
    let (state, _) = gated().await;
    make(&state, "user-jane").await;
    let session = state.session("user-john");
    let mut john = lease(&state, "user-john").await;
    run_with_lease(&state, &mut john, LONG);
    let label = john.asks_for_checkpoint().expect("it is long");
    assert_eq!(john.asks_for_checkpoint(), None, "once");
    state.databases.checkpoint_later(label);
    run(&state.session("user-jane"), LONG).await.unwrap();
    eventually("jane had a turn", || is_short(&state, "user-jane")).await;
    assert!(wal_is_long(&john));
    drop(john);
    eventually("john had a turn", || is_short(&state, "user-john")).await;
    run(&session, LONG).await.unwrap();
    eventually("john has another one when it is long again", || is_short(&state, "user-john")).await;
}

#[tokio::test]
async fn a_wal_whose_turn_does_not_come_is_bounded_all_the_same() {
    let (state, _) = gated().await;
    let mut lease = lease(&state, "user-john").await;
    for _ in 0..6 {
        run_with_lease(&state, &mut lease, LONG);
    }
    let wal = std::fs::metadata(state.path("user-john.db-wal")).unwrap().len();
    assert!(wal < 3_300 * 2_072, "{wal} bytes for 7,200 pages written");
    // Nor is it added to on the thread that serves.
    let is_overdue = |lease: &Lease| lease.connection().unwrap().wal_is_overdue();
    assert!(is_overdue(&lease), "the last of six found it short, and so did the one before");
    let insert = Statement { sql: "INSERT INTO a VALUES (1)".to_owned(), parameters: vec![] };
    let until = Instant::now() + Duration::from_secs(20);
    let ran = lease.run_here(&Scope::new(None), &insert, until, &mut Gathered::new(9, 99));
    assert!(matches!(ran, crate::connection::Ran::Refused));
    run_with_lease(&state, &mut lease, "INSERT INTO a VALUES (1)");
    assert!(!wal_is_long(&lease), "it was moved before the statement ran");
}

#[tokio::test]
async fn an_end_or_an_erase_comes_before_a_turn() {
    let (state, _) = gated().await;
    make(&state, "user-jane").await;
    for label in ["user-john", "user-jane"] {
        let mut lease = lease(&state, label).await;
        run_with_lease(&state, &mut lease, LONG);
        state.databases.give_back(lease);
    }
    run(&state.session("user-john"), "PRAGMA ownbase_erase").await.unwrap();
    state.databases.close().await;
    assert_eq!(state.files(), ["user-jane.db"]);
    assert!(state.dir.path().join("settled").exists(), "all were seen at rest");
}
