//! The thread that moves long WALs into their files, one after the other.
//!
//! A database whose turn is to come is used by others meanwhile; what they add to the WAL is bounded (`durability.rs`).
//! Then the thread stands in line for it, as all do who want it, and gets it however much it is used. Once others wait for
//! their turn it does not stand there for long: whoever is in a long transaction is asked again after them.

use super::Inner;
use crate::{database::Shared, lease::Lease};
use std::{
    collections::VecDeque,
    io,
    pin::pin,
    sync::{Arc, Weak, mpsc},
    time::Duration,
};
use tokio::{
    runtime::{Builder, Runtime},
    time::timeout,
};

/// How long the thread waits for a database before it looks whether another's turn has come.
const PATIENCE: Duration = Duration::from_millis(100);

/// Labels of databases whose WAL has become long, in the order of their turns.
pub(super) struct Checkpoints {
    asked: mpsc::Receiver<Arc<str>>,
    turns: VecDeque<Arc<str>>,
}

impl Checkpoints {
    pub(super) fn new(asked: mpsc::Receiver<Arc<str>>) -> Checkpoints {
        Checkpoints { asked, turns: VecDeque::new() }
    }

    /// The thread's life, which ends with the databases.
    pub(super) fn work(mut self, inner: &Weak<Inner>) {
        match timer() {
            Ok(runtime) => self.work_on(&runtime, inner),
            Err(error) => tracing::error!(%error, "no thread checkpoints: statements do so before they begin"),
        }
    }

    fn work_on(&mut self, runtime: &Runtime, inner: &Weak<Inner>) {
        while let Some(label) = self.next() {
            let entry = inner.upgrade().and_then(|inner| inner.entries().get(&label).cloned());
            // Closed meanwhile and forgotten. What is closed and not forgotten has no long WAL.
            let Some(entry) = entry else { continue };
            match runtime.block_on(self.wait(&entry)) {
                Some(mut lease) => lease.checkpoint_if_long(),
                None => self.turns.push_back(label),
            }
        }
    }

    fn next(&mut self) -> Option<Arc<str>> {
        if self.turns.is_empty() {
            self.turns.push_back(self.asked.recv().ok()?);
        }
        self.turns.pop_front()
    }

    /// Waits for a database, or until another's turn has come. Whoever gives up loses the place in the line.
    async fn wait(&mut self, entry: &Shared) -> Option<Lease> {
        let mut lease = pin!(Lease::wait(entry));
        loop {
            if let Ok(lease) = timeout(PATIENCE, &mut lease).await {
                return Some(lease);
            }
            self.turns.extend(self.asked.try_iter());
            if !self.turns.is_empty() {
                return None;
            }
        }
    }
}

/// To wait on, for this thread alone.
fn timer() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_time().build()
}
