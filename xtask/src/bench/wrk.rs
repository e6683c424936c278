//! `wrk`, which makes the load, with limits of its own: on memory, files, the wait for an answer, and its time as a whole.
//!
//! Its p50 and p99 are of all answers, with what it adds for those that a connection would have had meanwhile, had it not
//! waited for a slow one.

use super::requests::Requests;
use anyhow::{Context, bail, ensure};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Threads, unless there are fewer connections.
pub(crate) const THREADS: u32 = 2;
/// An answer that takes longer is a failure.
const TIMEOUT: &str = "10s";
/// Address space and open files.
const LIMITS: [&str; 2] = ["--as=2147483648", "--nofile=1024"];
/// How long it may take beyond its load, in seconds.
const GRACE_SECONDS: u64 = 30;

/// What one run has seen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    /// Answered, with success.
    pub(crate) requests: u64,
    pub(crate) took_us: u64,
    pub(crate) p50_us: u64,
    pub(crate) p99_us: u64,
    /// Writes that were begun, of requests that a function makes. The last of each connection may not be answered.
    pub(crate) writes: u64,
}

impl Load {
    /// Fails where there is nothing to tell, since a slow server did not come to its first answer.
    pub(crate) fn answered(self) -> anyhow::Result<Self> {
        ensure!(self.requests > 0, "no request was answered so soon: give it more time by --seconds");
        Ok(self)
    }
}

/// A run that is under way; it is killed when dropped.
pub(crate) struct Wrk {
    child: Child,
    deadline: Instant,
}

/// How many threads serve so many connections.
pub(crate) fn threads(connections: u32) -> u32 {
    THREADS.min(connections)
}

impl Wrk {
    /// The script is written to the file `script`.
    pub(crate) fn start(
        address: SocketAddr,
        requests: &Requests,
        connections: u32,
        seconds: u64,
        script: &Path,
    ) -> anyhow::Result<Self> {
        let threads = threads(connections);
        std::fs::write(script, requests.lua(threads)).with_context(|| format!("cannot write {}", script.display()))?;
        let child = Command::new("prlimit")
            .args(LIMITS)
            .args(["wrk", "--threads", &threads.to_string(), "--connections", &connections.to_string()])
            .args(["--duration", &format!("{seconds}s"), "--timeout", TIMEOUT, "--script"])
            .arg(script)
            .arg(format!("http://{address}"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot start wrk")?;
        Ok(Self { child, deadline: Instant::now() + Duration::from_secs(seconds + GRACE_SECONDS) })
    }

    /// Waits for its end. What it writes is little, and fits into the pipes.
    pub(crate) fn finish(mut self) -> anyhow::Result<Load> {
        while self.child.try_wait()?.is_none() {
            if Instant::now() > self.deadline {
                bail!("wrk did not end within {GRACE_SECONDS} s after its load");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let (mut stdout, mut stderr) = (String::new(), String::new());
        read(self.child.stdout.take(), &mut stdout)?;
        read(self.child.stderr.take(), &mut stderr)?;
        parse(&stdout).with_context(|| format!("wrk {}", stderr.trim()).trim().to_owned())
    }
}

impl Drop for Wrk {
    fn drop(&mut self) {
        // Either fails only where it has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read(pipe: Option<impl std::io::Read>, text: &mut String) -> anyhow::Result<()> {
    pipe.context("no pipe")?.read_to_string(text)?;
    Ok(())
}

/// One connection in so many requests may break: wrk opens another and sends the request again.
pub(crate) const REQUESTS_FOR_ONE_LOST: u64 = 1000;

fn parse(output: &str) -> anyhow::Result<Load> {
    let line = output.lines().find_map(|line| line.strip_prefix("measured"));
    let line = line.with_context(|| format!("measured nothing: {}", output.trim()))?;
    let numbers = line.split_whitespace().map(|number| number.parse::<f64>().map(|number| number as u64));
    let [requests, took_us, p50_us, p99_us, writes, refused, late, lost] = numbers.collect::<Result<Vec<_>, _>>()?[..]
    else {
        bail!("measured `{}`", line.trim());
    };
    if refused + late > 0 || lost * REQUESTS_FOR_ONE_LOST > requests {
        bail!("{requests} requests: {refused} refused, {late} too late, {lost} lost with their connection");
    }
    Ok(Load { requests, took_us, p50_us, p99_us, writes })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_was_measured_is_read() {
        let load = parse("Running 1s test\nmeasured\t1200\t1000500\t700.0\t2500.0\t120\t0\t0\t0\n").unwrap();
        assert_eq!((load.requests, load.took_us, load.writes), (1200, 1_000_500, 120));
        assert_eq!((load.p50_us, load.p99_us), (700, 2500));
    }

    #[test]
    fn a_failed_request_fails_the_run() {
        let error = |line: &str| parse(line).err().map(|error| error.to_string());
        let failures = ["3\t0\t0", "0\t3\t0", "0\t0\t3"].map(|failures| error(&measured(1200, failures)));
        assert!(failures.iter().all(Option::is_some));
        assert_eq!(failures[0].as_deref(), Some("1200 requests: 3 refused, 0 too late, 0 lost with their connection"));
        assert!(error(&measured(1200, "0\t0\t1")).is_none());
        assert!(error("measured\t1200\n").is_some());
        assert_eq!(error("unable to connect\n").as_deref(), Some("measured nothing: unable to connect"));
    }

    #[test]
    fn no_answer_is_nothing_to_tell() {
        assert!(parse(&measured(1, "0\t0\t0")).unwrap().answered().is_ok());
        assert!(parse(&measured(0, "0\t0\t0")).unwrap().answered().is_err());
    }

    fn measured(requests: u64, failures: &str) -> String {
        format!("measured\t{requests}\t1000500\t700\t2500\t0\t{failures}\n")
    }

    #[test]
    fn one_connection_has_one_thread() {
        assert_eq!((threads(1), threads(32)), (1, 2));
    }
}
