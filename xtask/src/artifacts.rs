//! What is built: the component, the binary that runs it, and the variants of both that only tests use.
//!
//! The component always lies under `target/` of the repository, since spin.toml names it there; the rest goes where
//! cargo is told to put it. wasmtime takes minutes to compile, so all that leans on it is built in the profile `host`,
//! and only there.

use crate::repository::{Repository, run};
use crate::setup::COMPONENT;
use crate::worker;
use anyhow::Context;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds the component as spin.toml's build command does.
pub(crate) fn component(repository: &Repository) -> anyhow::Result<()> {
    run(&mut component_build(repository))
}

/// As a cdylib alone: with an rlib beside it cargo leaves link-time optimisation out.
fn component_build(repository: &Repository) -> Command {
    let mut cargo = repository.cargo();
    cargo.args(["rustc", "--package", "notes", "--lib", "--crate-type", "cdylib", "--release"]);
    cargo.args(["--target", COMPONENT, "--target-dir", "target"]);
    cargo
}

/// The component that [`component`] builds.
pub(crate) fn component_path(repository: &Repository) -> PathBuf {
    repository.root.join("target").join(COMPONENT).join("release/notes.wasm")
}

/// Builds the service as its next release might be, with one more migration, and sets it aside: only the service itself
/// is compiled anew for it, and the next build of the true component writes over it.
pub(crate) fn next_component(repository: &Repository) -> anyhow::Result<()> {
    run(component_build(repository).env("OWNBASE_MIGRATIONS", next_migrations(repository)))?;
    set_aside(&component_path(repository), &next_component_path(repository))
}

/// The component that [`next_component`] sets aside.
pub(crate) fn next_component_path(repository: &Repository) -> PathBuf {
    component_path(repository).with_file_name("notes-next.wasm")
}

/// Builds the Worker.
pub(crate) fn worker(repository: &Repository) -> anyhow::Result<()> {
    worker::build(repository, &mut worker::compile(repository), &worker_path(repository))
}

/// The folder that [`worker()`] fills: under `target/` of the repository, since wrangler.toml names it there.
pub(crate) fn worker_path(repository: &Repository) -> PathBuf {
    repository.root.join("target/worker")
}

/// Builds the Worker as its next release might be, beside the true one.
pub(crate) fn next_worker(repository: &Repository) -> anyhow::Result<()> {
    let mut compile = worker::compile(repository);
    compile.env("OWNBASE_MIGRATIONS", next_migrations(repository));
    worker::build(repository, &mut compile, &next_worker_path(repository))
}

/// The folder that [`next_worker`] fills.
pub(crate) fn next_worker_path(repository: &Repository) -> PathBuf {
    repository.root.join("target/worker-next")
}

/// Builds a Worker that panics when told to.
pub(crate) fn sabotaged_worker(repository: &Repository) -> anyhow::Result<()> {
    let mut compile = worker::compile(repository);
    compile.args(["--features", "sabotage"]);
    worker::build(repository, &mut compile, &sabotaged_worker_path(repository))
}

/// The folder that [`sabotaged_worker`] fills.
pub(crate) fn sabotaged_worker_path(repository: &Repository) -> PathBuf {
    repository.root.join("target/worker-sabotage")
}

/// The migrations of the next release.
fn next_migrations(repository: &Repository) -> PathBuf {
    repository.root.join("tests/conformance/migrations-next")
}

/// Builds the `ownbase` command.
pub(crate) fn host(repository: &Repository) -> anyhow::Result<()> {
    run(repository.cargo().args(["build", "--package", "ownbase", "--profile", "host"]))
}

/// The binary that [`host`] builds.
pub(crate) fn host_path(repository: &Repository) -> PathBuf {
    host_file(repository, "ownbase")
}

/// For tests: the profile `host`, with our own crates unoptimised and asserting, on the wasmtime that is there already.
/// It leaves its `ownbase` where [`host_path`] is, so the true one is built after it.
pub(crate) const HOST_FOR_TESTS: [&str; 5] = [
    "--profile=host",
    "--config=profile.host.package.ownbase.opt-level=0",
    "--config=profile.host.package.ownbase.debug-assertions=true",
    "--config=profile.host.package.ownbase-spin-sqlite.opt-level=0",
    "--config=profile.host.package.ownbase-spin-sqlite.debug-assertions=true",
];

/// Builds an `ownbase` that can be told to do wrong, and sets it aside, since the next build of the true one writes over
/// it.
pub(crate) fn sabotage(repository: &Repository) -> anyhow::Result<()> {
    let mut cargo = repository.cargo();
    run(cargo.arg("build").args(HOST_FOR_TESTS).args(["--package", "ownbase", "--features", "sabotage"]))?;
    set_aside(&host_path(repository), &sabotage_path(repository))
}

/// The binary that [`sabotage`] sets aside.
pub(crate) fn sabotage_path(repository: &Repository) -> PathBuf {
    host_file(repository, "ownbase-sabotage")
}

/// Builds `ownbase` as it is shipped, optimised across all crates: that takes minutes at every change.
pub(crate) fn shipped(repository: &Repository) -> anyhow::Result<()> {
    run(repository.cargo().args(["build", "--package", "ownbase", "--release"]))
}

/// The binary that [`shipped`] builds.
pub(crate) fn shipped_path(repository: &Repository) -> PathBuf {
    shipped_file(repository, "ownbase")
}

/// Builds the native server, the benchmarks' yardstick, in the same way.
pub(crate) fn native(repository: &Repository) -> anyhow::Result<()> {
    run(repository.cargo().args(["build", "--package", "notes-native", "--release"]))
}

/// The binary that [`native`] builds.
pub(crate) fn native_path(repository: &Repository) -> PathBuf {
    shipped_file(repository, "notes-native")
}

/// Copies what the next build would write over.
fn set_aside(built: &Path, aside: &Path) -> anyhow::Result<()> {
    std::fs::copy(built, aside).with_context(|| format!("cannot write {}", aside.display()))?;
    Ok(())
}

/// A binary in the profile `host`'s folder.
pub(crate) fn host_file(repository: &Repository, name: &str) -> PathBuf {
    repository.target.join("host").join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

fn shipped_file(repository: &Repository, name: &str) -> PathBuf {
    repository.target.join("release").join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}
