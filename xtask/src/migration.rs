//! `cargo xtask migration`: the command of `ownbase-sql`, in a process of its own, since xtask stays light.
//!
//! It runs in the repository's root, so paths in its arguments are relative to that.

use crate::repository::{Repository, become_, run as run_command};
use std::process::Command;

pub(crate) fn run(repository: &Repository, arguments: &[String]) -> anyhow::Result<()> {
    let mut migration = command(repository);
    migration.args(arguments);
    become_(migration)
}

/// What `cargo xtask migration check` does, as a step of the tests.
pub(crate) fn check(repository: &Repository) -> anyhow::Result<()> {
    run_command(command(repository).arg("check"))
}

fn command(repository: &Repository) -> Command {
    let mut cargo = repository.cargo();
    cargo.args(["run", "--quiet", "--package", "ownbase-sql", "--features", "cli", "--"]);
    cargo
}
