//! To be written on its branch.

mod clients;
mod functions;

use crate::repository::Repository;

#[derive(clap::Args)]
pub(crate) struct Flags {
    /// Fail if a figure is above what docs/proof.md promises. Times are the machine's: not for CI.
    #[arg(long)]
    assert: bool,
}

pub(crate) fn run(repository: &Repository, flags: &Flags) -> anyhow::Result<()> {
    functions::run(repository, flags.assert)?;
    clients::run(repository, flags.assert)
}
