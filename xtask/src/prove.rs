//! `cargo xtask prove`: long runs that show what the tests assert in small.
//!
//! `durability` cuts the power of a recorded workload and recovers what is left; `limits` looks for what holds others up.

mod durability;
mod limits;

use crate::repository::Repository;
use clap::{Args, Subcommand};

#[derive(Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Cut the power of a recorded workload at random, recover each image by the real server, and check every promise.
    Durability(durability::Flags),
    /// Measure what may hold other users up: every SQL function at its largest values, and clients that do not read.
    Limits(limits::Flags),
}

pub(crate) fn run(repository: &Repository, arguments: &Arguments) -> anyhow::Result<()> {
    match &arguments.what {
        What::Durability(flags) => durability::run(repository, flags),
        What::Limits(flags) => limits::run(repository, flags),
    }
}
