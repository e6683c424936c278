//! What SQLite does in one instruction, however many rows there are, is not done on the thread that serves.

use super::{
    gate::{count, gated},
    here::{committed_here, here, lease, statement, threads, with_many_rows},
    *,
};
use crate::{connection::Ran, gathered::Gathered};

/// Runs a statement elsewhere first, so that what may be kept prepared is.
async fn refused(state: &State, session: &Arc<Session>, sql: &str) -> bool {
    let first = matches!(here(state, sql).await, Ran::Refused);
    run(session, sql).await.unwrap();
    first && matches!(here(state, sql).await, Ran::Refused)
}

#[tokio::test]
async fn a_count_of_a_table_runs_elsewhere_whoever_hides_it() {
    let (state, session) = with_many_rows().await;
    run(&session, "CREATE VIEW size AS SELECT count(*) AS rows FROM many").await.unwrap();
    for sql in ["SELECT count(*) FROM many", "SELECT COUNT (*) FROM many", "SELECT 7, (SELECT rows FROM size)"] {
        assert!(refused(&state, &session, sql).await, "{sql}");
    }
    assert_eq!(run(&session, "SELECT rows FROM size").await.unwrap(), ["100000"]);
    for sql in ["SELECT b AS discount FROM many WHERE i = 1", "SELECT count(*) FROM many WHERE i <= ?1"] {
        assert!(!matches!(here(&state, sql).await, Ran::Refused), "row by row: {sql}");
    }
}

#[tokio::test]
async fn a_delete_of_all_rows_runs_elsewhere_whoever_hides_it() {
    let (state, session) = with_many_rows().await;
    for sql in ["CREATE TABLE \"x WHERE y\" (b)", "CREATE TABLE other (b)", "INSERT INTO other VALUES (1)"] {
        run(&session, sql).await.unwrap();
    }
    for sql in ["DELETE FROM other", "DELETE FROM other /* WHERE */", "DELETE FROM \"x WHERE y\""] {
        assert!(refused(&state, &session, sql).await, "{sql}");
    }
    run(&session, "CREATE TRIGGER t AFTER UPDATE ON many BEGIN DELETE FROM other; END").await.unwrap();
    assert!(refused(&state, &session, "UPDATE many SET b = 1 WHERE i = 1").await);
    run(&session, "DROP TRIGGER t").await.unwrap();
    run(&session, "CREATE TRIGGER t AFTER UPDATE ON many BEGIN DELETE FROM other WHERE b = old.b; END").await.unwrap();
    let row_by_row = "UPDATE many SET b = 1 WHERE i = 1";
    // Prepared anew here, for the new schema, it is not looked at, but elsewhere.
    run(&session, row_by_row).await.unwrap();
    assert!(matches!(here(&state, row_by_row).await, Ran::Done(Ok(Some(_)))), "row by row");

    threads(&state).await;
    run(&session, "DELETE FROM many").await.unwrap();
    assert!(!committed_here(&state).await);
    assert_eq!(session.changes(), 100_000);
}

#[tokio::test]
async fn a_foreign_key_deletes_row_by_row() {
    let (state, session) = with_many_rows().await;
    for sql in [
        "CREATE TABLE parent (i INTEGER PRIMARY KEY)",
        "CREATE TABLE child (parent REFERENCES parent ON DELETE CASCADE)",
        "INSERT INTO parent VALUES (1), (2)",
        // Far from a WAL that is long: a checkpoint would have the next commit made elsewhere.
        "INSERT INTO child SELECT 1 FROM many LIMIT 30000",
    ] {
        run(&session, sql).await.unwrap();
    }
    let cascade = statement("DELETE FROM parent WHERE i = 1");
    let ran = lease(&state).await.run_here(&Scope::own(), &cascade, Instant::now(), &mut Gathered::new(9, 99));
    assert!(matches!(ran, Ran::Stopped(_)));
    run(&session, "DELETE FROM parent WHERE i = 1").await.unwrap();
    assert_eq!(run(&session, "SELECT count(*) FROM child").await.unwrap(), ["0"]);
}

#[tokio::test]
async fn what_is_prepared_anew_while_it_runs_is_not_begun_here() {
    let (state, _) = gated().await;
    let session = state.session("user-john");
    for sql in ["CREATE TABLE log (b)", "CREATE VIEW v AS SELECT 1"] {
        run(&session, sql).await.unwrap();
    }
    let (write, read) = ("INSERT INTO a VALUES (1)", "SELECT * FROM v");
    assert!(matches!(here(&state, write).await, Ran::Done(Ok(Some(_)))));
    assert!(matches!(here(&state, read).await, Ran::Done(Ok(None))));
    for sql in [
        "CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM log; INSERT INTO log VALUES (new.b); END",
        "DROP VIEW v",
        "CREATE VIEW v AS SELECT count(*) FROM a",
    ] {
        run(&session, sql).await.unwrap();
    }
    threads(&state).await;
    for sql in [write, read] {
        assert!(matches!(here(&state, sql).await, Ran::Stopped(_)), "{sql}");
        assert!(matches!(here(&state, sql).await, Ran::Refused), "looked at by now: {sql}");
    }
    assert!(threads(&state).await.is_empty());
    run(&session, write).await.unwrap();
    assert!(!committed_here(&state).await);
    assert_eq!(run(&session, read).await.unwrap(), ["2"]);
    assert_eq!(run(&session, "SELECT * FROM log").await.unwrap(), ["1"]);
    assert_eq!(count(&state, &Scope::new(None)).await, "2");
}

#[tokio::test]
async fn what_full_text_search_deletes_at_once_it_deletes_elsewhere() {
    let (state, session) = with_many_rows().await;
    run(&session, "CREATE VIRTUAL TABLE words USING fts5(word)").await.unwrap();
    run(&session, "INSERT INTO words VALUES ('one')").await.unwrap();
    for command in ["rebuild", "integrity-check"] {
        let sql = format!("INSERT INTO words (words) VALUES ('{command}')");
        assert!(matches!(here(&state, &sql).await, Ran::Stopped(_)), "{command}");
        run(&session, &sql).await.unwrap();
    }
    assert_eq!(run(&session, "SELECT word FROM words WHERE words MATCH 'one'").await.unwrap(), ["one"]);
    assert!(matches!(here(&state, "INSERT INTO words VALUES ('two')").await, Ran::Done(Ok(Some(_)))));
}

#[tokio::test]
async fn a_statement_that_takes_long_to_prepare_is_answered_from_elsewhere() {
    let (state, _) = gated().await;
    // SQLite looks at the clock after a hundred names that it had to make.
    let columns = vec!["1 AS same"; 100].join(", ");
    let sql = format!("SELECT x.same, y.same FROM (SELECT {columns}) AS x, (SELECT {columns}) AS y");
    let sql = statement(&sql);
    let ran = lease(&state).await.run_here(&Scope::own(), &sql, Instant::now(), &mut Gathered::new(9, 99));
    assert!(matches!(ran, Ran::Stopped(_)));
    assert_eq!(run(&state.session("user-john"), &sql.sql).await.unwrap(), ["1|1"]);
}

#[tokio::test]
async fn full_text_search_is_stopped_between_its_pages() {
    let (state, session) = with_many_rows().await;
    run(&session, "CREATE VIRTUAL TABLE words USING fts5(word)").await.unwrap();
    let is_stopped = async || {
        // No row is found, so that all is one instruction.
        let search = statement("SELECT rowid FROM words WHERE words MATCH 'same NOT same'");
        let ran = lease(&state).await.run_here(&Scope::own(), &search, Instant::now(), &mut Gathered::new(9, 99));
        matches!(ran, Ran::Stopped(_))
    };
    run(&session, "INSERT INTO words VALUES ('same')").await.unwrap();
    assert!(!is_stopped().await);
    run(&session, "INSERT INTO words SELECT 'same' FROM many").await.unwrap();
    assert!(is_stopped().await);
}
