//! A server's system calls, as strace tells of them: what was written to which file, and when it was synced.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};

use super::engine::Engine;
use super::home::Home;
use super::server::Server;
use super::strace;
use super::wait::wait_for;
pub(crate) use strace::is_there;

const CALLS: &str = "trace=write,writev,sendto,sendmsg,pwrite64,fsync,fdatasync,unlink,unlinkat";
const DEADLINE: Duration = Duration::from_secs(30);

/// A server under strace.
#[derive(Debug)]
pub(crate) struct Traced {
    pub(crate) server: Server,
    calls: PathBuf,
}

impl Traced {
    /// Starts the engine under strace, which may also be told by `injections` to let calls fail.
    pub(crate) fn start(engine: &Engine, home: &Home, flags: &[&str], injections: &[&str]) -> Result<Self> {
        let calls = home.path().join("calls");
        let command = strace::beside(&engine.command(home, flags)?, &[&[CALLS], injections].concat(), &calls);
        Ok(Self { server: Server::start(engine.name(), command, home)?, calls })
    }

    /// Stops the server and gives its calls, as [`strace::all`] does.
    pub(crate) fn stop(self) -> Result<Vec<String>> {
        let id = self.server.id();
        self.server.stop()?;
        wait_for("strace to end", DEADLINE, || strace::all(&self.calls, id).context("strace wrote nothing"))
    }
}
