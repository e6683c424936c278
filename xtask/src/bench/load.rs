//! The four loads, each a Lua script for `wrk`, what must be there before, and what must be there after.

use crate::http::Client;
use anyhow::{Context, bail};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Connections that `wrk` keeps busy.
pub(crate) const CONNECTIONS: usize = 32;
const THREADS: usize = 2;
const TEXT: &str = "Buy groceries";
/// As a JSON body; a Lua string in single quotes holds it as it is.
const BODY: &str = r#"{"text": "Buy groceries"}"#;
const USERS: usize = 1000;
const LISTED: usize = 10;

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Load {
    List,
    PostOneUser,
    PostManyUsers,
    FirstAccess,
}

/// What one run of a load showed.
pub(crate) struct Measured {
    pub(crate) requests: u64,
    pub(crate) took: Duration,
    pub(crate) p99: Duration,
    /// The server's, for all requests together.
    pub(crate) cpu: Duration,
    pub(crate) memory_bytes: u64,
}

impl Load {
    pub(crate) const ALL: [Self; 4] = [Self::List, Self::PostOneUser, Self::PostManyUsers, Self::FirstAccess];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::List => "GET a list of 10 notes",
            Self::PostOneUser => "POST, one user",
            Self::PostManyUsers => "POST, 1,000 users",
            Self::FirstAccess => "POST, each a new user",
        }
    }

    /// The function that makes wrk's next request; `id` is the number of wrk's thread.
    fn script(self) -> String {
        let post = format!("{{ ['content-type'] = 'application/json' }}, '{BODY}')");
        match self {
            Self::List => "request = function() return wrk.format('GET', '/reader') end".to_owned(),
            Self::PostOneUser => format!("request = function() return wrk.format('POST', '/writer', {post} end"),
            Self::PostManyUsers => format!(
                "local n = 0\nrequest = function()\n  n = n + 1\n  \
                 return wrk.format('POST', '/many-' .. (n * {THREADS} + id) % {USERS}, {post}\nend"
            ),
            Self::FirstAccess => format!(
                "local n = 0\nrequest = function()\n  n = n + 1\n  \
                 return wrk.format('POST', '/new-' .. id .. '-' .. n, {post}\nend"
            ),
        }
    }

    /// Users that the load takes as given.
    pub(crate) fn prepare(self, address: SocketAddr) -> anyhow::Result<()> {
        let mut client = Client::connect(address)?;
        let users: Vec<String> = match self {
            Self::List => vec!["/reader".to_owned(); LISTED],
            Self::PostOneUser => vec!["/writer".to_owned()],
            Self::PostManyUsers => (0..USERS).map(|user| format!("/many-{user}")).collect(),
            Self::FirstAccess => Vec::new(),
        };
        users.iter().try_for_each(|user| client.post(user, BODY).map(drop))
    }

    pub(crate) fn run(self, address: SocketAddr, folder: &Path, seconds: u64) -> anyhow::Result<Measured> {
        let script = folder.join("load.lua");
        std::fs::write(&script, format!("{SETUP}{}\n{DONE}", self.script()))?;
        let output = Command::new("wrk")
            .args(["--threads", &THREADS.to_string(), "--connections", &CONNECTIONS.to_string()])
            .args(["--duration", &format!("{seconds}s"), "--timeout", "10s", "--script"])
            .arg(script)
            .arg(format!("http://{address}"))
            .output()
            .context("cannot start wrk")?;
        parse(&String::from_utf8_lossy(&output.stdout))
    }

    /// Reads back what the load must have left.
    pub(crate) fn verify(self, address: SocketAddr, measured: &Measured) -> anyhow::Result<()> {
        let mut client = Client::connect(address)?;
        match self {
            Self::List => expect("/reader", count(&mut client, "/reader")?, LISTED as u64..=LISTED as u64),
            // wrk stops with a request under way on each connection, which may or may not have been answered.
            Self::PostOneUser => {
                let answered = measured.requests + 1;
                expect("/writer", count(&mut client, "/writer")?, answered..=answered + CONNECTIONS as u64)
            }
            Self::PostManyUsers => {
                let users = (0..USERS).map(|user| count(&mut client, &format!("/many-{user}")));
                let answered = measured.requests + USERS as u64;
                expect("/many-…", users.sum::<anyhow::Result<u64>>()?, answered..=answered + CONNECTIONS as u64)
            }
            Self::FirstAccess => {
                let threads = (0..THREADS).map(|thread| first_notes(&mut client, thread));
                let found = threads.sum::<anyhow::Result<u64>>()?;
                expect("/new-…", found, measured.requests..=measured.requests + CONNECTIONS as u64)
            }
        }
    }
}

/// Gives each of wrk's threads a number.
const SETUP: &str =
    "local threads = 0\nsetup = function(thread)\n  thread:set('id', threads)\n  threads = threads + 1\nend\n";

/// One line for [`parse`]: microseconds and counts.
const DONE: &str = "done = function(summary, latency)
  local e = summary.errors
  print('measured', summary.requests, summary.duration, latency:percentile(99), e.status + e.connect + e.read + e.write + e.timeout)
end
";

fn parse(output: &str) -> anyhow::Result<Measured> {
    let line = output.lines().find_map(|line| line.strip_prefix("measured"));
    let line = line.with_context(|| format!("wrk measured nothing: {output}"))?;
    let numbers = line.split_whitespace().map(|number| number.parse::<f64>().map(|number| number as u64));
    let [requests, took, p99, failed] = numbers.collect::<Result<Vec<_>, _>>()?[..] else {
        bail!("wrk wrote `{line}`");
    };
    if failed > 0 || requests == 0 {
        bail!("{failed} of {requests} requests failed");
    }
    let (took, p99) = (Duration::from_micros(took), Duration::from_micros(p99));
    Ok(Measured { requests, took, p99, cpu: Duration::ZERO, memory_bytes: 0 })
}

/// Counts a user's notes, page by page; each must be what was written.
fn count(client: &mut Client, user: &str) -> anyhow::Result<u64> {
    let mut path = format!("{user}?limit=1000");
    let mut count = 0;
    loop {
        let page = client.get(&path)?;
        let notes = page["notes"].as_array().context("no notes")?;
        if let Some(other) = notes.iter().find(|note| note["text"] != TEXT) {
            bail!("{user} has a note that nobody wrote: {other}");
        }
        count += notes.len() as u64;
        match page["next"].as_str() {
            Some(cursor) => path = format!("{user}?limit=1000&cursor={cursor}"),
            None => return Ok(count),
        }
    }
}

/// Counts the notes of one thread's users, who are numbered. Each connection may have left one without, where its request
/// was not carried out, so the last is past as many.
fn first_notes(client: &mut Client, thread: usize) -> anyhow::Result<u64> {
    let (mut notes, mut without) = (0, 0);
    for user in 1.. {
        match count(client, &format!("/new-{thread}-{user}"))? {
            0 => without += 1,
            found => notes += found,
        }
        if without > CONNECTIONS {
            break;
        }
    }
    Ok(notes)
}

fn expect(user: &str, count: u64, range: std::ops::RangeInclusive<u64>) -> anyhow::Result<()> {
    if !range.contains(&count) {
        bail!("{user} has {count} notes instead of {} to {}", range.start(), range.end());
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_wrk_measured_is_read() {
        let measured = parse("Running 1s test\nmeasured\t1200\t1000500\t2500.0\t0\n").unwrap();
        assert_eq!(measured.requests, 1200);
        assert_eq!(measured.took, Duration::from_micros(1_000_500));
        assert_eq!(measured.p99, Duration::from_micros(2500));
    }

    #[test]
    fn a_failed_request_fails_the_run() {
        let error = parse("measured\t1200\t1000500\t2500\t3\n").err().unwrap();
        assert_eq!(error.to_string(), "3 of 1200 requests failed");
        assert!(parse("measured\t0\t1000500\t0\t0\n").is_err());
        assert!(parse("unable to connect\n").is_err());
    }

    #[test]
    fn every_answered_write_must_be_there() {
        assert!(expect("/writer", 9, 10..=12).is_err());
        assert!(expect("/writer", 13, 10..=12).is_err());
        assert!(expect("/writer", 11, 10..=12).is_ok());
    }
}
