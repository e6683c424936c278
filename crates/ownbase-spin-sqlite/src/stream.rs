//! execute-async: a statement's rows on their way from a blocking thread to the guest's stream.
//!
//! Rows cross in batches through a channel of two, so a guest that reads slowly holds the statement back and memory stays
//! bounded (three batches of 32 KiB, or of one row where a row is larger; no row is larger than a blocking call's result). The statement's time limit goes on meanwhile:
//! when it passes, or when the guest drops the stream, the statement stops and its database is free. How it ended, the
//! future tells. An error before the first row is answered by the call itself.
//!
//! What a statement changed is undone when its rows are refused: when the stream is dropped, or not read in time.
//!
//! Rows of a statement that writes are not to be told before it has ended. A guest that writes them into its answer as they
//! come must not have more of them than fit into the channel and its own memory: held back with them (`Scope::settled`), the
//! statement stops at its time limit.

use crate::{
    bindings::spin::sqlite::sqlite::{self, RowResult},
    connection::Statement,
    errors::Error,
    rows::Rows,
    scope::Scope,
    session::{self, Session},
};
use rusqlite::ffi;
use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};
use wasmtime::{
    StoreContextMut,
    component::{Destination, StreamProducer, StreamResult, VecBuffer},
};

const BATCH_BYTES: usize = 32 * 1024;
const BATCHES: usize = 2;

/// A statement that has begun to answer.
pub(crate) struct Answer {
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Batches,
    pub(crate) end: End,
}

/// Rows as they come; ends early if the statement fails.
pub(crate) struct Batches(mpsc::Receiver<Vec<RowResult>>);

/// How the statement ended.
pub(crate) struct End {
    scope: Scope,
    task: JoinHandle<Result<(), Error>>,
}

/// Starts a statement; ready once it has its columns, which is after its first step.
pub(crate) async fn start(session: &Arc<Session>, scope: Option<Scope>, statement: Statement) -> Result<Answer, Error> {
    let (columns_out, columns) = oneshot::channel();
    let (rows_out, rows) = mpsc::channel(BATCHES);
    let max_row_bytes = session.databases().limits().max_result_bytes;
    let outgoing = |until| Outgoing {
        columns: Some(columns_out),
        rows: rows_out,
        batch: Vec::new(),
        bytes: 0,
        max_row_bytes,
        until,
    };
    let (scope, task) = session.start(scope, statement, outgoing).await?;
    match columns.await {
        Ok(columns) => Ok(Answer { columns, rows: Batches(rows), end: End { scope, task } }),
        // Dropped unsent: the statement failed before it had any.
        Err(_) => Err(match task.await {
            Ok(Ok(())) => Error::misuse("the statement gave no columns"),
            Ok(Err(error)) => error,
            Err(error) => session::panicked(error),
        }),
    }
}

impl<D> StreamProducer<D> for Batches {
    type Item = RowResult;
    type Buffer = VecBuffer<RowResult>;

    fn poll_produce<'a>(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        _: StoreContextMut<'a, D>,
        mut destination: Destination<'a, RowResult, VecBuffer<RowResult>>,
        finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        Poll::Ready(Ok(match self.get_mut().0.poll_recv(context) {
            Poll::Ready(Some(batch)) => {
                destination.set_buffer(batch.into());
                StreamResult::Completed
            }
            Poll::Ready(None) => StreamResult::Dropped,
            Poll::Pending if finish => StreamResult::Cancelled,
            Poll::Pending => return Poll::Pending,
        }))
    }
}

#[cfg(test)]
impl Batches {
    pub(crate) async fn next(&mut self) -> Option<Vec<RowResult>> {
        self.0.recv().await
    }
}

impl End {
    /// Resolves when the statement has ended, and is on disk if nobody else waits for that.
    pub(crate) async fn result(self) -> wasmtime::Result<Result<(), sqlite::Error>> {
        let ended = self.task.await.unwrap_or_else(|error| Err(session::panicked(error)));
        match self.scope.settle_own().await.and(ended) {
            Ok(()) => Ok(Ok(())),
            Err(error) => error.into_guest().map(Err),
        }
    }
}

/// The sending side, on the blocking thread.
struct Outgoing {
    columns: Option<oneshot::Sender<Vec<String>>>,
    rows: mpsc::Sender<Vec<RowResult>>,
    batch: Vec<RowResult>,
    bytes: usize,
    max_row_bytes: usize,
    until: Instant,
}

impl Rows for Outgoing {
    const MAY_REFUSE_END: bool = true;

    fn columns(&mut self, names: Vec<String>) -> Result<(), Error> {
        match self.columns.take().map(|columns| columns.send(names)) {
            Some(Ok(())) => Ok(()),
            _ => Err(dropped()),
        }
    }

    fn admit(&self, bytes: usize) -> Result<(), Error> {
        let limit = self.max_row_bytes;
        if bytes <= limit {
            return Ok(());
        }
        Err(Error::new(ffi::SQLITE_TOOBIG, format_args!("a row has more than {limit} bytes (ask for fewer columns)")))
    }

    fn row(&mut self, row: RowResult, bytes: usize) -> Result<(), Error> {
        self.batch.push(row);
        self.bytes += bytes;
        if self.bytes < BATCH_BYTES { Ok(()) } else { self.send() }
    }

    fn end(&mut self) -> Result<(), Error> {
        if self.batch.is_empty() { Ok(()) } else { self.send() }
    }
}

impl Outgoing {
    fn send(&mut self) -> Result<(), Error> {
        self.bytes = 0;
        let batch = std::mem::take(&mut self.batch);
        match self.rows.try_send(batch) {
            Ok(()) => Ok(()),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(dropped()),
            Err(mpsc::error::TrySendError::Full(batch)) => self.wait_and_send(batch),
        }
    }

    /// A blocking thread of the runtime may wait on it; the thread that serves drives the timer.
    fn wait_and_send(&self, batch: Vec<RowResult>) -> Result<(), Error> {
        let send = tokio::time::timeout_at(self.until.into(), self.rows.send(batch));
        match tokio::runtime::Handle::current().block_on(send) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(dropped()),
            Err(_) => Err(Error::interrupted("the rows were not read within the statement's time limit")),
        }
    }
}

fn dropped() -> Error {
    Error::interrupted("the stream of rows was dropped")
}
