//! One request, on whose behalf a guest makes calls: until when, on which labels, and with which open transactions.
//!
//! An instance serves many requests, sometimes two at once, and SQLite's transactions know nothing of requests. So a
//! transaction belongs to the scope in which it was begun: only calls of that scope run inside it, and when the scope ends
//! it is rolled back and its database freed, whatever the guest does or forgot.

use crate::{database::Lease, errors::Error};
use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Instant,
};

/// Labels remembered for the log line of one request; more are not.
const MAX_LABELS: usize = 16;

/// One request on whose behalf calls are made. Clones are the same request.
///
/// ```
/// use ownbase_spin_sqlite::Scope;
/// use std::time::{Duration, Instant};
///
/// let scope = Scope::new(Some(Instant::now() + Duration::from_secs(10)));
/// // `SpinSqliteCtx::begin(task, scope.clone())`; when the response's body has ended or was dropped:
/// scope.end();
/// assert!(scope.labels().is_empty());
/// ```
#[derive(Clone)]
pub struct Scope(Arc<Inner>);

struct Inner {
    deadline: Option<Instant>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    ended: bool,
    labels: Vec<Arc<str>>,
    transactions: Vec<Arc<Transaction>>,
}

/// An open transaction and the database that it holds. Rolled back when the last clone is dropped.
pub(crate) struct Transaction(Mutex<Lease>);

/// What a connection remembers of a transaction that was begun on it.
#[derive(Default)]
pub(crate) struct Begun {
    scope: Weak<Inner>,
    transaction: Weak<Transaction>,
}

impl Scope {
    /// A request that must be answered by `deadline`: no call made for it waits or runs past that.
    pub fn new(deadline: Option<Instant>) -> Scope {
        Scope(Arc::new(Inner { deadline, state: Mutex::default() }))
    }

    /// Ends the request: its open transactions are rolled back and their databases are free for others, at the latest when
    /// the statement that is running in one has stopped. Calls made for the request afterwards are refused.
    ///
    /// Does not block within a tokio runtime: what may is done on one of its blocking threads.
    pub fn end(&self) {
        let mut state = self.state();
        state.ended = true;
        let transactions = std::mem::take(&mut state.transactions);
        drop(state);
        drop_off_thread(transactions);
    }

    /// The labels whose databases the request has used, in order of first use; the first 16 only.
    pub fn labels(&self) -> Vec<Arc<str>> {
        self.state().labels.clone()
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.0.deadline
    }

    pub(crate) fn is_ended(&self) -> bool {
        self.state().ended
    }

    /// Notes that a call is about to be made on `label`; refuses it if the request is over.
    pub(crate) fn enter(&self, label: &Arc<str>) -> Result<(), Error> {
        let mut state = self.state();
        if state.ended {
            return Err(Error::interrupted("the request is over"));
        }
        let is_new = !state.labels.iter().any(|known| Arc::ptr_eq(known, label) || known == label);
        if is_new && state.labels.len() < MAX_LABELS {
            state.labels.push(label.clone());
        }
        Ok(())
    }

    /// Keeps a database in which a statement has begun a transaction.
    pub(crate) fn begin(&self, lease: Lease) -> Result<Begun, Error> {
        let mut state = self.state();
        if state.ended {
            drop(state);
            return Err(Error::interrupted("the request is over"));
        }
        let transaction = Arc::new(Transaction(Mutex::new(lease)));
        let begun = Begun { scope: Arc::downgrade(&self.0), transaction: Arc::downgrade(&transaction) };
        state.transactions.push(transaction);
        Ok(begun)
    }

    /// Lets go of a transaction that is over, or that is to be rolled back.
    pub(crate) fn finish(&self, transaction: &Arc<Transaction>) {
        self.state().transactions.retain(|held| !Arc::ptr_eq(held, transaction));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Begun {
    /// The transaction, if it is open and was begun in `scope`.
    pub(crate) fn within(&self, scope: &Scope) -> Option<Arc<Transaction>> {
        (self.scope.as_ptr() == Arc::as_ptr(&scope.0)).then(|| self.transaction.upgrade()).flatten()
    }

    /// Rolls the transaction back if it is still open.
    pub(crate) fn abandon(&self) {
        if let (Some(scope), Some(transaction)) = (self.scope.upgrade(), self.transaction.upgrade()) {
            Scope(scope).finish(&transaction);
            drop_off_thread(vec![transaction]);
        }
    }
}

impl Transaction {
    /// The database, once no other statement runs in the transaction. May block.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Lease> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The database, if no other statement runs in the transaction.
    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, Lease>> {
        self.0.try_lock().ok()
    }
}

impl Drop for State {
    fn drop(&mut self) {
        drop_off_thread(std::mem::take(&mut self.transactions));
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").field("deadline", &self.0.deadline).field("labels", &self.labels()).finish()
    }
}

/// Rolling back may remove a file that was made in the transaction, and syncs then.
fn drop_off_thread(transactions: Vec<Arc<Transaction>>) {
    if transactions.is_empty() {
        return;
    }
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => drop(runtime.spawn_blocking(move || drop(transactions))),
        Err(_) => drop(transactions),
    }
}
