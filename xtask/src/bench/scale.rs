//! `cargo xtask bench scale`: `ownbase up` with many users beside itself with few.
//!
//! Users are made over HTTP, each with one note. Then the server is stopped, and what lies on the disk is counted: all of
//! the users' folder, as `du` would. Then both populations take turns, three times, under the mix of reads and writes that
//! `cargo xtask bench` has too, on a server that was started anew. At the end every note is counted. The state of 100,000
//! users takes a few gigabytes of the build directory, and is removed at the end unless something failed.

mod disk;
mod population;
mod report;

pub(crate) use report::{Scale, chart, conditions, table};

use super::Ready;
use super::case;
use super::contender::Ownbase;
use super::machine::{self, Machine};
use super::measurements::{destination, write};
use crate::repository::Repository;
use anyhow::Context;
use clap::Args;
use population::Population;
use std::path::PathBuf;

/// How often each population has its turn.
const ROUNDS: u32 = 3;

#[derive(Args)]
pub(crate) struct Flags {
    /// How many users are many.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(2000..=1_000_000))]
    users: u64,
    /// How long each mix of reads and writes lasts.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Where the figures go [default: bench/scale.json in the build directory].
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    #[command(flatten)]
    ready: Ready,
}

pub(crate) fn run(repository: &Repository, flags: &Flags) -> anyhow::Result<()> {
    machine::check()?;
    let folder = repository.target.join("bench");
    let json = destination(flags.json.as_deref(), &folder, "scale.json")?;
    let _alone = machine::alone(&folder)?;
    let ownbase = Ownbase::build(repository, &flags.ready)?;
    let machine = Machine::this(repository, &flags.ready)?;
    let mut few = Population::create(&ownbase, &folder, case::USERS)?;
    let mut many = Population::create(&ownbase, &folder, flags.users)?;
    for round in 1..=ROUNDS {
        eprintln!("round {round} of {ROUNDS}: reads and writes");
        few.mix(&ownbase, flags.seconds)?;
        many.mix(&ownbase, flags.seconds)?;
    }
    eprintln!("counting every user's notes …");
    let (few, few_state) = few.verify(&ownbase)?;
    let (many, many_state) = many.verify(&ownbase)?;
    let measured = Scale { machine, seconds: flags.seconds, few, many };
    write(&json, &measured)?;
    println!("{}\n\n{}", conditions(&measured), table(&measured));
    eprintln!("the figures are in {}; removing the databases …", json.display());
    for state in [few_state, many_state] {
        std::fs::remove_dir_all(&state).with_context(|| format!("cannot remove {}", state.display()))?;
    }
    Ok(())
}
