//! A server's system calls, as strace tells of them: what was written to which file, and when it was synced.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use super::engine::Engine;
use super::home::Home;
use super::server::Server;
use super::wait::wait_for;

const CALLS: &str = "trace=write,writev,sendto,sendmsg,pwrite64,fsync,fdatasync,unlink,unlinkat";
const DEADLINE: Duration = Duration::from_secs(30);

/// A server under strace.
#[derive(Debug)]
pub(crate) struct Traced {
    pub(crate) server: Server,
    calls: PathBuf,
}

/// Whether the program is there; says so if not.
pub(crate) fn is_there() -> bool {
    let found = Command::new("strace").arg("-V").output().is_ok();
    if !found {
        eprintln!("not run: there is no strace on this machine (install it)");
    }
    found
}

impl Traced {
    /// Starts the engine under strace, which may also be told by `injections` to let calls fail.
    pub(crate) fn start(engine: &Engine, home: &Home, flags: &[&str], injections: &[&str]) -> Result<Self> {
        let calls = home.path().join("calls");
        let traced = engine.command(home, flags)?;
        let mut command = Command::new("strace");
        // -D: the server is the child and strace its grandchild, so that a signal to the child is one to the server.
        command.args(["-D", "-f", "-q", "-y", "-s", "64", "-e", CALLS, "-o"]).arg(&calls);
        command.args(injections.iter().flat_map(|injection| ["-e", injection]));
        command.arg(traced.get_program()).args(traced.get_args());
        if let Some(folder) = traced.get_current_dir() {
            command.current_dir(folder);
        }
        for (name, value) in traced.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        Ok(Self { server: Server::start(engine.name(), command, home)?, calls })
    }

    /// Stops the server and gives its calls: in the order in which they began, or, where another call came in between, a
    /// line for the beginning and one for the end.
    pub(crate) fn stop(self) -> Result<Vec<String>> {
        let main = self.server.id();
        self.server.stop()?;
        let last = format!("{main} +++ exited");
        let complete = || {
            let text = std::fs::read_to_string(&self.calls).context("strace wrote nothing")?;
            let ended =
                text.lines().any(|line| line.split_whitespace().collect::<Vec<_>>().join(" ").starts_with(&last));
            Ok(ended.then(|| text.lines().map(str::to_owned).collect()))
        };
        wait_for("strace to end", DEADLINE, complete)
    }
}
