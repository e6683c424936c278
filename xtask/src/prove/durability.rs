//! To be written on its branch.

use crate::repository::Repository;

#[derive(clap::Args)]
pub(crate) struct Flags {}

pub(crate) fn run(_repository: &Repository, _flags: &Flags) -> anyhow::Result<()> {
    anyhow::bail!("not written yet")
}
