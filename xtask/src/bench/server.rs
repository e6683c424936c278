//! A server under measurement: started on a free port, asked for its figures through /proc, killed when dropped.

use super::machine::ticks_per_second;
use crate::http::Client;
use anyhow::{Context, bail};
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
        let child = command.stdout(log(state)?).stderr(log(state)?).spawn().context("cannot start")?;
        // The socket is then the server's alone: if it ends, nobody waits for it.
        drop(command);
        let server = Self { address, child };
        Client::connect(address)?.get("/").context("it does not serve; its words are in the log beside its state")?;
        Ok(server)
    }

    /// User and system time since the server's start, in the kernel's ticks of usually 10 ms.
    pub(crate) fn cpu_time(&self) -> anyhow::Result<Duration> {
        let stat = read_to_string(self.proc("stat"))?;
        // The second field, the name, may hold spaces; utime and stime are the 14th and 15th.
        let (_, fields) = stat.rsplit_once(')').context("no name in /proc/PID/stat")?;
        let ticks: u64 = fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
        Ok(Duration::from_secs_f64(ticks as f64 / ticks_per_second()?))
    }

    /// Resident memory.
    pub(crate) fn memory_bytes(&self) -> anyhow::Result<u64> {
        self.status_bytes("VmRSS:")
    }

    /// The most that was ever resident.
    pub(crate) fn peak_memory_bytes(&self) -> anyhow::Result<u64> {
        self.status_bytes("VmHWM:")
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

    fn status_bytes(&self, field: &str) -> anyhow::Result<u64> {
        let status = read_to_string(self.proc("status"))?;
        let value = status.lines().find_map(|line| line.strip_prefix(field)).with_context(|| format!("no {field}"))?;
        let kib: u64 = value.trim().trim_end_matches(" kB").parse()?;
        Ok(kib << 10)
    }
}

fn log(state: &Path) -> anyhow::Result<File> {
    let path = state.with_extension("log");
    File::options().create(true).append(true).open(&path).with_context(|| format!("cannot write {}", path.display()))
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
