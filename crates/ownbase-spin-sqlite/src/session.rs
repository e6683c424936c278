//! A guest's connection: decides where a call runs, what it waits for, and what becomes of a transaction.
//!
//! A statement on an open database that nobody holds runs here and now, on the thread that serves, if it only reads, or if
//! it is a plain change of rows whose commit takes no sync (with a gate, and not the first after a checkpoint). It is stopped
//! after about a millisecond, or where it meets a value that is not small; what it changed is undone, and it starts over
//! elsewhere. It may take longer over large values that it frees (`bulk.rs`). Everything else runs on a
//! blocking thread: what opens, makes, syncs, waits or takes long, what SQLite does to a whole table at once, and within a
//! transaction all from the first statement on that does more than read, since what is stopped may take the transaction
//! with it. The database waited for is held for one statement, or from the statement that begins a transaction to the one
//! that ends it, or until the request or the connection is over.

use crate::{
    bindings::spin::sqlite::sqlite::QueryResult,
    connection::{Changes, Ran, Statement},
    database::Shared,
    databases::Databases,
    errors::Error,
    gathered::Gathered,
    job::{self, Hold, Job},
    lease::Lease,
    rows::Rows,
    scope::{Begun, Scope},
};
use rusqlite::ffi;
use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use tokio::task::{JoinError, JoinHandle};

/// What a statement may take of the thread that serves.
const INLINE_BUDGET: Duration = Duration::from_millis(1);

/// How often a database in use is looked at before its queue is joined, with the thread's other requests in between.
const LOOKS: u32 = 5;

/// One guest's connection to one label.
pub(crate) struct Session {
    databases: Databases,
    label: Arc<str>,
    database: Shared,
    begun: Mutex<Begun>,
    last_insert_rowid: AtomicI64,
    changes: AtomicU64,
}

impl Session {
    /// The caller has checked that the label may be opened.
    pub(crate) fn new(databases: Databases, label: &str) -> Session {
        let (label, database) = databases.entry(label);
        Session {
            databases,
            label,
            database,
            begun: Mutex::default(),
            last_insert_rowid: AtomicI64::new(0),
            changes: AtomicU64::new(0),
        }
    }

    /// Runs a statement and gathers its answer.
    pub(crate) async fn execute(
        self: &Arc<Self>,
        scope: Option<Scope>,
        statement: Statement,
    ) -> Result<QueryResult, Error> {
        let scope = self.enter(scope)?;
        let hold = self.hold(&scope).await?;
        let result = match self.run_here(&scope, &hold, &statement) {
            Some(result) => {
                hold.end(&self.databases);
                result
            }
            None => {
                let job = self.job(scope.clone(), hold, statement, |_| self.gathered());
                let done = tokio::task::spawn_blocking(move || job.run()).await.map_err(panicked)?;
                done.map(|gathered| gathered.result)
            }
        };
        self.databases.note(&self.label, &result);
        scope.settle_own().await?;
        result
    }

    /// Starts a statement whose answer goes to `rows` as it comes; `rows` is made when the statement's time begins, and told
    /// when it ends. The statement does not stop when the task is dropped, but on an error of `rows`. When the task has ended,
    /// the scope must be settled, if it is an own one, before anyone is told.
    pub(crate) async fn start<R: Rows + Send + 'static>(
        self: &Arc<Self>,
        scope: Option<Scope>,
        statement: Statement,
        rows: impl FnOnce(Instant) -> R,
    ) -> Result<(Scope, JoinHandle<Result<(), Error>>), Error> {
        let scope = self.enter(scope)?;
        let hold = self.hold(&scope).await?;
        let job = self.job(scope.clone(), hold, statement, rows);
        let session = self.clone();
        let run = move || {
            let result = job.run().map(drop);
            session.databases.note(&session.label, &result);
            result
        };
        Ok((scope, tokio::task::spawn_blocking(run)))
    }

    /// The rowid of this connection's latest INSERT, or 0.
    pub(crate) fn last_insert_rowid(&self) -> i64 {
        self.last_insert_rowid.load(Relaxed)
    }

    /// Rows changed by this connection's latest INSERT, UPDATE or DELETE.
    pub(crate) fn changes(&self) -> u64 {
        self.changes.load(Relaxed)
    }

    /// The guest is done with the connection: a transaction that is still open is rolled back.
    pub(crate) fn close(&self) {
        self.begun().abandon();
    }

    fn enter(&self, scope: Option<Scope>) -> Result<Scope, Error> {
        let scope = scope.or_else(|| self.begun().own_scope()).unwrap_or_else(Scope::own);
        scope.enter(&self.label)?;
        self.databases.check_open()?;
        Ok(scope)
    }

    /// The database, with the request's transaction if it has one; waits for it if others use it.
    async fn hold(&self, scope: &Scope) -> Result<Hold, Error> {
        if let Some(transaction) = self.begun().within(scope) {
            return Ok(Hold::Within(transaction));
        }
        // Most have it for microseconds. Once one waits in the queue, which is fair, nobody passes until its thread has woken
        // up, and soon everybody waits there.
        for _ in 0..LOOKS {
            if let Some(lease) = Lease::try_take(&self.database) {
                return Ok(Hold::Alone(lease));
            }
            tokio::task::yield_now().await;
        }
        let until = self.until(scope, self.databases.limits().busy_timeout());
        match tokio::time::timeout_at(until.into(), Lease::wait(&self.database)).await {
            Ok(lease) => Ok(Hold::Alone(lease)),
            Err(_) => Err(Error::busy("another request held the database for too long")),
        }
    }

    fn run_here(&self, scope: &Scope, hold: &Hold, statement: &Statement) -> Option<Result<QueryResult, Error>> {
        #[cfg(feature = "sabotage")]
        if crate::sabotage::delays_commit(statement, matches!(hold, Hold::Within(_))) {
            return None;
        }
        if job::is_erase(statement) {
            return None;
        }
        let until = self.until(scope, INLINE_BUDGET);
        let mut gathered = self.gathered();
        let ran = match hold {
            Hold::Alone(lease) => lease.run_here(scope, statement, until, &mut gathered),
            Hold::Within(transaction) => {
                let lease = transaction.try_lock().filter(|lease| lease.in_transaction())?;
                lease.run_here(scope, statement, until, &mut gathered)
            }
        };
        match ran {
            Ran::Done(result) => Some(result.map(|changes| {
                self.note_changes(changes);
                gathered.result
            })),
            Ran::Refused | Ran::Stopped(_) => None,
        }
    }

    fn job<R>(
        self: &Arc<Self>,
        scope: Scope,
        hold: Hold,
        statement: Statement,
        rows: impl FnOnce(Instant) -> R,
    ) -> Job<R> {
        let until = self.until(&scope, self.databases.limits().statement_timeout());
        Job { session: self.clone(), scope, hold, statement, until, rows: rows(until) }
    }

    /// The end of a time limit that begins now, or of the request's.
    fn until(&self, scope: &Scope, limit: Duration) -> Instant {
        let until = Instant::now() + limit;
        scope.deadline().map_or(until, |deadline| deadline.min(until))
    }

    fn gathered(&self) -> Gathered {
        let limits = self.databases.limits();
        Gathered::new(limits.max_result_rows, limits.max_result_bytes)
    }

    pub(crate) fn databases(&self) -> &Databases {
        &self.databases
    }

    pub(crate) fn note_begun(&self, begun: Begun) {
        *self.begun() = begun;
    }

    pub(crate) fn note_changes(&self, changes: Option<Changes>) {
        if let Some(changes) = changes {
            self.changes.store(changes.rows, Relaxed);
            if let Some(rowid) = changes.last_insert_rowid {
                self.last_insert_rowid.store(rowid, Relaxed);
            }
        }
    }

    fn begun(&self) -> MutexGuard<'_, Begun> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.close();
        self.databases.let_go(&self.label, &self.database);
    }
}

/// A statement's task failed: it panicked, or the runtime is going down.
pub(crate) fn panicked(error: JoinError) -> Error {
    tracing::error!(%error, "a statement's task failed");
    Error::new(ffi::SQLITE_INTERNAL, "the statement's task failed")
}
