//! Whether the state directory takes what is written into it: a small file is written, synced and removed there.
//!
//! One thread asks the disk at a time, and is waited for as long as the caller says. A thread that hangs is left alone, and
//! until it is back every further look says that the disk does not answer.

use rustix::fs::statvfs;
use serde::Serialize;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Result, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;

/// The file. A look that was cut short may leave it behind; the next one removes it.
const PROBE: &str = "health-probe";
/// As much as a file system writes at the least.
const PROBE_BYTES: [u8; 512] = [0; 512];

/// The file system of the state directory.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(super) struct Disk {
    /// Whether a file could be written and synced.
    pub(super) writable: bool,
    /// What this process may still write, in bytes, if that is known.
    pub(super) free_bytes: Option<u64>,
}

/// Looks at one state directory.
pub(super) struct Probe {
    state_dir: PathBuf,
    place: Arc<Semaphore>,
}

impl Probe {
    pub(super) fn new(state_dir: PathBuf) -> Self {
        Self { state_dir, place: Arc::new(Semaphore::new(1)) }
    }

    /// How the disk is; the log says why where it is not well.
    pub(super) async fn look(&self, time_limit: Duration) -> Disk {
        let (written, free_bytes) = match timeout(time_limit, self.ask()).await {
            Ok(Ok((written, free_bytes))) => (written, free_bytes),
            Ok(Err(error)) => (Err(error), None),
            Err(_) => (Err(ErrorKind::TimedOut.into()), None),
        };
        if let Err(error) = &written {
            tracing::error!("{} cannot be written: {error}", self.state_dir.display());
        }
        Disk { writable: written.is_ok(), free_bytes }
    }

    /// Waits for a thread before it, and for its own.
    async fn ask(&self) -> Result<(Result<()>, Option<u64>)> {
        // The semaphore is never closed.
        let permit = self.place.clone().acquire_owned().await;
        let (sender, answer) = oneshot::channel();
        let state_dir = self.state_dir.clone();
        // No thread of the runtime: the end of the process would wait for one that hangs.
        std::thread::Builder::new().name("health".to_owned()).spawn(move || {
            let free_bytes = statvfs(&state_dir).ok().map(|found| found.f_bavail.saturating_mul(found.f_frsize));
            // Nobody may be waiting any more.
            let _ = sender.send((write(&state_dir), free_bytes));
            drop(permit);
        })?;
        answer.await.map_err(|_| ErrorKind::BrokenPipe.into())
    }
}

fn write(state_dir: &Path) -> Result<()> {
    let path = state_dir.join(PROBE);
    let _ = fs::remove_file(&path);
    // Only a new one: somebody's link is not followed.
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    let written = file.write_all(&PROBE_BYTES).and_then(|()| file.sync_all());
    written.and(fs::remove_file(&path))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    #[tokio::test(flavor = "current_thread")]
    async fn a_folder_is_writable_and_nothing_stays_there() {
        let folder = tempfile::tempdir().unwrap();
        let target = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(target.path(), "mine").unwrap();
        std::os::unix::fs::symlink(target.path(), folder.path().join(PROBE)).unwrap();
        let probe = Probe::new(folder.path().to_owned());
        for _ in 0..2 {
            let disk = probe.look(PATIENCE).await;
            assert!(disk.writable && disk.free_bytes.is_some_and(|bytes| bytes > 0), "{disk:?}");
            assert_eq!(folder.path().read_dir().unwrap().count(), 0);
        }
        assert_eq!(std::fs::read(target.path()).unwrap(), b"mine");
    }

    #[tokio::test(flavor = "current_thread")]
    async fn what_cannot_be_written_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Probe::new(folder.path().join("missing")).look(PATIENCE).await;
        assert!(!disk.writable && disk.free_bytes.is_none(), "{disk:?}");
        std::fs::create_dir(folder.path().join(PROBE)).unwrap();
        assert!(!Probe::new(folder.path().to_owned()).look(PATIENCE).await.writable);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_disk_that_hangs_is_asked_once() {
        let folder = tempfile::tempdir().unwrap();
        let probe = Probe::new(folder.path().to_owned());
        // As a thread that hangs holds it.
        let hanging = probe.place.clone().try_acquire_owned().unwrap();
        assert!(!probe.look(Duration::from_millis(1)).await.writable);
        drop(hanging);
        assert!(probe.look(PATIENCE).await.writable);
    }
}
