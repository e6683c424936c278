//! Every limit, from just inside and just outside.

use super::*;

const ENDLESS: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";

#[tokio::test]
async fn a_statement_stops_at_its_time_limit_and_others_go_on() {
    let state = state_with(|limits| limits.statement_timeout_ms = 30);
    let session = state.session("user-john");
    assert_code(run(&session, ENDLESS).await, "SQLITE_INTERRUPT");
    run(&session, "CREATE TABLE a (b)").await.unwrap();
    assert_code(run(&session, ENDLESS).await, "SQLITE_INTERRUPT");
    assert_code(run(&session, &format!("INSERT INTO a {ENDLESS}")).await, "SQLITE_INTERRUPT");
    assert_eq!(run(&session, "SELECT count(*) FROM a").await.unwrap(), ["0"]);
}

#[tokio::test]
async fn a_read_too_long_for_the_serving_thread_is_answered_from_another() {
    let state = state();
    let session = state.session("user-john");
    run(&session, "CREATE TABLE a (b)").await.unwrap();
    let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 300000) SELECT count(*) FROM n";
    assert_eq!(run(&session, sql).await.unwrap(), ["300000"]);
}

#[tokio::test]
async fn a_result_is_bounded_in_rows_and_bytes() {
    let state = state_with(|limits| {
        limits.max_result_rows = 3;
        limits.max_result_bytes = 2_000;
    });
    let session = state.session("user-john");
    assert_eq!(run(&session, "VALUES (1), (2), (3)").await.unwrap(), ["1", "2", "3"]);
    assert_code(run(&session, "VALUES (1), (2), (3), (4)").await, "SQLITE_TOOBIG");
    run(&session, "SELECT zeroblob(1900)").await.unwrap();
    assert_code(run(&session, "SELECT zeroblob(2000)").await, "SQLITE_TOOBIG");
}

/// Inserts into the table `a` until the database of 64 KiB is full; how many rows it took.
pub(super) async fn fill(session: &Arc<Session>) -> usize {
    let mut rows = 0;
    let error = loop {
        match run(session, "INSERT INTO a VALUES (zeroblob(3000))").await {
            Ok(_) => rows += 1,
            Err(error) => break error,
        }
        assert!(rows < 100);
    };
    assert_eq!(error, "database-full");
    rows
}

#[tokio::test]
async fn a_database_is_full_at_its_size_limit_and_readable_still() {
    let state = state_with(|limits| limits.max_database_bytes = 64 * 1024);
    let session = state.session("user-john");
    run(&session, "CREATE TABLE a (b)").await.unwrap();
    let rows = fill(&session).await;
    assert_eq!(run(&session, "SELECT count(*) FROM a").await.unwrap(), [rows.to_string()]);
    run(&session, "DELETE FROM a").await.unwrap();
    run(&session, "INSERT INTO a VALUES (zeroblob(3000))").await.unwrap();
}

#[tokio::test]
async fn statements_are_bounded_as_on_durable_objects() {
    let state = state();
    let session = state.session("user-john");
    let list = |item: &str, count: usize| vec![item; count].join(", ");
    let columns = |count: usize| (0..count).map(|i| format!("c{i}")).collect::<Vec<_>>().join(", ");
    let select = |count: usize| vec!["SELECT 1"; count].join(" UNION ALL ");
    run(&session, &format!("CREATE TABLE wide ({})", columns(100))).await.unwrap();
    let inside = [
        format!("SELECT {}", list("1", 100)),
        select(5),
        format!("SELECT '' LIKE '{}'", "a".repeat(50)),
        format!("SELECT 1 /* {} */", "a".repeat(99_000)),
        "SELECT length(zeroblob(2000000))".to_owned(),
    ];
    for sql in inside {
        run(&session, &sql).await.unwrap();
    }
    let outside = [
        format!("CREATE TABLE wider ({})", columns(101)),
        format!("SELECT {}", list("1", 101)),
        select(6),
        format!("SELECT '' LIKE '{}'", "a".repeat(51)),
        format!("SELECT 1 /* {} */", "a".repeat(100_000)),
        "SELECT length(zeroblob(2000001))".to_owned(),
        format!("SELECT {}", list("?", 101)),
        format!("SELECT {}1{}", "(".repeat(200), ")".repeat(200)),
        format!("SELECT {}", vec!["1"; 200].join(" + ")),
    ];
    for sql in outside {
        let error = run(&session, &sql).await.expect_err(&sql);
        assert!(error.starts_with("SQLITE_ERROR: ") || error.starts_with("SQLITE_TOOBIG: "), "{error}");
    }
    let parameters = |count| vec![Value::Integer(1); count];
    let sql = format!("SELECT {}", list("?", 100));
    run_with(&session, None, &sql, parameters(100)).await.unwrap();
    for wrong in [99, 101] {
        assert_code(run_with(&session, None, &sql, parameters(wrong)).await, "SQLITE_RANGE");
    }
}

#[tokio::test]
async fn one_statement_at_a_time_and_at_least_one() {
    let state = state();
    let session = state.session("user-john");
    assert_eq!(run(&session, " SELECT 1; -- that was all ").await.unwrap(), ["1"]);
    for sql in ["SELECT 1; SELECT 2", "CREATE TABLE a (b); CREATE TABLE c (d)", "", ";", "-- nothing"] {
        assert_code(run(&session, sql).await, "SQLITE_MISUSE");
    }
    assert_eq!(state.files(), [""; 0]);
}

#[tokio::test]
async fn nothing_a_guest_nests_overflows_the_stack() {
    let state = state();
    let session = state.session("user-john");
    assert_code(run(&session, &"END;".repeat(20_000)).await, "SQLITE_TOOBIG");
    let nested = format!("{}SELECT 1{}", "SELECT * FROM (".repeat(5_000), ")".repeat(5_000));
    run(&session, &nested).await.unwrap_err();
    run(&session, "CREATE VIEW v0 AS SELECT 1 AS a").await.unwrap();
    let mut made = 0;
    while run(&session, &format!("CREATE VIEW v{} AS SELECT * FROM v{made}", made + 1)).await.is_ok() {
        made += 1;
        assert!(made < 5_000, "the number of views is bounded");
    }
    // Answered or refused; what counts is that this process lives.
    let _ = run(&session, &format!("SELECT * FROM v{made}")).await;
    let json = format!("SELECT json('{}{}')", "[".repeat(40_000), "]".repeat(40_000));
    assert_code(run(&session, &json).await, "SQLITE_ERROR");
}

#[tokio::test]
async fn values_come_back_as_they_went() {
    let state = state();
    let session = state.session("user-john");
    run(&session, "CREATE TABLE a (b)").await.unwrap();
    let values = [
        Value::Null,
        Value::Integer(i64::MIN),
        Value::Real(-0.5),
        Value::Text("zwölf\0drei".to_owned()),
        Value::Blob(vec![0, 255]),
    ];
    for value in values {
        let expected = joined(&RowResult { values: vec![value.clone()] });
        assert_eq!(run_with(&session, None, "SELECT ?", vec![value]).await.unwrap(), [expected]);
    }
    assert_eq!(run(&session, "SELECT CAST(x'ff41' AS TEXT)").await.unwrap(), ["\u{fffd}A"]);
    // The answer's columns are today's, whatever the statement that was kept knew.
    assert_eq!(run(&session, "SELECT * FROM a").await.unwrap(), [""; 0]);
    run(&session, "ALTER TABLE a ADD COLUMN c DEFAULT 7").await.unwrap();
    run(&session, "INSERT INTO a (b) VALUES (1)").await.unwrap();
    assert_eq!(run(&session, "SELECT * FROM a").await.unwrap(), ["1|7"]);
}
