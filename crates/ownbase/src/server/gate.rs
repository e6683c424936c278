//! How many requests of one thread run at once, and how many may wait for their turn.
//!
//! wasmtime's handler starts as many instances as requests come, and queues without bound: the gate stands before it.

use crate::problem::Refusal;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A request's turn, which lasts until its last clone is dropped.
pub(crate) type Turn = Arc<OwnedSemaphorePermit>;

/// One thread's gate.
#[derive(Debug)]
pub(crate) struct Gate {
    running: Arc<Semaphore>,
    waiting: AtomicUsize,
    max_waiting: usize,
}

impl Gate {
    /// Lets `max_running` through at once and `max_waiting` wait.
    pub(crate) fn new(max_running: usize, max_waiting: usize) -> Self {
        Self { running: Arc::new(Semaphore::new(max_running)), waiting: AtomicUsize::new(0), max_waiting }
    }

    /// Waits for a turn until `deadline`.
    pub(crate) async fn enter(&self, deadline: Instant) -> Result<Turn, Refusal> {
        if let Ok(permit) = self.running.clone().try_acquire_owned() {
            return Ok(Arc::new(permit));
        }
        let turn = self.queue(deadline, self.running.clone().acquire_owned()).await?;
        // The semaphore is never closed.
        turn.and_then(Result::ok).map(Arc::new).ok_or(Refusal::TimedOut)
    }

    /// Waits for something in one of the queue's places; none if it has not come by `deadline`.
    pub(crate) async fn queue<T>(
        &self,
        deadline: Instant,
        wanted: impl Future<Output = T>,
    ) -> Result<Option<T>, Refusal> {
        let place = Place::take(self).ok_or(Refusal::QueueFull)?;
        let came = tokio::time::timeout_at(deadline.into(), wanted).await;
        drop(place);
        Ok(came.ok())
    }
}

/// A place in the queue, free again when dropped, also when the client goes away.
struct Place<'g>(&'g Gate);

impl<'g> Place<'g> {
    fn take(gate: &'g Gate) -> Option<Self> {
        let place = Self(gate);
        let before = gate.waiting.fetch_add(1, Ordering::Relaxed);
        (before < gate.max_waiting).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use futures::FutureExt;
    use std::time::Duration;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[tokio::test]
    async fn some_run_some_wait_and_the_rest_is_refused() {
        let gate = Gate::new(1, 1);
        let first = gate.enter(soon()).await.unwrap();
        let mut second = Box::pin(gate.enter(soon()));
        assert!((&mut second).now_or_never().is_none());
        assert_eq!(gate.enter(soon()).await.unwrap_err(), Refusal::QueueFull);
        drop(first);
        let second = second.await.unwrap();
        assert!(gate.enter(soon()).now_or_never().is_none());
        drop(second);
        drop(gate.enter(soon()).await.unwrap());
    }

    #[tokio::test]
    async fn waiting_ends_with_the_time_limit() {
        let gate = Gate::new(1, 1);
        let _first = gate.enter(soon()).await.unwrap();
        assert_eq!(gate.enter(Instant::now()).await.unwrap_err(), Refusal::TimedOut);
    }
}
