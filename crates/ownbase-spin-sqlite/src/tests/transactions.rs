//! Whose transaction it is, how long it lasts, and who waits for it.

use super::{checkpoints::run_with_lease, gate::gated, *};
use crate::lease::Lease;

async fn table(state: &State) -> Arc<Session> {
    let session = state.session("user-john");
    run(&session, "CREATE TABLE a (b)").await.unwrap();
    session
}

#[tokio::test]
async fn a_transaction_holds_until_it_is_committed() {
    let state = state_with(|limits| limits.busy_timeout_ms = 10_000);
    let (mine, other) = (table(&state).await, state.session("user-john"));
    run(&mine, "BEGIN").await.unwrap();
    run(&mine, "INSERT INTO a VALUES (1)").await.unwrap();
    assert_eq!(run(&mine, "SELECT b FROM a").await.unwrap(), ["1"]);
    let waiting =
        tokio::spawn(async move { run(&other, "INSERT INTO a SELECT count(*) + 1 FROM a RETURNING b").await });
    run(&mine, "INSERT INTO a VALUES (2)").await.unwrap();
    run(&mine, "COMMIT").await.unwrap();
    assert_eq!(waiting.await.unwrap().unwrap(), ["3"]);
}

#[tokio::test]
async fn whoever_waits_too_long_is_told_that_the_database_is_busy() {
    let state = state_with(|limits| limits.busy_timeout_ms = 20);
    let (mine, other) = (table(&state).await, state.session("user-john"));
    run(&mine, "BEGIN").await.unwrap();
    assert_code(run(&other, "SELECT 1").await, "SQLITE_BUSY");
    assert_eq!(run(&state.session("user-jane"), "SELECT 1").await.unwrap(), ["1"]);
    run(&mine, "ROLLBACK").await.unwrap();
    assert_eq!(run(&other, "SELECT 1").await.unwrap(), ["1"]);
}

#[tokio::test]
async fn a_request_that_ends_or_passes_its_deadline_waits_no_longer() {
    let state = state();
    let (mine, other) = (table(&state).await, state.session("user-john"));
    run(&mine, "BEGIN").await.unwrap();
    let late = Scope::new(Some(Instant::now()));
    assert_code(run_in(&other, &late, "SELECT 1").await, "SQLITE_BUSY");
    run(&mine, "ROLLBACK").await.unwrap();
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
    assert_code(run_in(&other, &late, endless).await, "SQLITE_INTERRUPT");
    late.end();
    assert_code(run_in(&other, &late, "SELECT 1").await, "SQLITE_INTERRUPT");
}

#[tokio::test]
async fn the_end_of_a_request_rolls_back_and_frees() {
    let state = state();
    let (mine, other) = (table(&state).await, state.session("user-john"));
    let scope = Scope::new(None);
    run_in(&mine, &scope, "BEGIN IMMEDIATE").await.unwrap();
    run_in(&mine, &scope, "INSERT INTO a VALUES (1)").await.unwrap();
    assert_eq!(scope.labels().iter().map(|label| &**label).collect::<Vec<_>>(), ["user-john"]);
    scope.end();
    assert_eq!(run(&other, "SELECT count(*) FROM a").await.unwrap(), ["0"]);
    // The guest goes on as if nothing had happened: not one statement of it is done outside the transaction.
    assert_code(run_in(&mine, &scope, "INSERT INTO a VALUES (2)").await, "SQLITE_INTERRUPT");
    assert_eq!(run(&other, "SELECT count(*) FROM a").await.unwrap(), ["0"]);
}

#[tokio::test]
async fn a_dropped_connection_rolls_back_and_frees() {
    let state = state();
    let (mine, other) = (table(&state).await, state.session("user-john"));
    for scope in [None, Some(Scope::new(None))] {
        let mine = if scope.is_some() { state.session("user-john") } else { mine.clone() };
        run_with(&mine, scope.clone(), "BEGIN", vec![]).await.unwrap();
        run_with(&mine, scope.clone(), "INSERT INTO a VALUES (1)", vec![]).await.unwrap();
        mine.close();
        assert_eq!(run(&other, "SELECT count(*) FROM a").await.unwrap(), ["0"]);
    }
}

#[tokio::test]
async fn another_request_on_the_same_connection_stays_outside() {
    let state = state_with(|limits| limits.busy_timeout_ms = 20);
    let session = table(&state).await;
    let (first, second) = (Scope::new(None), Scope::new(None));
    run_in(&session, &first, "BEGIN").await.unwrap();
    run_in(&session, &first, "INSERT INTO a VALUES (1)").await.unwrap();
    // Inside, it would be acknowledged and then rolled back with the other's transaction.
    assert_code(run_in(&session, &second, "INSERT INTO a VALUES (2)").await, "SQLITE_BUSY");
    run_in(&session, &first, "COMMIT").await.unwrap();
    run_in(&session, &second, "INSERT INTO a VALUES (3)").await.unwrap();
    second.end();
    assert_eq!(run(&session, "SELECT b FROM a").await.unwrap(), ["1", "3"]);
}

#[tokio::test]
async fn rowids_and_counts_are_the_connections_own() {
    let state = state();
    let (mine, other) = (table(&state).await, state.session("user-john"));
    run(&mine, "INSERT INTO a VALUES (1), (2)").await.unwrap();
    run(&other, "INSERT INTO a VALUES (3)").await.unwrap();
    assert_eq!((mine.last_insert_rowid(), mine.changes()), (2, 2));
    assert_eq!((other.last_insert_rowid(), other.changes()), (3, 1));
    run(&mine, "SELECT * FROM a").await.unwrap();
    run(&mine, "CREATE INDEX i ON a (b)").await.unwrap();
    assert_eq!((mine.last_insert_rowid(), mine.changes()), (2, 2));
    run(&mine, "DELETE FROM a WHERE b = 9").await.unwrap();
    assert_eq!((mine.last_insert_rowid(), mine.changes()), (2, 0));
    for sql in ["UPDATE a SET b = 4 WHERE b = 1", "DELETE FROM a WHERE b = 4"] {
        run(&mine, sql).await.unwrap();
        assert_eq!((mine.last_insert_rowid(), mine.changes()), (2, 1), "{sql}");
    }
    assert_eq!(state.session("user-john").last_insert_rowid(), 0);
}

#[tokio::test]
async fn a_rowid_is_of_an_own_insert() {
    let state = state();
    let (mine, other) = (table(&state).await, state.session("user-john"));
    for sql in [
        "CREATE TABLE c (i INTEGER PRIMARY KEY, d)",
        "CREATE VIEW v AS SELECT d FROM c",
        "CREATE TRIGGER t INSTEAD OF INSERT ON v BEGIN UPDATE c SET d = new.d; END",
        "CREATE VIRTUAL TABLE words USING fts5(word)",
        "INSERT INTO c VALUES (5, 0)",
    ] {
        run(&mine, sql).await.unwrap();
    }
    run(&other, "INSERT INTO a VALUES (1), (2), (3)").await.unwrap();
    for sql in [
        "WITH w AS (SELECT 1) UPDATE c SET d = 1 WHERE d IN (SELECT 0)",
        "WITH w AS (SELECT 1) DELETE FROM a WHERE b = 1",
        "INSERT INTO c VALUES (5, 2) ON CONFLICT DO UPDATE SET d = 2",
        "INSERT INTO v VALUES (3)",
    ] {
        run(&mine, sql).await.unwrap();
        assert_eq!((mine.last_insert_rowid(), mine.changes() < 2), (5, true), "{sql}");
    }
    for (table, rowid) in [("c", 7), ("words", 8)] {
        run(&other, &format!("INSERT INTO a (rowid, b) VALUES ({rowid}, 0)")).await.unwrap();
        run(&mine, &format!("INSERT INTO {table} (rowid) VALUES ({rowid})")).await.unwrap();
        assert_eq!(mine.last_insert_rowid(), rowid, "as another's in another table");
    }
}

#[tokio::test]
async fn nothing_runs_in_place_of_a_transaction_that_is_gone() {
    let (state, _) = gated().await;
    let (session, scope) = (state.session("user-john"), Scope::new(None));
    for sql in ["INSERT INTO a VALUES (1)", "SELECT * FROM a", "COMMIT"] {
        let mut lease = Lease::wait(&state.databases.entry("user-john").1).await;
        run_with_lease(&state, &mut lease, "BEGIN");
        let begun = scope.begin(lease).map_err(text).unwrap();
        let transaction = begun.within(&scope).unwrap();
        session.note_begun(begun);
        transaction.lock().connection().unwrap().roll_back().map_err(text).unwrap();
        drop(transaction);
        assert_code(run_in(&session, &scope, sql).await, "SQLITE_ABORT");
        assert_eq!(run_in(&session, &scope, "SELECT count(*) FROM a").await.unwrap(), ["0"]);
    }
}

#[tokio::test]
async fn only_what_counts_rows_changes_the_count() {
    let state = state();
    let (mine, other) = (table(&state).await, state.session("user-john"));
    run(&mine, "INSERT INTO a VALUES (1), (2), (3)").await.unwrap();
    run(&other, "DELETE FROM a WHERE b = 7").await.unwrap();
    for sql in [
        "CREATE TABLE c (d)",
        "CREATE TABLE e AS SELECT b FROM a",
        "CREATE VIRTUAL TABLE words USING fts5(word)",
        "ALTER TABLE c ADD COLUMN f",
        "BEGIN IMMEDIATE",
        "SAVEPOINT s",
        "COMMIT",
        "DROP TABLE c",
        "ANALYZE",
        "EXPLAIN DELETE FROM a",
        "PRAGMA user_version",
    ] {
        run(&mine, sql).await.unwrap();
        assert_eq!((mine.changes(), other.changes()), (3, 0), "{sql}");
    }
    run(&mine, "/* none */ WITH w AS (SELECT 7) DELETE FROM a WHERE b IN w").await.unwrap();
    assert_eq!(mine.changes(), 0);
    run(&mine, "-- all\nUPDATE a SET b = 0").await.unwrap();
    assert_eq!((mine.changes(), other.changes()), (3, 0));
}
