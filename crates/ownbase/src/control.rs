//! The control socket: how other `ownbase` commands reach a running server, which alone may open the users' databases.
//!
//! `STATE_DIR/control.sock`, for the user who runs the server (mode 0600, and the other end is asked who it is). One left
//! by a server that was killed is replaced, since the state directory's lock says that no other server is there. Limits:
//! 4 connections, 10 s for a request, one roll-out at a time with 16 jobs at most; where it stands may be asked meanwhile.
//! `protocol.rs` says what is spoken.

pub(crate) mod protocol;
mod serving;

use crate::migrate::target::Target;
use anyhow::{Context, Result, bail};
use ownbase_spin_sqlite::{Databases, Limits};
use std::fs::{self, Permissions};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::UnixListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

const MAX_CONNECTIONS: u32 = 4;

/// What the server knows that a command asks about.
pub(crate) struct Served {
    pub(crate) databases: Databases,
    pub(crate) limits: Limits,
    pub(crate) state_dir: PathBuf,
    /// The components that carry migrations, as they are served.
    pub(crate) targets: Vec<Target>,
    /// Of those that change anything or make copies, one at a time.
    rollout: Semaphore,
    /// Whatever is asked for, while it is being done.
    running: Semaphore,
    /// The server ends, and stops what runs.
    ending: watch::Sender<bool>,
}

/// The listening socket.
pub(crate) struct Control {
    served: Arc<Served>,
    path: PathBuf,
    accepting: JoinHandle<()>,
}

impl Served {
    pub(crate) fn new(databases: Databases, limits: Limits, state_dir: PathBuf, targets: Vec<Target>) -> Self {
        let (rollout, running) = (Semaphore::new(1), Semaphore::new(MAX_CONNECTIONS as usize));
        Self { databases, limits, state_dir, targets, rollout, running, ending: watch::Sender::new(false) }
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

    /// Stops what runs, waits for its end, and removes the socket.
    pub(crate) async fn finish(self) {
        self.accepting.abort();
        self.served.ending.send_replace(true);
        // The semaphore is never closed. Nothing else begins: the permits are kept.
        if let Ok(permits) = self.served.running.acquire_many(MAX_CONNECTIONS).await {
            permits.forget();
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
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS as usize));
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::protocol::{Answer, MAX_ANSWER_BYTES, Migrate, PROTOCOL, Request, read_line, write_line};
    use super::*;
    use crate::migrate::plan::{Action, OnError, Plan};
    use tokio::io::BufReader;
    use tokio::net::UnixStream;

    async fn ask(state_dir: &Path, action: Action) -> Answer {
        let plan = Plan { action, jobs: None, canary: None, on_error: OnError::Stop };
        let mut stream = UnixStream::connect(protocol::socket(state_dir)).await.unwrap();
        let request = Request { protocol: PROTOCOL, migrate: Migrate { plan, builds: Vec::new() } };
        write_line(&mut stream, &request).await.unwrap();
        let mut stream = BufReader::new(stream);
        loop {
            let line = read_line(&mut stream, MAX_ANSWER_BYTES).await.unwrap().unwrap();
            let answer = serde_json::from_slice(&line).unwrap();
            if !matches!(answer, Answer::Progress(_)) {
                return answer;
            }
        }
    }

    #[tokio::test(flavor = "current_thread")]
    async fn where_databases_stand_is_told_beside_a_roll_out() {
        let folder = tempfile::tempdir().unwrap();
        let databases = Databases::open(folder.path(), Limits::default()).unwrap();
        let served = Served::new(databases, Limits::default(), folder.path().to_owned(), Vec::new());
        let control = Control::listen(served).unwrap();
        let rollout = control.served.rollout.try_acquire().unwrap();
        for action in [Action::Migrate, Action::DryRun] {
            let answer = ask(folder.path(), action).await;
            assert!(matches!(&answer, Answer::Refused(why) if why.contains("runs a roll-out already")), "{answer:?}");
        }
        let answer = ask(folder.path(), Action::Status).await;
        assert!(matches!(answer, Answer::Report(_)), "{answer:?}");
        drop(rollout);
        control.finish().await;
    }
}
