//! `cargo xtask bench`: `ownbase up` beside the same service on axum and rusqlite, and on workerd, in one run.
//!
//! All keep users in SQLite files in WAL mode and sync them before they answer, so an answered write is on disk on either.
//! They run one at a time and take turns; every turn starts on empty state. The state lies in the build directory, since
//! a temporary directory is often in memory, where a sync costs nothing. The load comes from `wrk` on the same
//! processors, so requests per second are only good for comparison; CPU time per request is the server's alone.
//! An answer that is no success, or a note that cannot be read back, fails the run.

mod load;
mod machine;
mod report;
mod server;

use crate::{artifacts, repository::Repository, setup};
use anyhow::Context;
use load::Load;
use report::Report;
use server::{Engine, Server};
use std::path::Path;

/// How often each engine gets its turn; the table shows medians.
const ROUNDS: usize = 3;

pub(crate) fn run(repository: &Repository, seconds: u64) -> anyhow::Result<()> {
    machine::check()?;
    setup::ensure(&[setup::COMPONENT, setup::DURABLE_OBJECT])?;
    artifacts::component(repository)?;
    eprintln!("building both servers as they are shipped (some ten minutes the first time) …");
    artifacts::shipped(repository)?;
    artifacts::native(repository)?;
    artifacts::worker(repository)?;
    machine::warn_when_busy()?;
    let folder = repository.target.join("bench");
    let mut report = Report::default();
    for round in 1..=ROUNDS {
        for engine in Engine::ALL {
            eprintln!("round {round} of {ROUNDS}: {engine}, {} × {seconds} s", Load::ALL.len());
            turn(repository, engine, &folder, seconds, &mut report).with_context(|| format!("{engine}"))?;
        }
    }
    println!("{report}");
    println!("{}", machine::description(seconds, ROUNDS)?);
    Ok(())
}

/// Every load once, on a fresh server.
fn turn(
    repository: &Repository,
    engine: Engine,
    folder: &Path,
    seconds: u64,
    report: &mut Report,
) -> anyhow::Result<()> {
    empty(folder)?;
    let server = Server::start(repository, engine, &folder.join("state"))?;
    for load in Load::ALL {
        load.prepare(server.address)?;
        let before = server.cpu_time()?;
        let mut measured = load.run(server.address, folder, seconds).with_context(|| load.name())?;
        measured.cpu = server.cpu_time()? - before;
        measured.memory_bytes = server.memory_bytes()?;
        load.verify(server.address, &measured).with_context(|| load.name())?;
        report.add(load, engine, measured);
    }
    Ok(())
}

fn empty(folder: &Path) -> anyhow::Result<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder).with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))
}
