//! `cargo xtask up --engine workerd`, started as a person starts it: it says where it serves, keeps over `kill -9` what it
//! has acknowledged, and says in one line why it does not start. What it answers is the conformance suite's to check.

use crate::http::Client;
use crate::repository::Repository;
use anyhow::{Context, bail, ensure};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// No other user's notes look like it.
const TEXT: &str = "acknowledged before kill -9";

pub(crate) fn run(repository: &Repository) -> anyhow::Result<()> {
    let state = repository.target.join("serving");
    if state.exists() {
        std::fs::remove_dir_all(&state).with_context(|| format!("cannot empty {}", state.display()))?;
    }
    let refused = refusal("0.0.0.0:0", &state)?;
    ensure!(refused.contains("no authentication"), "an address that is not loopback gives {refused}");
    let server = Server::start(&state)?;
    Client::connect(server.address)?.post("/john", &format!("{{\"text\": \"{TEXT}\"}}"))?;
    let taken = server.address.to_string();
    let refused = refusal(&taken, &state)?;
    ensure!(refused.starts_with(&format!("error: cannot listen on {taken}")), "a taken port gives {refused}");
    drop(server);
    let server = Server::start(&state)?;
    let notes = Client::connect(server.address)?.get("/john")?;
    ensure!(notes["notes"][0]["text"] == TEXT, "after kill -9 there is {notes}");
    Ok(())
}

fn up(listen: &str, state: &Path) -> anyhow::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["up", "--engine", "workerd", "--listen", listen, "--state-dir"]).arg(state).stdin(Stdio::null());
    Ok(command)
}

/// What it says when it cannot serve: the last line, since cargo's stand before.
fn refusal(listen: &str, state: &Path) -> anyhow::Result<String> {
    let output = up(listen, state)?.output()?;
    ensure!(output.status.code() == Some(1), "--listen {listen} ends it with {}", output.status);
    Ok(String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or_default().to_owned())
}

/// A running server. Dropping it is `kill -9`.
struct Server {
    address: SocketAddr,
    child: Child,
}

impl Server {
    fn start(state: &Path) -> anyhow::Result<Self> {
        let mut child = up("127.0.0.1:0", state)?.stdout(Stdio::piped()).spawn().context("cannot start")?;
        let mut lines = BufReader::new(child.stdout.take().context("no stdout")?).lines();
        let said =
            lines.by_ref().map_while(Result::ok).find_map(|line| line.strip_prefix("Serving http://")?.parse().ok());
        let Some(address) = said else {
            child.kill()?;
            bail!("it ended before it served");
        };
        // A server that cannot print its log would stop.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Ok(Self { address, child })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Either fails only where the server has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
