//! `cargo xtask bench`: figures, and the pictures and tables of docs/performance.md that are made from them.
//!
//! Without a further word it measures `ownbase up` beside the same service on axum and rusqlite and on workerd; `scale`
//! measures it with many users; `draw` fills the documentation from what both have written. The load comes from `wrk`,
//! on the same processors, so requests per second are only good for comparison, while processor time is the server's
//! alone. A request that fails, or a note that cannot be read back, fails the run; no figure ever does.

mod case;
mod chart;
mod contender;
mod draw;
mod machine;
mod measurements;
mod population;
mod requests;
mod scale;
pub(crate) mod server;
mod side_by_side;
mod spread;
mod tables;
mod trial;
mod wrk;

use crate::repository::Repository;
use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    side_by_side: side_by_side::Flags,
}

#[derive(Subcommand)]
enum What {
    /// Measure `ownbase up` with many users beside itself with few.
    Scale(scale::Flags),
    /// Make the tables and pictures of docs/performance.md from docs/performance/*.json.
    Draw,
}

/// Programs that were built before, to measure them instead of what this repository holds.
#[derive(Args)]
pub(crate) struct Ready {
    /// Measure this `ownbase` instead of building one, such as an earlier release; minutes are saved.
    #[arg(long, value_name = "FILE")]
    ownbase: Option<PathBuf>,
}

pub(crate) fn run(repository: &Repository, arguments: &Arguments) -> anyhow::Result<()> {
    match &arguments.what {
        None => side_by_side::run(repository, &arguments.side_by_side),
        Some(What::Scale(flags)) => scale::run(repository, flags),
        Some(What::Draw) => draw::run(&repository.root),
    }
}
