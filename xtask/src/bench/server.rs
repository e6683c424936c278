//! A server under measurement: started on a free port, asked for its figures through /proc, killed when dropped.

use crate::{artifacts, repository::Repository};
use anyhow::{Context, bail};
use std::fmt;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Engine {
    Ownbase,
    Native,
    Workerd,
}

impl Engine {
    pub(crate) const ALL: [Self; 3] = [Self::Ownbase, Self::Native, Self::Workerd];
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ownbase => "ownbase",
            Self::Native => "native",
            Self::Workerd => "workerd",
        })
    }
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    child: Child,
}

impl Server {
    /// Returns once the server says that it listens.
    pub(crate) fn start(repository: &Repository, engine: Engine, state: &Path) -> anyhow::Result<Self> {
        let mut command = match engine {
            Engine::Ownbase => {
                let mut command = Command::new(artifacts::shipped_path(repository));
                command.args(["up", "--from"]).arg(repository.root.join("spin.toml"));
                command
            }
            Engine::Native => Command::new(artifacts::native_path(repository)),
            // It builds what is built already, and then becomes workerd.
            Engine::Workerd => {
                let mut command = Command::new(std::env::current_exe()?);
                command.args(["up", "--engine", "workerd"]);
                command
            }
        };
        command.args(["--listen", "127.0.0.1:0", "--state-dir"]).arg(state);
        let log = std::fs::File::create(state.with_extension("log"))?;
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().context("cannot start")?;
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

    /// User and system time since the server's start, in the kernel's ticks of usually 10 ms.
    pub(crate) fn cpu_time(&self) -> anyhow::Result<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The second field, the name, may hold spaces; utime and stime are the 14th and 15th.
        let (_, fields) = stat.rsplit_once(')').context("no name in /proc/PID/stat")?;
        let ticks: u64 = fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
        Ok(Duration::from_secs_f64(ticks as f64 / super::machine::ticks_per_second()?))
    }

    /// Resident memory.
    pub(crate) fn memory_bytes(&self) -> anyhow::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kib << 10)
    }
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
