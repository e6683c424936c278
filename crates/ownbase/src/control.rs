//! The control socket: how other `ownbase` commands reach a running server, which alone may open the users' databases.
//!
//! `STATE_DIR/control.sock`, for the user who runs the server (mode 0600, and the other end is asked who it is). One left
//! by a server that was killed is replaced, since the state directory's lock says that no other server is there. Limits:
//! 4 connections, 10 s for a request, one roll-out at a time with 16 jobs at most. `protocol.rs` says what is spoken.

pub(crate) mod protocol;
mod serving;

use crate::migrate::target::Target;
use anyhow::{Context, Result, bail};
use ownbase_spin_sqlite::{Databases, Limits};
use std::fs::{self, Permissions};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::UnixListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

const MAX_CONNECTIONS: usize = 4;

/// What the server knows that a command asks about.
pub(crate) struct Served {
    pub(crate) databases: Databases,
    pub(crate) limits: Limits,
    pub(crate) state_dir: PathBuf,
    /// The components that carry migrations, as they are served.
    pub(crate) targets: Vec<Target>,
    /// One roll-out at a time.
    rollout: Arc<Semaphore>,
    /// Stops the one that runs.
    stop: Mutex<Arc<AtomicBool>>,
}

/// The listening socket.
pub(crate) struct Control {
    served: Arc<Served>,
    path: PathBuf,
    accepting: JoinHandle<()>,
}

impl Served {
    pub(crate) fn new(databases: Databases, limits: Limits, state_dir: PathBuf, targets: Vec<Target>) -> Self {
        let (rollout, stop) = (Arc::new(Semaphore::new(1)), Mutex::default());
        Self { databases, limits, state_dir, targets, rollout, stop }
    }

    /// Told to the roll-out that has just begun.
    fn new_stop(&self) -> Arc<AtomicBool> {
        let stop = Arc::new(AtomicBool::new(false));
        *self.stop.lock().unwrap_or_else(PoisonError::into_inner) = stop.clone();
        stop
    }
}

impl Control {
    /// Listens. Must be called within the runtime that then serves the socket.
    pub(crate) fn listen(served: Served) -> Result<Self> {
        let path = protocol::socket(&served.state_dir);
        let listener = bind(&path)?;
        let served = Arc::new(served);
        let accepting = tokio::spawn(accept(listener, served.clone()));
        Ok(Self { served, path, accepting })
    }

    /// Stops the roll-out that runs, if any, waits for its end, and removes the socket.
    pub(crate) async fn finish(self) {
        self.accepting.abort();
        self.served.stop.lock().unwrap_or_else(PoisonError::into_inner).store(true, SeqCst);
        // The semaphore is never closed. No other roll-out begins: the permit is kept.
        if let Ok(permit) = self.served.rollout.acquire().await {
            permit.forget();
        }
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!("{} stays behind: {error}", self.path.display());
        }
    }
}

/// Listens on `path`, which others cannot reach from its first moment on: it is made in a folder that is closed to them.
fn bind(path: &Path) -> Result<UnixListener> {
    if fs::symlink_metadata(path).is_ok_and(|found| !found.file_type().is_socket()) {
        bail!("{} is no socket (move it away)", path.display());
    }
    let folder = path.with_extension("new");
    // One that a killed server left.
    let _ = fs::remove_dir_all(&folder);
    let make = || {
        fs::DirBuilder::new().mode(0o700).create(&folder)?;
        let new = folder.join("s");
        let listener = UnixListener::bind(&new)?;
        fs::set_permissions(&new, Permissions::from_mode(0o600))?;
        fs::rename(&new, path)?;
        Ok::<_, std::io::Error>(listener)
    };
    // A path that is too long (some 100 bytes are allowed) is refused here.
    let made = make().with_context(|| {
        format!("cannot listen on {}, which is {} bytes long", path.display(), path.as_os_str().len())
    });
    let _ = fs::remove_dir_all(&folder);
    made
}

async fn accept(listener: UnixListener, served: Arc<Served>) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        // The semaphore is never closed.
        let Ok(place) = places.clone().acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(crate::server::ACCEPT_PAUSE).await;
            continue;
        };
        let served = served.clone();
        tokio::spawn(async move {
            if let Err(error) = serving::serve(stream, &served).await {
                tracing::warn!("a control connection ended: {error:#}");
            }
            drop(place);
        });
    }
}
