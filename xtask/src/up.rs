//! `cargo xtask up`: from a clone to a served application.
//!
//! The server takes this process's place, so that a signal meant for it reaches it and nothing outlives it. Relative
//! paths among the arguments stay relative to the directory in which they were typed.

use crate::{artifacts, repository::Repository, setup};
use anyhow::Context;
use std::process::Command;

pub(crate) fn run(repository: &Repository, arguments: &[String]) -> anyhow::Result<()> {
    setup::ensure(&[setup::COMPONENT])?;
    eprintln!("building the component (about a minute the first time) …");
    artifacts::component(repository)?;
    eprintln!("building ownbase (about five minutes the first time, wasmtime is most of it) …");
    artifacts::host(repository)?;
    let mut server = Command::new(artifacts::host_path(repository));
    server.args(["up", "--from"]).arg(repository.root.join("spin.toml")).args(arguments);
    become_(server)
}

#[cfg(unix)]
fn become_(mut server: Command) -> anyhow::Result<()> {
    use std::os::unix::process::CommandExt;
    Err(server.exec()).with_context(|| format!("cannot start {}", server.get_program().display()))
}

#[cfg(not(unix))]
fn become_(mut server: Command) -> anyhow::Result<()> {
    let status = server.status().with_context(|| format!("cannot start {}", server.get_program().display()))?;
    std::process::exit(status.code().unwrap_or(1))
}
