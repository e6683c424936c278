//! Some number of users with a state directory of their own: made, put under load, counted.

use super::super::case::CONNECTIONS;
use super::super::contender::Ownbase;
use super::super::measurements::Figures;
use super::super::population::{count_all, create};
use super::super::requests::Requests;
use super::super::wrk::Wrk;
use super::disk::usage;
use super::report::{Creation, Measured, Mix};
use anyhow::{Context, ensure};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// A load before the one that is measured, so that the databases that are asked for most are open. In seconds.
const WARM_UP_SECONDS: u64 = 1;
/// Users between two lines that say how far it has come.
const STEP: u64 = 10_000;

pub(super) struct Population {
    state: PathBuf,
    script: PathBuf,
    measured: Measured,
    /// The fewest and the most notes that there may be now.
    notes: (u64, u64),
}

impl Population {
    /// Makes users `/user-0` and following with a note each, stops the server, and looks at the disk.
    pub(super) fn create(ownbase: &Ownbase, folder: &Path, users: u64) -> anyhow::Result<Self> {
        let state = folder.join(format!("scale-{users}"));
        if state.exists() {
            std::fs::remove_dir_all(&state).with_context(|| format!("cannot empty {}", state.display()))?;
        }
        let server = ownbase.start(&state)?;
        let (begun, cpu) = (Instant::now(), server.cpu_time()?);
        let mut made = 0;
        while made < users {
            let next = users.min(made + STEP);
            create(server.address, made..next)?;
            made = next;
            eprintln!("{made} of {users} users made");
        }
        let took_us = begun.elapsed().as_micros() as u64;
        let cpu_us = (server.cpu_time()? - cpu).as_micros() as u64;
        let (memory_bytes, open_files) = (server.peak_memory_bytes()?, server.open_files()?);
        server.stop()?;
        let disk = usage(&state.join("users"))?;
        let creation =
            Creation { took_us, cpu_us, memory_bytes, open_files, disk_bytes: disk.bytes, left_over: disk.left_over };
        let script = folder.join("load.lua");
        Ok(Self { state, script, measured: Measured { users, creation, mixes: Vec::new() }, notes: (users, users) })
    }

    /// A mix of reads and writes on a server that is started anew.
    pub(super) fn mix(&mut self, ownbase: &Ownbase, seconds: u64) -> anyhow::Result<()> {
        let server = ownbase.start(&self.state)?;
        let requests = Requests::Mix { users: self.measured.users };
        let mut load = |seconds| {
            let load = Wrk::start(server.address, &requests, CONNECTIONS, seconds, &self.script)?.finish()?;
            // The last write of a connection may not have been carried out.
            self.notes.0 += load.writes.saturating_sub(u64::from(CONNECTIONS));
            self.notes.1 += load.writes;
            anyhow::Ok(load)
        };
        load(WARM_UP_SECONDS)?;
        let cpu = server.cpu_time()?;
        let load = load(seconds)?.answered()?;
        let figures = Figures {
            requests: load.requests,
            took_us: load.took_us,
            p50_us: load.p50_us,
            p99_us: load.p99_us,
            cpu_us: (server.cpu_time()? - cpu).as_micros() as u64,
            memory_bytes: server.peak_memory_bytes()?,
            slow_requests: None,
        };
        self.measured.mixes.push(Mix { figures, open_files: server.open_files()? });
        server.stop()
    }

    /// Counts all notes, and gives what was measured, and the state, which nobody needs any more.
    pub(super) fn verify(self, ownbase: &Ownbase) -> anyhow::Result<(Measured, PathBuf)> {
        let server = ownbase.start(&self.state)?;
        let found = count_all(server.address, 0..self.measured.users)?;
        server.stop()?;
        let (fewest, most) = self.notes;
        ensure!((fewest..=most).contains(&found), "there are {found} notes instead of {fewest} to {most}");
        Ok((self.measured, self.state))
    }
}
