//! A server process of the suite: started on a free port, stopped or killed.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};

use super::engine::EngineName;
use super::home::Home;
use super::site::Site;
use super::wait::wait_for;

/// Long enough to compile a component on a busy machine.
const START_DEADLINE: Duration = Duration::from_secs(60);
const STOP_DEADLINE: Duration = Duration::from_secs(30);

/// A running server. Dropping it is `kill -9`.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    site: Site,
    /// Copies what the server prints into its log.
    printed: Option<JoinHandle<()>>,
}

/// A server did not come to serve. An error of its own, so that no sabotage case takes it for the failure it wants.
#[derive(Debug, thiserror::Error)]
#[error("the server did not start: {0}")]
pub(crate) struct NotStarted(String);

impl Server {
    /// Runs `command`, whose server prints its address to stdout, and waits until it serves.
    pub(crate) fn start(engine: EngineName, mut command: Command, home: &Home) -> Result<Self> {
        let log = OpenOptions::new().create(true).append(true).open(home.log())?;
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log.try_clone()?);
        let mut child = command.spawn().with_context(|| format!("cannot run {command:?}"))?;
        let stdout = child.stdout.take().context("no stdout")?;
        let (printed, address) = follow(engine, stdout, log);
        match address.recv_timeout(START_DEADLINE) {
            Ok(address) => Ok(Self { child, site: Site::of_server(&address, &home.log()), printed: Some(printed) }),
            Err(_) => {
                let _ = child.kill();
                let status = child.wait()?;
                let log = std::fs::read_to_string(home.log()).unwrap_or_default();
                Err(NotStarted(format!("{status}, {log}")).into())
            }
        }
    }

    pub(crate) fn site(&self) -> &Site {
        &self.site
    }

    /// The process's id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks the server to end, as SIGTERM does.
    pub(crate) fn terminate(&self) -> Result<()> {
        Ok(kill_process(Pid::from_child(&self.child), Signal::TERM)?)
    }

    /// Waits until the server has ended after [`Server::terminate`].
    pub(crate) fn ended(mut self) -> Result<ExitStatus> {
        let status = wait_for("the server to end after SIGTERM", STOP_DEADLINE, || Ok(self.child.try_wait()?))?;
        // Its log is complete once all that it printed is copied.
        self.printed.take().map(JoinHandle::join);
        Ok(status)
    }

    /// Ends the server gracefully, which must succeed.
    pub(crate) fn stop(self) -> Result<()> {
        self.terminate()?;
        let status = self.ended()?;
        ensure!(status.code() == Some(0), "after SIGTERM the server ended with {status}, not exit code 0");
        Ok(())
    }

    /// `kill -9`.
    pub(crate) fn kill(self) {
        drop(self);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Copies what a server prints into its log, to the end, so that it never waits for a reader; sends on its address.
fn follow(engine: EngineName, stdout: ChildStdout, mut log: File) -> (JoinHandle<()>, Receiver<String>) {
    let (sender, receiver) = mpsc::channel();
    let follow = move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            match engine.address_in(&line) {
                Some(address) => drop(sender.send(address)),
                None => drop(writeln!(log, "{line}")),
            }
        }
    };
    (std::thread::spawn(follow), receiver)
}

/// Runs `command`, which must not come to serve: exit code 1 and one line that begins with `error: `, which is returned.
pub(crate) fn refusal(mut command: Command) -> Result<String> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let ended = wait_for("a refusal", START_DEADLINE, || Ok(child.try_wait()?));
    if ended.is_err() {
        child.kill()?;
    }
    let output = child.wait_with_output()?;
    let error = String::from_utf8_lossy(&output.stderr).trim_end().to_owned();
    ensure!(ended?.code() == Some(1), "expected exit code 1, got {}, with {error}", output.status);
    ensure!(error.starts_with("error: ") && error.lines().count() == 1, "expected one line, error: …, got {error}");
    Ok(error)
}
