//! One request, on whose behalf a guest makes calls: until when, on which labels, and with which open transactions.
//!
//! An instance serves many requests, sometimes two at once, and SQLite's transactions know nothing of requests. So a
//! transaction belongs to the scope in which it was begun: only calls of that scope run inside it, and when the scope ends
//! it is rolled back and its database freed, whatever the guest does or forgot.

use crate::{
    errors::Error,
    gate::{Log, NotDurable},
    lease::Lease,
};
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
    /// Nobody else waits for what is done in it.
    is_own: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    ended: bool,
    labels: Vec<Arc<str>>,
    transactions: Vec<Arc<Transaction>>,
    /// Which statement of which database must be on disk before anything is told.
    waits: Vec<(Arc<Log>, u64)>,
    /// Databases that could not be brought onto the disk, the first few by name.
    failed: Vec<Arc<str>>,
    more_failed: bool,
}

/// An open transaction and the database that it holds. Rolled back when the last clone is dropped.
pub(crate) struct Transaction(Mutex<Lease>);

/// What a connection remembers of a transaction that was begun on it.
#[derive(Default)]
pub(crate) struct Begun {
    scope: Weak<Inner>,
    transaction: Weak<Transaction>,
    /// An own scope, which nobody else keeps from one call of the transaction to the next.
    own_scope: Option<Scope>,
}

impl Scope {
    /// A request that must be answered by `deadline`: no call made for it waits or runs past that.
    pub fn new(deadline: Option<Instant>) -> Scope {
        Scope(Arc::new(Inner { deadline, is_own: false, state: Mutex::default() }))
    }

    /// For one call that belongs to no request, or for those of one transaction: they wait for the disk themselves.
    pub(crate) fn own() -> Scope {
        Scope(Arc::new(Inner { deadline: None, is_own: true, state: Mutex::default() }))
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

    /// Waits until all that was written or read on behalf of the request is on disk. With [`Durability::EachCommit`] it
    /// always is; with the others, nothing that the component said may leave before: not the head of an answer, no part of
    /// its body. May be awaited again whenever the component has done more. Await it on, or drop it: those on the same runtime
    /// who wait for the same database are woken through one of them.
    ///
    /// [`Durability::EachCommit`]: crate::Durability::EachCommit
    ///
    /// # Errors
    /// The disk failed: what the component said must not leave, since a power cut may take it back.
    pub async fn settled(&self) -> Result<(), NotDurable> {
        while let Some((log, ended)) = self.first_unsettled()? {
            log.reach(ended).await?;
        }
        Ok(())
    }

    /// Whether [`settled`](Scope::settled) would be ready at once and without an error.
    pub fn is_settled(&self) -> bool {
        matches!(self.first_unsettled(), Ok(None))
    }

    fn first_unsettled(&self) -> Result<Option<(Arc<Log>, u64)>, NotDurable> {
        let mut state = self.state();
        if state.more_failed || !state.failed.is_empty() {
            return Err(NotDurable);
        }
        // What may leave only since the disk is not far behind is looked at again with the next piece.
        state.waits.retain(|(log, ended)| !log.is_durable(*ended));
        for (log, ended) in &state.waits {
            if !log.check(*ended)? {
                return Ok(Some((log.clone(), *ended)));
            }
        }
        Ok(None)
    }

    /// Notes that a statement is about to tell of statement number `ended` of a database.
    pub(crate) fn wait_for(&self, log: &Arc<Log>, ended: u64) {
        if log.is_durable(ended) {
            return;
        }
        let mut state = self.state();
        // Whoever uses very many databases does not keep them all.
        if state.waits.len() >= MAX_LABELS {
            state.waits.retain(|(log, ended)| !log.is_durable(*ended));
        }
        match state.waits.iter_mut().find(|(known, _)| Arc::ptr_eq(known, log)) {
            Some((_, known)) => *known = ended.max(*known),
            None => state.waits.push((log.clone(), ended)),
        }
    }

    /// Notes that a database could not be brought onto the disk: whatever the component makes of it is not to be told.
    pub(crate) fn fail(&self, label: &Arc<str>) {
        let mut state = self.state();
        match state.failed.len() < MAX_LABELS {
            true => state.failed.push(label.clone()),
            false => state.more_failed = true,
        }
    }

    /// Notes that a database is gone, durably: whether it could be brought onto the disk before does not matter.
    pub(crate) fn forgive(&self, label: &Arc<str>) {
        self.state().failed.retain(|failed| failed != label);
    }

    /// Waits for the disk if nobody else does.
    pub(crate) async fn settle_own(&self) -> Result<(), Error> {
        if self.0.is_own { Ok(self.settled().await?) } else { Ok(()) }
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
        let begun = Begun {
            scope: Arc::downgrade(&self.0),
            transaction: Arc::downgrade(&transaction),
            own_scope: self.0.is_own.then(|| self.clone()),
        };
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

    /// The scope of the transaction, if it is open and belongs to no request.
    pub(crate) fn own_scope(&self) -> Option<Scope> {
        self.own_scope.clone().filter(|_| self.transaction.strong_count() > 0)
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

    /// The database, once nobody else has the transaction.
    pub(crate) fn into_lease(self) -> Lease {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
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
