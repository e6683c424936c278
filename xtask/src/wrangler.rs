//! `npx wrangler dev`, as a person with the Worker in hand starts it: it builds, serves, and keeps users over a restart.
//! What it answers is the conformance suite's to check, on workerd itself.
//!
//! It gets a port, a folder for its state and a process group of its own, so that no other wrangler is disturbed and
//! none of the programs that it starts outlives it. It wants no account, and works without a network.

use crate::http::Client;
use crate::node::Programs;
use crate::repository::Repository;
use anyhow::{Context, bail, ensure};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// It builds the Worker before it serves.
const START_DEADLINE: Duration = Duration::from_secs(300);
/// It starts workerd again when it takes a file for changed, so that for a moment nobody may answer.
const ANSWER_DEADLINE: Duration = Duration::from_secs(60);
/// No other user's notes look like it.
const TEXT: &str = "kept by wrangler dev";

/// Starts it twice on one state.
pub(crate) fn run(repository: &Repository) -> anyhow::Result<()> {
    let state = repository.target.join("wrangler");
    if state.exists() {
        std::fs::remove_dir_all(&state).with_context(|| format!("cannot empty {}", state.display()))?;
    }
    let programs = Programs::install(repository)?;
    let wrangler = Wrangler::start(&programs, &state)?;
    let body = format!("{{\"text\": \"{TEXT}\"}}");
    let made = answer(|| Client::connect(wrangler.address)?.post("/john", &body))?;
    ensure!(made["note"]["text"] == TEXT, "POST answers {made}");
    drop(wrangler);
    let wrangler = Wrangler::start(&programs, &state)?;
    let notes = answer(|| Client::connect(wrangler.address)?.get("/john"))?;
    ensure!(notes["notes"][0] == made["note"], "after a restart there is {notes}");
    Ok(())
}

/// What a request is answered, tried again while nobody answers.
fn answer<T>(request: impl Fn() -> anyhow::Result<T>) -> anyhow::Result<T> {
    let start = Instant::now();
    loop {
        match request() {
            Err(_) if start.elapsed() < ANSWER_DEADLINE => std::thread::sleep(Duration::from_millis(100)),
            result => return result,
        }
    }
}

/// A running `wrangler dev`. Dropping it kills it, and all that it has started.
struct Wrangler {
    address: SocketAddr,
    child: Child,
}

impl Wrangler {
    fn start(programs: &Programs, state: &Path) -> anyhow::Result<Self> {
        let mut command = programs.wrangler();
        command.args(["dev", "--ip", "127.0.0.1", "--port", "0", "--inspector-port", "0", "--persist-to"]).arg(state);
        command.env("WRANGLER_SEND_METRICS", "false").env("CI", "1").stdin(Stdio::null()).stdout(Stdio::piped());
        own_group(&mut command);
        let mut child = command.spawn().context("cannot start node")?;
        let stdout = child.stdout.take().context("no stdout")?;
        let (sender, receiver) = mpsc::channel();
        // Reads on to the end, since a program that cannot print would stop.
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                eprintln!("  {line}");
                if let Some(address) = address_in(&line) {
                    let _ = sender.send(address);
                }
            }
        });
        match receiver.recv_timeout(START_DEADLINE) {
            Ok(address) => Ok(Self { address, child }),
            Err(_) => {
                kill(&mut child);
                bail!("wrangler dev did not come to serve; what it printed stands above")
            }
        }
    }
}

impl Drop for Wrangler {
    fn drop(&mut self) {
        kill(&mut self.child);
    }
}

/// `[wrangler:info] Ready on http://127.0.0.1:33883`, with or without colours.
fn address_in(line: &str) -> Option<SocketAddr> {
    let (_, url) = line.split_once("Ready on http://")?;
    let end = url.find(|letter: char| !letter.is_ascii_digit() && letter != '.' && letter != ':').unwrap_or(url.len());
    url.get(..end)?.parse().ok()
}

#[cfg(unix)]
fn own_group(command: &mut Command) {
    std::os::unix::process::CommandExt::process_group(command, 0);
}

#[cfg(not(unix))]
fn own_group(_: &mut Command) {}

/// Ends the process and its group: wrangler's own children would go on serving.
fn kill(child: &mut Child) {
    // Each fails only where it has ended by itself.
    if cfg!(unix) {
        let _ = Command::new("kill").args(["-9", "--", &format!("-{}", child.id())]).status();
    }
    let _ = child.kill();
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_read_from_what_it_prints() {
        let expected = Some(SocketAddr::from(([127, 0, 0, 1], 33883)));
        assert_eq!(address_in("[wrangler:info] Ready on http://127.0.0.1:33883"), expected);
        assert_eq!(address_in("[wrangler:info] Ready on http://127.0.0.1:33883\u{1b}[0m"), expected);
        assert_eq!(address_in("⎔ Starting local server..."), None);
    }
}
