//! The thread that notes how far logs are on disk: twice a second at most, for all logs that have moved on.
//!
//! A mark is what tells a damaged log from one that a power cut left half written (`files/recovery.rs`). No commit waits
//! for a mark: a log that was synced goes on a list, and the thread comes by.

use super::Log;
use crate::files::Files;
use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak},
    thread,
    time::Duration,
};

/// Between two rounds. A mark is at most this and the time of one sync behind its log.
const PERIOD: Duration = Duration::from_millis(500);

/// Logs that have moved on since the last round.
#[derive(Default)]
pub(super) struct Marker {
    listed: Mutex<Listed>,
    changed: Condvar,
}

#[derive(Default)]
struct Listed {
    logs: Vec<Weak<Log>>,
    over: bool,
}

impl Marker {
    /// Lists a log for the next round. Each log lists itself once a round.
    pub(super) fn list(&self, log: &Arc<Log>) {
        let mut listed = self.listed();
        listed.logs.push(Arc::downgrade(log));
        if listed.logs.len() == 1 {
            self.changed.notify_one();
        }
    }

    /// Ends the thread.
    pub(super) fn end(&self) {
        self.listed().over = true;
        self.changed.notify_one();
    }

    /// The thread's life.
    pub(super) fn work(&self, files: &Files) {
        while let Some(logs) = self.next() {
            let marks: Vec<_> = logs.iter().filter_map(|log| log.upgrade()?.mark()).collect();
            // A log that was closed meanwhile has no mark.
            if !marks.is_empty()
                && let Err(error) = files.marks().keep(&marks)
            {
                tracing::error!(%error, "how far logs are on disk could not be noted; damage to them is noticed later");
            }
            thread::sleep(PERIOD);
        }
    }

    fn next(&self) -> Option<Vec<Weak<Log>>> {
        let mut listed = self.listed();
        while listed.logs.is_empty() && !listed.over {
            listed = self.changed.wait(listed).unwrap_or_else(PoisonError::into_inner);
        }
        if listed.over { None } else { Some(std::mem::take(&mut listed.logs)) }
    }

    fn listed(&self) -> MutexGuard<'_, Listed> {
        self.listed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
