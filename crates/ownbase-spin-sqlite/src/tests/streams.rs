//! execute-async below the component model: rows, back-pressure, errors, and when the database is free again.

use super::*;
use crate::stream;
use std::{
    pin::Pin,
    task::{Context, Poll},
};
use wasmtime::{
    Store, StoreContextMut,
    component::{Source, StreamConsumer, StreamReader, StreamResult},
};

const MANY: &str =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 50000) SELECT i, hex(zeroblob(50)) FROM n";

async fn start(session: &Arc<Session>, sql: &str) -> Result<stream::Answer, String> {
    stream::start(session, None, Statement { sql: sql.to_owned(), parameters: vec![] }).await.map_err(text)
}

async fn file(state: &State) -> Arc<Session> {
    let session = state.session("user-john");
    run(&session, "CREATE TABLE a (b)").await.unwrap();
    session
}

#[tokio::test]
async fn all_rows_come_in_order() {
    let state = state();
    let mut answer = start(&file(&state).await, MANY).await.unwrap();
    assert_eq!(answer.columns, ["i", "hex(zeroblob(50))"]);
    let mut next = 1;
    while let Some(batch) = answer.rows.next().await {
        for row in batch {
            assert!(joined(&row).starts_with(&format!("{next}|")));
            next += 1;
        }
    }
    assert_eq!(next, 50_001);
    answer.end.result().await.unwrap().unwrap();
}

#[tokio::test]
async fn an_error_between_rows_reaches_the_end() {
    let state = state();
    let session = file(&state).await;
    let overflow = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT abs(i - 3 - 9223372036854775807 + 0) FROM n LIMIT 9";
    let mut answer = start(&session, overflow).await.unwrap();
    let mut rows = 0;
    while let Some(batch) = answer.rows.next().await {
        rows += batch.len();
    }
    let error = format!("{:?}", answer.end.result().await.unwrap().unwrap_err());
    assert!(error.contains("SQLITE_ERROR: integer overflow") && rows < 9, "{error} after {rows} rows");
    assert_code(start(&session, "SELECT nothing").await.map(|_| ()), "SQLITE_ERROR");
}

#[tokio::test]
async fn an_unread_stream_frees_its_database_at_the_time_limit() {
    let state = state_with(|limits| limits.statement_timeout_ms = 50);
    let session = file(&state).await;
    let answer = start(&session, MANY).await.unwrap();
    run(&state.session("user-john"), "INSERT INTO a VALUES (1)").await.unwrap();
    let error = format!("{:?}", answer.end.result().await.unwrap().unwrap_err());
    assert!(error.contains("SQLITE_INTERRUPT"), "{error}");
}

#[tokio::test]
async fn a_dropped_stream_frees_its_database_at_once() {
    // The time limit is a day: only the drop can free it.
    let state = state_with(|limits| limits.statement_timeout_ms = 86_400_000);
    let session = file(&state).await;
    drop(start(&session, MANY).await.unwrap());
    run(&state.session("user-john"), "INSERT INTO a VALUES (1)").await.unwrap();
}

#[tokio::test]
async fn a_stream_may_write_and_begin_a_transaction() {
    let state = state();
    let session = file(&state).await;
    for sql in ["BEGIN", "INSERT INTO a VALUES (1) RETURNING b"] {
        let mut answer = start(&session, sql).await.unwrap();
        while answer.rows.next().await.is_some() {}
        answer.end.result().await.unwrap().unwrap();
    }
    assert_eq!(session.last_insert_rowid(), 1);
    run(&session, "ROLLBACK").await.unwrap();
    assert_eq!(run(&session, "SELECT count(*) FROM a").await.unwrap(), ["0"]);
}

/// A reader on the other side of the component model, which takes a few rows at a time.
struct Taker(tokio::sync::mpsc::UnboundedSender<RowResult>);

impl<D> StreamConsumer<D> for Taker {
    type Item = RowResult;

    fn poll_consume(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        store: StoreContextMut<'_, D>,
        mut source: Source<'_, RowResult>,
        _: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        let mut few = Vec::with_capacity(7);
        source.read(store, &mut few)?;
        few.into_iter().for_each(|row| self.0.send(row).unwrap());
        Poll::Ready(Ok(StreamResult::Completed))
    }
}

#[tokio::test]
async fn all_rows_come_through_the_component_model() {
    let state = state();
    let answer = start(&file(&state).await, MANY).await.unwrap();
    let mut config = wasmtime::Config::new();
    config.wasm_component_model_async(true);
    let mut store = Store::new(&wasmtime::Engine::new(&config).unwrap(), ());
    let (sender, mut taken) = tokio::sync::mpsc::unbounded_channel();
    StreamReader::new(&mut store, answer.rows).unwrap().pipe(&mut store, Taker(sender)).unwrap();
    let ended = store.run_concurrent(async |_| {
        let mut next = 1;
        while let Some(row) = taken.recv().await {
            assert!(joined(&row).starts_with(&format!("{next}|")));
            next += 1;
        }
        assert_eq!(next, 50_001);
        answer.end.result().await
    });
    ended.await.unwrap().unwrap().unwrap();
}
