//! Contenders beside one another: in every round each case runs on each of them, one server at a time, on empty state.
//!
//! All keep users in SQLite files in WAL mode and sync them before they answer, so an answered write is on disk on any.
//! The state lies in the build directory, since a temporary directory is often in memory, where a sync costs nothing.

use super::Ready;
use super::case::{CONNECTIONS, Case};
use super::contender::{Contender, Programs};
use super::machine::{self, Machine};
use super::measurements::{Figures, Measurements, Run, destination, write};
use super::server::Server;
use super::tables;
use super::trial::Trial;
use crate::repository::Repository;
use anyhow::Context;
use clap::Args;
use std::path::{Path, PathBuf};

#[derive(Args)]
pub(crate) struct Flags {
    /// How long each load lasts; 1 with --quick.
    #[arg(long, default_value_t = 5, default_value_if("quick", "true", "1"))]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// How often each contender gets its turn; the tables show medians; 2 with --quick.
    #[arg(long, default_value_t = 3, default_value_if("quick", "true", "2"))]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// A rough look in about two minutes, once all is built: 32 connections alone, and nothing is warmed up before.
    #[arg(long)]
    quick: bool,
    /// Measure only this case; may be repeated.
    #[arg(long, value_name = "CASE")]
    case: Vec<Case>,
    /// Where the figures go [default: bench/side-by-side.json in the build directory].
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    #[command(flatten)]
    ready: Ready,
}

pub(crate) fn run(repository: &Repository, flags: &Flags) -> anyhow::Result<()> {
    machine::check()?;
    let folder = repository.target.join("bench");
    let json = destination(flags.json.as_deref(), &folder, "side-by-side.json")?;
    let _alone = machine::alone(&folder)?;
    let programs = Programs::build(repository, &flags.ready)?;
    let machine = Machine::this(repository, &flags.ready)?;
    let cases = Case::ALL.into_iter().filter(|case| flags.case.is_empty() || flags.case.contains(case));
    let Flags { seconds, rounds, quick, .. } = *flags;
    let mut measured = Measurements { machine, seconds, rounds: 0, runs: Vec::new() };
    for round in 1..=rounds {
        let mut runs = Vec::new();
        for case in cases.clone() {
            eprintln!("round {round} of {rounds}: {}", case.title());
            // Who comes after whom differs from round to round, as does what is still on its way to the disk then.
            let mut order = Contender::ALL;
            order.rotate_left(round as usize % Contender::ALL.len());
            for contender in order {
                let server = programs.start(contender, &empty(&folder)?).with_context(|| contender.name())?;
                let figures = figures(&server, case, &folder, seconds, quick);
                let figures = figures.with_context(|| format!("{}, {}", case.title(), contender.name()))?;
                let run = |(connections, figures)| Run { case, connections, contender, round, figures };
                runs.extend(figures.into_iter().map(run));
            }
        }
        // After each round, so that one that fails does not take the earlier ones away.
        measured.rounds = round;
        measured.runs.append(&mut runs);
        write(&json, &measured)?;
    }
    println!("{}", tables::side_by_side(&measured));
    eprintln!("the figures are in {}", json.display());
    Ok(())
}

/// One case on one server, with every number of connections.
fn figures(
    server: &Server,
    case: Case,
    folder: &Path,
    seconds: u64,
    quick: bool,
) -> anyhow::Result<Vec<(u32, Figures)>> {
    let mut trial = Trial::prepare(case, server.address, folder)?;
    if !quick {
        let (load, _) = trial.load(CONNECTIONS, 1).context("warming up")?;
        trial.verify(CONNECTIONS, &load).context("warming up")?;
    }
    let mut all = Vec::new();
    for connections in case.connections(quick) {
        let before = server.cpu_time()?;
        let loaded = trial.load(*connections, seconds).and_then(|(load, slow)| Ok((load.answered()?, slow)));
        let (load, slow_requests) = loaded.with_context(|| format!("{connections} connections"))?;
        let figures = Figures {
            requests: load.requests,
            took_us: load.took_us,
            p50_us: load.p50_us,
            p99_us: load.p99_us,
            cpu_us: (server.cpu_time()? - before).as_micros() as u64,
            memory_bytes: server.memory_bytes()?,
            slow_requests,
        };
        trial.verify(*connections, &load).with_context(|| format!("{connections} connections"))?;
        all.push((*connections, figures));
    }
    Ok(all)
}

/// A folder for a server's state, which does not exist.
fn empty(folder: &Path) -> anyhow::Result<PathBuf> {
    let state = folder.join("state");
    if state.exists() {
        std::fs::remove_dir_all(&state).with_context(|| format!("cannot empty {}", state.display()))?;
    }
    Ok(state)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        flags: Flags,
    }

    fn flags(arguments: &[&str]) -> Option<Flags> {
        Line::try_parse_from(["bench"].iter().chain(arguments)).ok().map(|line| line.flags)
    }

    #[test]
    fn a_quick_look_is_shorter_unless_told() {
        let times = |arguments| flags(arguments).map(|flags| (flags.seconds, flags.rounds));
        assert_eq!(times(&[]), Some((5, 3)));
        assert_eq!(times(&["--quick"]), Some((1, 2)));
        assert_eq!(times(&["--quick", "--rounds", "5"]), Some((1, 5)));
        assert_eq!(times(&["--seconds", "0"]), None);
    }

    #[test]
    fn cases_are_named_and_others_refused() {
        assert_eq!(flags(&["--case", "get-list", "--case", "mix"]).unwrap().case, [Case::GetList, Case::Mix]);
        assert!(flags(&["--case", "all"]).is_none());
    }
}
