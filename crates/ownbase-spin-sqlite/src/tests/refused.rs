//! A statement whose answer is refused leaves nothing of what it changed, and no large row takes memory or a serving thread.

use super::{
    gate::{count, gated},
    here::{here, lease, statement, threads},
    *,
};
use crate::{connection::Ran, gathered::Gathered, lease::Lease, rows::Rows, stream};
use std::process::Command;

const CHANGES: [&str; 3] = [
    "INSERT INTO a SELECT b FROM a RETURNING hex(zeroblob(900))",
    "UPDATE a SET b = 7 RETURNING hex(zeroblob(900))",
    "DELETE FROM a RETURNING hex(zeroblob(900))",
];

/// Three rows of 0, and answers of no more than two of the rows above.
async fn three_rows() -> (State, Arc<Session>) {
    let state = state_with(|limits| limits.max_result_bytes = 4_500);
    let session = state.session("user-john");
    run(&session, "CREATE TABLE a (b)").await.unwrap();
    run(&session, "INSERT INTO a VALUES (0), (0), (0)").await.unwrap();
    (state, session)
}

async fn rows(session: &Arc<Session>) -> String {
    run(session, "SELECT count(*) || ' of ' || sum(b) FROM a").await.unwrap().concat()
}

#[tokio::test]
async fn nothing_is_left_of_a_refused_answer() {
    let (state, session) = three_rows().await;
    threads(&state).await;
    for sql in CHANGES {
        assert_code(run(&session, sql).await, "SQLITE_TOOBIG");
        assert_eq!(rows(&session).await, "3 of 0", "{sql}");
    }
    assert!(threads(&state).await.is_empty(), "nothing was committed");
    assert_eq!(run(&session, "UPDATE a SET b = 1 WHERE rowid = 1 RETURNING b").await.unwrap(), ["1"]);
    assert_eq!(rows(&session).await, "3 of 1");
}

#[tokio::test]
async fn a_transaction_goes_on_without_a_refused_statement() {
    let (_state, session) = three_rows().await;
    for end in ["COMMIT", "ROLLBACK"] {
        run(&session, "BEGIN").await.unwrap();
        run(&session, "UPDATE a SET b = b + 1 WHERE rowid = 1").await.unwrap();
        for sql in CHANGES {
            assert_code(run(&session, sql).await, "SQLITE_TOOBIG");
            assert_eq!(rows(&session).await, "3 of 1", "{sql}");
        }
        assert_eq!(run(&session, "UPDATE a SET b = b WHERE rowid = 1 RETURNING b").await.unwrap(), ["1"]);
        run(&session, end).await.unwrap();
        run(&session, "UPDATE a SET b = 0").await.unwrap();
    }
    assert_eq!(rows(&session).await, "3 of 0");
}

#[tokio::test]
async fn a_dropped_stream_undoes_its_statement() {
    let (state, session) = three_rows().await;
    let many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 5000) \
                INSERT INTO a SELECT 1 FROM n RETURNING hex(zeroblob(900))";
    for before in ["SELECT 1", "BEGIN"] {
        run(&session, before).await.unwrap();
        let answer = stream::start(&session, None, statement(many)).await.map_err(text).unwrap();
        drop(answer.rows);
        let error = format!("{:?}", answer.end.result().await.unwrap().unwrap_err());
        assert!(error.contains("SQLITE_INTERRUPT"), "{error}");
        assert_eq!(rows(&session).await, "3 of 0", "after {before}");
    }
    run(&session, "UPDATE a SET b = 1 WHERE rowid = 1").await.unwrap();
    run(&session, "COMMIT").await.unwrap();
    assert_eq!(rows(&state.session("user-john")).await, "3 of 1");
}

/// Takes every row, and refuses the end as a stream does that was dropped meanwhile.
struct RefusesEnd;

impl Rows for RefusesEnd {
    const MAY_REFUSE_END: bool = true;

    fn columns(&mut self, _: Vec<String>) -> Result<(), Error> {
        Ok(())
    }
    fn admit(&self, _: usize) -> Result<(), Error> {
        Ok(())
    }
    fn row(&mut self, _: RowResult, _: usize) -> Result<(), Error> {
        Ok(())
    }
    fn end(&mut self) -> Result<(), Error> {
        Err(Error::interrupted("of the test"))
    }
}

#[tokio::test]
async fn a_statement_is_undone_after_its_last_row_too() {
    let (state, session) = three_rows().await;
    threads(&state).await;
    let refused = |lease: &mut Lease| {
        let until = Instant::now() + Duration::from_secs(20);
        lease.run(&Scope::own(), &state.databases, &statement(CHANGES[1]), until, &mut RefusesEnd).map_err(text)
    };
    let mut alone = lease(&state).await;
    assert_code(refused(&mut alone), "SQLITE_INTERRUPT");
    assert!(!alone.in_transaction());
    assert!(alone.connection().unwrap().commits().take_threads().is_empty(), "nothing was committed");
    drop(alone);
    assert_eq!(rows(&session).await, "3 of 0");
}

#[tokio::test]
async fn what_sqlite_itself_finds_wrong_ends_as_the_statement_says() {
    let (_state, session) = three_rows().await;
    for sql in
        ["CREATE TABLE one (b UNIQUE)", "CREATE TABLE child (b REFERENCES one (b) DEFERRABLE INITIALLY DEFERRED)"]
    {
        run(&session, sql).await.unwrap();
    }
    for (sql, kept) in [
        ("INSERT OR FAIL INTO one VALUES (1), (1) RETURNING b", "1"),
        ("INSERT INTO one VALUES (2), (2) RETURNING b", "1"),
    ] {
        let result = stream::start(&session, None, statement(sql)).await.map(|_| ()).map_err(text);
        assert_code(result, "SQLITE_CONSTRAINT");
        assert_eq!(run(&session, "SELECT count(*) FROM one").await.unwrap(), [kept], "{sql}");
    }
    let answer = stream::start(&session, None, statement("INSERT INTO child VALUES (9) RETURNING b")).await;
    let error = format!("{:?}", answer.map_err(text).unwrap().end.result().await.unwrap().unwrap_err());
    assert!(error.contains("SQLITE_CONSTRAINT"), "{error}");
    assert_eq!(run(&session, "SELECT count(*) FROM child").await.unwrap(), ["0"]);
}

#[tokio::test]
async fn a_large_row_is_handed_out_elsewhere_and_changed_once() {
    let (state, _) = gated().await;
    let session = state.session("user-john");
    run_with(&session, None, "INSERT INTO a VALUES (?)", vec![Value::Text("x".repeat(66_000))]).await.unwrap();
    assert!(matches!(here(&state, "SELECT b FROM a").await, Ran::Stopped(_)), "a large value");
    assert_eq!(run(&session, "SELECT length(b) FROM a").await.unwrap(), ["66000"]);
    let wide = ["hex(zeroblob(5000))"; 7].join(", ");
    assert!(matches!(here(&state, &format!("SELECT {wide}")).await, Ran::Stopped(_)), "many values");
    let insert = format!("INSERT INTO a VALUES (1) RETURNING {wide}");
    assert!(matches!(here(&state, &insert).await, Ran::Stopped(_)));
    assert_eq!(count(&state, &Scope::new(None)).await, "1", "it was undone");
    assert_eq!(run(&session, &insert).await.unwrap().len(), 1);
    assert_eq!(count(&state, &Scope::new(None)).await, "2");
    assert!(matches!(here(&state, "SELECT hex(zeroblob(5000)) FROM a").await, Ran::Done(Ok(_))));
}

#[tokio::test]
async fn a_row_above_the_limit_is_refused_before_it_is_copied() {
    let (_state, session) = three_rows().await;
    struct Asked(std::cell::Cell<usize>);
    let wide = format!("SELECT {}", vec!["zeroblob(2000000)"; 100].join(", "));
    assert_code(run(&session, &wide).await, "SQLITE_TOOBIG");
    let asked = Asked(std::cell::Cell::default());
    let sqlite = rusqlite::Connection::open_in_memory().unwrap();
    let admit = |bytes: usize| {
        asked.0.set(bytes);
        if bytes > 16 << 20 { Err(rusqlite::Error::InvalidQuery) } else { Ok(()) }
    };
    sqlite.query_row(&wide, [], |row| crate::values::row(row, 100, admit)).unwrap_err();
    assert!(asked.0.get() < 19 << 20, "looked at {} bytes", asked.0.get());
    let answer = stream::start(&session, None, statement(&wide)).await.map(|_| ()).map_err(text);
    assert_code(answer, "SQLITE_TOOBIG");
}

#[tokio::test]
async fn many_arguments_and_long_programs_get_smaller_values_and_run_elsewhere() {
    let (state, _) = gated().await;
    let session = state.session("user-john");
    let of = |bytes: usize| vec![Value::Text("x".repeat(bytes))];
    let array = |count: usize| format!("SELECT length(max({}))", vec!["substr(?1, 1, 9)"; count].join(", "));
    run_with(&session, None, &array(8), of(2_000_000)).await.unwrap();
    assert_code(run_with(&session, None, &array(100), of(200_000)).await, "SQLITE_TOOBIG");
    run_with(&session, None, &array(100), of(100_000)).await.unwrap();
    assert!(matches!(here(&state, &array(100).replace("?1", "'x'")).await, Ran::Refused));
    assert!(!matches!(here(&state, &array(8).replace("?1", "'x'")).await, Ran::Refused));
    run(&session, &format!("CREATE VIEW v AS {}", array(100).replace("?1", "'x'"))).await.unwrap();
    assert!(matches!(here(&state, "SELECT * FROM v").await, Ran::Refused), "a view hides it");
    let long = format!("SELECT {}", vec![vec!["upper(b)"; 20].join(" || "); 50].join(", "));
    assert!(matches!(here(&state, &format!("{long} FROM a")).await, Ran::Refused));
    run(&session, &format!("{long} FROM a")).await.unwrap();
}

#[tokio::test]
async fn an_honest_search_of_many_texts_is_stopped_in_time() {
    let (state, session) = super::here::with_many_rows().await;
    let texts = "INSERT INTO a SELECT replace(hex(zeroblob(30000)), '00', 'ab') FROM many LIMIT 200";
    run(&session, texts).await.unwrap();
    let search = statement("SELECT rowid FROM a WHERE instr(b, 'no such text')");
    let ran = lease(&state).await.run_here(&Scope::own(), &search, Instant::now(), &mut Gathered::new(9, 99));
    assert!(matches!(ran, Ran::Stopped(_)));
    assert_eq!(run(&session, &search.sql).await.unwrap(), [""; 0]);
}

/// Runs one test of this file with its promise broken.
#[test]
fn a_kept_change_turns_nothing_is_left_of_a_refused_answer_red() {
    let guard = "tests::refused::nothing_is_left_of_a_refused_answer";
    let run = |sabotage: &str| {
        let mut test = Command::new(std::env::current_exe().unwrap());
        test.args(["--exact", guard]).env("OWNBASE_SABOTAGE", sabotage).output().unwrap()
    };
    assert!(run("").status.success());
    let broken = run("refused");
    let said = String::from_utf8_lossy(&broken.stdout).into_owned();
    assert!(!broken.status.success() && said.contains("1 failed"), "{said}");
}
