//! The server under proof: how it is started, beside strace or without.

use super::follow;
use crate::bench::server::Server;
use anyhow::{Context, bail};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// How many databases may be open: fewer than there are users.
const MAX_OPEN: &str = "3";
/// How much longer each sync takes when it is recorded, in microseconds, so that others wait for it meanwhile.
const SLOW_SYNCS: &str = "inject=fsync,fdatasync:delay_exit=1500";
/// How long strace may take to write its last line.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is started.
pub(crate) struct Program {
    pub(crate) ownbase: PathBuf,
    pub(crate) manifest: PathBuf,
    /// Of `ownbase up`, beside those that are given here.
    pub(crate) flags: Vec<String>,
}

impl Program {
    /// Serves the databases of a state directory; its log is the file beside it that ends in `.log`.
    pub(crate) fn start(&self, state: &Path) -> anyhow::Result<Server> {
        Server::announced(&mut self.up(Command::new(&self.ownbase), state), state)
    }

    /// The same, with its system calls written to a file.
    pub(crate) fn start_traced(&self, state: &Path, calls: &Path) -> anyhow::Result<Server> {
        let mut strace = Command::new("strace");
        // -D: the server is the child and strace its grandchild, so that a signal to the child is one to the server.
        strace.args(["-D", "-f", "--seccomp-bpf", "-q", "-ttt", "-xx", "-X", "raw", "-s", "10000000", "-o"]).arg(calls);
        strace.args(["-e", follow::CALLS, "-e", SLOW_SYNCS, "--"]).arg(&self.ownbase);
        Server::announced(&mut self.up(strace, state), state)
    }

    fn up(&self, mut command: Command, state: &Path) -> Command {
        command.args(["up", "--from"]).arg(&self.manifest).args(["--listen", "127.0.0.1:0"]);
        command.args(["--max-open-databases", MAX_OPEN, "--state-dir"]).arg(state);
        command.args(&self.flags).env("OWNBASE_LOG", "info");
        command
    }
}

/// What strace has written of a server that has ended.
pub(crate) fn calls(file: &Path) -> anyhow::Result<String> {
    let until = Instant::now() + PATIENCE;
    loop {
        let log = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        // The first thread is the last to be seen to end.
        let first = log.split_whitespace().next().unwrap_or_default();
        let ended = log
            .lines()
            .rev()
            .take(100)
            .any(|line| line.trim_start().strip_prefix(first).is_some_and(|rest| rest.contains(" +++ ")));
        if ended && !first.is_empty() {
            return Ok(log);
        }
        if Instant::now() > until {
            bail!("strace does not end: see {}", file.display());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
