//! How the server is, for whoever watches it: users whom it cannot serve, threads that hang, a disk that takes nothing.
//!
//! The server is looked at when somebody asks, once a second at most. A look takes 2 s at most. It costs every serving
//! thread a message, and the disk a small file (`disk.rs`).

mod disk;

use crate::server::pulse::Pulse;
use disk::{Disk, Probe};
use ownbase_spin_sqlite::{Condition, Databases};
use serde::Serialize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// How long a report is good.
const MAX_AGE: Duration = Duration::from_secs(1);
/// For threads and disk to answer.
const TIME_LIMIT: Duration = Duration::from_secs(2);

/// What is looked at.
pub(crate) struct Health {
    pulse: Pulse,
    databases: Databases,
    probe: Probe,
    /// When the server was last looked at, and how it was.
    last: Arc<Mutex<Option<(Instant, Report)>>>,
}

/// How the server is, as it is told in JSON.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Report {
    /// All of it in a word.
    pub(crate) status: Status,
    quarantined_users: u64,
    failing_users: u64,
    serving_threads: Threads,
    disk: Disk,
}

/// All of it in a word.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    /// All is well.
    Ok,
    /// Some users cannot be served; all others are.
    Degraded,
    /// Threads hang or are gone, or nothing can be written: a balancer should send requests elsewhere.
    Failing,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct Threads {
    alive: usize,
    of: usize,
}

impl Health {
    pub(crate) fn new(pulse: Pulse, databases: Databases, state_dir: PathBuf) -> Self {
        Self { pulse, databases, probe: Probe::new(state_dir), last: Arc::default() }
    }

    /// How the server is, or was a second ago at most.
    pub(crate) async fn report(self: &Arc<Self>) -> Report {
        let mut last = self.last.clone().lock_owned().await;
        if let Some((at, report)) = *last
            && at.elapsed() < MAX_AGE
        {
            return report;
        }
        // In a task of its own, which ends though the client may leave: so no crowd of clients begins a crowd of looks.
        let health = self.clone();
        let look = tokio::spawn(async move {
            let report = health.look().await;
            *last = Some((Instant::now(), report));
            report
        });
        look.await.unwrap_or_else(|_| self.judge(0, Disk::default()))
    }

    async fn look(&self) -> Report {
        let (alive, disk) = tokio::join!(self.pulse.alive(TIME_LIMIT), self.probe.look(TIME_LIMIT));
        let threads = self.pulse.threads();
        if alive < threads {
            tracing::error!("{} of {threads} serving threads hang or are gone", threads - alive);
        }
        self.judge(alive, disk)
    }

    fn judge(&self, alive: usize, disk: Disk) -> Report {
        let Condition { quarantined_users, failing_users, .. } = self.databases.condition();
        let serving_threads = Threads { alive, of: self.pulse.threads() };
        let status = if alive < serving_threads.of || !disk.writable {
            Status::Failing
        } else if quarantined_users > 0 || failing_users > 0 {
            Status::Degraded
        } else {
            Status::Ok
        };
        Report { status, quarantined_users, failing_users, serving_threads, disk }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use ownbase_spin_sqlite::Limits;

    #[tokio::test(flavor = "current_thread")]
    async fn a_look_is_good_for_a_while_and_goes_on_without_its_client() {
        let folder = tempfile::tempdir().unwrap();
        let databases = Databases::open(&folder.path().join("state"), Limits::default()).unwrap();
        let health = Arc::new(Health::new(Pulse::default(), databases, folder.path().to_owned()));
        {
            let mut leaves = std::pin::pin!(health.report());
            assert!(futures::poll!(leaves.as_mut()).is_pending());
        }
        assert_eq!(health.report().await.status, Status::Ok);
        let (at, _) = health.last.lock().await.unwrap();
        health.report().await;
        assert_eq!(health.last.lock().await.unwrap().0, at);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn what_is_wrong_is_said_in_a_word() {
        let folder = tempfile::tempdir().unwrap();
        let databases = Databases::open(&folder.path().join("state"), Limits::default()).unwrap();
        let mut pulse = Pulse::default();
        let _hangs = pulse.add();
        let health = Health::new(pulse, databases, folder.path().to_owned());
        let (good, bad) = (Disk { writable: true, free_bytes: Some(7) }, Disk::default());
        for (alive, disk, status) in [(1, good, Status::Ok), (0, good, Status::Failing), (1, bad, Status::Failing)] {
            assert_eq!(health.judge(alive, disk).status, status);
        }
        assert_eq!(
            serde_json::to_string(&health.judge(1, good)).unwrap(),
            "{\"status\":\"ok\",\"quarantined_users\":0,\"failing_users\":0,\"serving_threads\":{\"alive\":1,\"of\":1},\
             \"disk\":{\"writable\":true,\"free_bytes\":7}}"
        );
    }
}
