//! Clients that do not read and connections that are silent, against one server; what another user notices of them, and the
//! most memory that the server took.
//!
//! Each attack is made again and again for 15 seconds, on a server of its own. Meanwhile the other user lists two notes, each
//! time on a new connection, a hundred times a second. The list that nobody reads has 16 MB, as much as any.

use crate::bench::server::Server;
use crate::http::Client;
use crate::repository::Repository;
use crate::{artifacts, setup};
use anyhow::{Context, ensure};
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How long an attack takes, and one round of it, after which its clients leave and come again.
const ATTACK: Duration = Duration::from_secs(15);
const ROUND: Duration = Duration::from_secs(5);
/// How often the other user asks, if answered at once.
const PAUSE: Duration = Duration::from_millis(10);
/// What docs/proof.md promises.
const MAX_P99: Duration = Duration::from_millis(50);
const MAX_MEMORY_BYTES: u64 = 600 << 20;
/// More than the connections of any attack.
const OPEN_FILES: &str = "--nofile=4096:";
/// Notes of the long list, each as long as a request's body allows once its quotes are escaped.
const NOTES: usize = 128;
const NOTE_BYTES: usize = 65_000;

/// What one attack's clients do: so many of them at once, each sending this.
struct Attack {
    name: &'static str,
    clients: usize,
    sent: &'static str,
}

const GET_LIST: &str = "GET /long HTTP/1.1\r\nhost: localhost\r\n\r\n";

const ATTACKS: [Attack; 4] = [
    Attack { name: "286 clients that do not read a list of 16 MB", clients: 286, sent: GET_LIST },
    Attack { name: "1,030 silent connections", clients: 1030, sent: "" },
    Attack { name: "64 clients that do not read a list of 16 MB", clients: 64, sent: GET_LIST },
    Attack { name: "256 clients that do not read a list of 16 MB", clients: 256, sent: GET_LIST },
];

/// What the other user noticed, and the server's memory.
struct Figures {
    /// In order.
    waits: Vec<Duration>,
    peak_memory_bytes: u64,
}

pub(crate) fn run(repository: &Repository, assert: bool) -> anyhow::Result<()> {
    ensure!(cfg!(target_os = "linux"), "the server's memory is read from /proc, so this runs on Linux only");
    setup::ensure(&[setup::COMPONENT])?;
    artifacts::component(repository)?;
    artifacts::host(repository)?;
    allow_open_files()?;
    let folder = repository.target.join("prove-clients");
    for attack in &ATTACKS {
        let figures = figures(repository, &folder, attack).with_context(|| attack.name)?;
        let (p99, worst) = (figures.at(99), figures.at(100));
        println!(
            "{}: another user's p99 {:.1} ms, longest {:.1} ms of {} requests; peak memory {} MiB",
            attack.name,
            p99.as_secs_f64() * 1e3,
            worst.as_secs_f64() * 1e3,
            figures.waits.len(),
            figures.peak_memory_bytes >> 20
        );
        ensure!(!assert || p99 <= MAX_P99, "{}: another user's p99 is above {MAX_P99:?}", attack.name);
        ensure!(
            !assert || figures.peak_memory_bytes < MAX_MEMORY_BYTES,
            "{}: memory is not under {} MiB",
            attack.name,
            MAX_MEMORY_BYTES >> 20
        );
    }
    Ok(())
}

impl Figures {
    /// The wait that so many percent do not exceed.
    fn at(&self, percent: usize) -> Duration {
        let rank = (self.waits.len() * percent).div_ceil(100).saturating_sub(1);
        self.waits.get(rank).copied().unwrap_or_default()
    }
}

/// For this process: the connections are its own.
fn allow_open_files() -> anyhow::Result<()> {
    let pid = std::process::id().to_string();
    let done = Command::new("prlimit").args(["--pid", &pid, OPEN_FILES]).status();
    let done = done.context("no prlimit, which allows more open files: `apt-get install util-linux`")?;
    ensure!(done.success(), "prlimit {OPEN_FILES} failed: {done}");
    Ok(())
}

fn figures(repository: &Repository, folder: &Path, attack: &Attack) -> anyhow::Result<Figures> {
    if folder.exists() {
        std::fs::remove_dir_all(folder).with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    // Not the first start there, which compiles the component and keeps some of the memory that took.
    start(repository, folder)?.stop()?;
    let server = start(repository, folder)?;
    fill(server.address)?;
    let (stop, stopped) = channel::<()>();
    let address = server.address;
    let other = thread::spawn(move || {
        let mut waits = Vec::new();
        while stopped.try_recv().is_err() {
            let start = Instant::now();
            Client::connect(address)?.get("/other")?;
            waits.push(start.elapsed());
            thread::sleep(PAUSE);
        }
        anyhow::Ok(waits)
    });
    make(attack, address, stop)?;
    let mut waits = other.join().map_err(|_| anyhow::anyhow!("the other user's thread panicked"))??;
    waits.sort_unstable();
    let peak_memory_bytes = server.peak_memory_bytes()?;
    server.stop()?;
    std::fs::remove_dir_all(folder)?;
    Ok(Figures { waits, peak_memory_bytes })
}

fn start(repository: &Repository, folder: &Path) -> anyhow::Result<Server> {
    std::fs::create_dir_all(folder)?;
    let mut command = Command::new(artifacts::host_path(repository));
    command.args(["up", "--from"]).arg(repository.root.join("spin.toml")).args(["--listen", "127.0.0.1:0"]);
    Server::announced(command.arg("--state-dir").arg(folder.join("state")), &folder.join("server"))
}

/// The list that nobody reads, and that of the other user.
fn fill(address: SocketAddr) -> anyhow::Result<()> {
    let mut client = Client::connect(address)?;
    let text = "\\\"".repeat(NOTE_BYTES);
    for _ in 0..NOTES {
        client.post("/long", &format!("{{\"text\": \"{text}\"}}"))?;
    }
    for text in ["one", "two"] {
        client.post("/other", &format!("{{\"text\": \"{text}\"}}"))?;
    }
    Ok(())
}

/// Makes an attack, and then tells the other user to stop: by leaving.
fn make(attack: &Attack, address: SocketAddr, stop: Sender<()>) -> anyhow::Result<()> {
    let end = Instant::now() + ATTACK;
    while Instant::now() < end {
        let mut clients = Vec::new();
        for _ in 0..attack.clients {
            let mut client = TcpStream::connect(address)?;
            client.write_all(attack.sent.as_bytes())?;
            clients.push(client);
        }
        thread::sleep(ROUND);
    }
    stop.send(()).context("the other user was not served")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_99th_of_a_hundred_is_p99() {
        let waits = (1..=100).map(Duration::from_millis).collect();
        let figures = Figures { waits, peak_memory_bytes: 0 };
        assert_eq!((figures.at(99), figures.at(100)), (Duration::from_millis(99), Duration::from_millis(100)));
        assert_eq!(Figures { waits: Vec::new(), peak_memory_bytes: 0 }.at(99), Duration::ZERO);
    }
}
