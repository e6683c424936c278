//! A server under measurement: started on a free port, asked for its figures through /proc, killed when dropped.

use super::machine::ticks_per_second;
use crate::http::Client;
use anyhow::{Context, bail, ensure};
use std::fs::{File, read_dir, read_to_string};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long it may take to end when told to.
const STOP: Duration = Duration::from_secs(60);

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    child: Child,
}

impl Server {
    /// Starts one that says by itself where it listens. Its log is written beside its state.
    pub(crate) fn announced(command: &mut Command, state: &Path) -> anyhow::Result<Self> {
        let mut child = command.stdout(Stdio::piped()).stderr(log(state)?).spawn().context("cannot start")?;
        let mut stdout = BufReader::new(child.stdout.take().context("no stdout")?);
        let address = address(&mut stdout);
        if address.is_err() {
            // It has closed its output or said nonsense: it may still run.
            child.kill()?;
        }
        let address = address?;
        // A server that cannot print its log would stop.
        std::thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()));
        Ok(Self { address, child })
    }

    /// Starts one that was given its socket, and waits for its first answer.
    pub(crate) fn at(address: SocketAddr, mut command: Command, state: &Path) -> anyhow::Result<Self> {
        let log = log(state)?;
        let child = command.stdout(log.try_clone()?).stderr(log).spawn().context("cannot start")?;
        // The socket is then the server's alone: if it ends, nobody waits for it.
        drop(command);
        let server = Self { address, child };
        Client::connect(address)?.get("/").context("it does not serve; its words are in the log beside its state")?;
        Ok(server)
    }

    /// User and system time since the server's start, in the kernel's ticks of usually 10 ms.
    pub(crate) fn cpu_time(&self) -> anyhow::Result<Duration> {
        let ticks = ticks(&read_to_string(self.proc("stat"))?)?;
        Ok(Duration::from_secs_f64(ticks as f64 / ticks_per_second()?))
    }

    /// Resident memory.
    pub(crate) fn memory_bytes(&self) -> anyhow::Result<u64> {
        bytes(&read_to_string(self.proc("status"))?, "VmRSS:")
    }

    /// The most that was ever resident.
    pub(crate) fn peak_memory_bytes(&self) -> anyhow::Result<u64> {
        bytes(&read_to_string(self.proc("status"))?, "VmHWM:")
    }

    pub(crate) fn open_files(&self) -> anyhow::Result<u64> {
        Ok(read_dir(self.proc("fd"))?.count() as u64)
    }

    /// Tells it to end, and waits until it has done so in order.
    pub(crate) fn stop(mut self) -> anyhow::Result<()> {
        let told = Command::new("kill").arg(self.child.id().to_string()).status().context("cannot start kill")?;
        let deadline = Instant::now() + STOP;
        while told.success() && Instant::now() < deadline {
            match self.child.try_wait()? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => bail!("the server ended with {status}"),
                None => std::thread::sleep(Duration::from_millis(10)),
            }
        }
        bail!("the server did not end within {} s", STOP.as_secs())
    }

    fn proc(&self, file: &str) -> String {
        format!("/proc/{}/{file}", self.child.id())
    }
}

/// User and system time in /proc/PID/stat.
fn ticks(stat: &str) -> anyhow::Result<u64> {
    // The second field, the name, may hold spaces and parentheses; utime and stime are the 14th and 15th.
    let (_, fields) = stat.rsplit_once(')').context("no name in /proc/PID/stat")?;
    let times: Vec<u64> = fields.split_whitespace().skip(11).take(2).map(str::parse).collect::<Result<_, _>>()?;
    ensure!(times.len() == 2, "no times in /proc/PID/stat");
    Ok(times.iter().sum())
}

/// A field of /proc/PID/status.
fn bytes(status: &str, field: &str) -> anyhow::Result<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix(field)).with_context(|| format!("no {field}"))?;
    let kib: u64 = value.trim().trim_end_matches(" kB").parse()?;
    Ok(kib << 10)
}

/// Emptied at each start: a line for each request is much.
fn log(state: &Path) -> anyhow::Result<File> {
    let path = state.with_extension("log");
    File::create(&path).with_context(|| format!("cannot write {}", path.display()))
}

fn address(stdout: &mut impl BufRead) -> anyhow::Result<SocketAddr> {
    let mut line = String::new();
    while stdout.read_line(&mut line)? > 0 {
        if let Some(address) = line.trim_end().strip_prefix("Serving http://") {
            return address.parse().with_context(|| format!("`{address}` is no address"));
        }
        line.clear();
    }
    bail!("the server ended before it served; its words are in the log beside its state")
}

impl Drop for Server {
    fn drop(&mut self) {
        // Either fails only where the server has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_figures_of_a_process_are_read() {
        let stat = "7 (a) name) S 1 7 7 0 -1 4194560 1409 0 3 0 250 50 9 9 20 0 4 0 1234 567 89";
        assert_eq!(ticks(stat).unwrap(), 300);
        assert!(ticks("7 (name) S 1 7 7").is_err());
        let status = "Name:\townbase\nVmHWM:\t    3000 kB\nVmRSS:\t    2048 kB\n";
        assert_eq!(bytes(status, "VmRSS:").unwrap(), 2 << 20);
        assert_eq!(bytes(status, "VmHWM:").unwrap(), 3000 << 10);
        assert!(bytes(status, "VmSwap:").is_err());
    }

    #[test]
    fn a_server_says_where_it_serves() {
        let said = |text: &str| address(&mut text.as_bytes());
        assert_eq!(said("first\nServing http://127.0.0.1:3000\n").unwrap().port(), 3000);
        assert!(said("Serving http://localhost\n").is_err());
        assert!(said("error\n").unwrap_err().to_string().starts_with("the server ended before it served"));
    }
}
