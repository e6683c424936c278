//! The thread that moves long WALs into their files, one after the other.
//!
//! A database that has its turn to come is used by others meanwhile; what they add to the WAL is bounded (`durability.rs`).
//! Then the thread stands in line for it, as all do who want it, and gets it however much it is used. It does not stand there
//! for long while others wait for their turn: whoever is in a long transaction is asked again after them.

use super::Inner;
use crate::lease::Lease;
use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Weak, mpsc},
    time::Duration,
};
use tokio::runtime::{Builder, Runtime};

/// How long the thread waits for a database the first time; each time after that twice as long, since a line may be longer.
const PATIENCE: Duration = Duration::from_millis(100);
const MOST_PATIENCE: Duration = Duration::from_secs(10);

/// Labels of databases whose WAL has become long, in the order of their turns.
pub(super) struct Checkpoints {
    runtime: Runtime,
    asked: mpsc::Receiver<Arc<str>>,
    turns: VecDeque<(Arc<str>, Duration)>,
}

impl Checkpoints {
    pub(super) fn new(asked: mpsc::Receiver<Arc<str>>) -> io::Result<Checkpoints> {
        // Of this thread alone, to wait on.
        let runtime = Builder::new_current_thread().enable_time().build()?;
        Ok(Checkpoints { runtime, asked, turns: VecDeque::new() })
    }

    /// The thread's life, which ends with the databases.
    pub(super) fn work(mut self, inner: &Weak<Inner>) {
        while let Some((label, patience)) = self.next() {
            let entry = inner.upgrade().and_then(|inner| inner.entries().get(&label).cloned());
            // Closed meanwhile and forgotten. What is closed and not forgotten has no long WAL.
            let Some(entry) = entry else { continue };
            let lease = self.runtime.block_on(async { tokio::time::timeout(patience, Lease::wait(&entry)).await });
            match lease {
                Ok(mut lease) => lease.checkpoint_if_long(),
                Err(_) => self.turns.push_back((label, MOST_PATIENCE.min(patience * 2))),
            }
        }
    }

    fn next(&mut self) -> Option<(Arc<str>, Duration)> {
        if self.turns.is_empty() {
            self.turns.push_back((self.asked.recv().ok()?, PATIENCE));
        }
        self.turns.extend(self.asked.try_iter().map(|label| (label, PATIENCE)));
        self.turns.pop_front()
    }
}
