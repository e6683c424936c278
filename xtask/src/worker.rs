//! `cargo xtask worker`: the Worker as Cloudflare takes it, for `wrangler` (whose build command this is) and for workerd.
//!
//! cargo compiles the service to wasm, ownbase-worker-build makes of it what is uploaded, prints its size and fails past
//! 1 MB as gzip. Without wasm-opt it goes on, with a warning, and the wasm stays as large as the compiler makes it.

use crate::node;
use crate::repository::{Repository, run as run_command};
use crate::{artifacts, setup};
use anyhow::{Context, bail};
use std::path::Path;
use std::process::Command;
use toml::{Table, Value};

/// The profile in the workspace's Cargo.toml.
const PROFILE: &str = "small";

pub(crate) fn run(repository: &Repository) -> anyhow::Result<()> {
    setup::ensure(&[setup::DURABLE_OBJECT])?;
    artifacts::worker(repository)
}

/// cargo, to compile the Worker: with the application's migrations, or those of the folder that OWNBASE_MIGRATIONS names.
pub(crate) fn compile(repository: &Repository) -> Command {
    let mut cargo = repository.cargo();
    cargo.args(["build", "--package", "notes-worker", "--profile", PROFILE, "--target", setup::DURABLE_OBJECT]);
    cargo
}

/// Compiles the Worker, and makes of it in the folder `out` what is uploaded.
pub(crate) fn build(repository: &Repository, compile: &mut Command, out: &Path) -> anyhow::Result<()> {
    let lock = std::fs::read_to_string(repository.root.join("Cargo.lock")).context("cannot read Cargo.lock")?;
    check_versions(&lock)?;
    run_command(compile)?;

    let folder = repository.root.join("crates/notes-worker");
    let wasm = repository.target.join(setup::DURABLE_OBJECT).join(PROFILE).join("notes_worker.wasm");
    let mut cargo = repository.cargo();
    cargo.args(["run", "--quiet", "--package", "ownbase-worker-build", "--", "--wasm"]).arg(wasm);
    cargo.arg("--file").arg(folder.join("index.js")).arg("--file").arg(folder.join("workerd.capnp"));
    if let Some(program) = node::wasm_opt(repository) {
        cargo.arg("--wasm-opt").arg(program);
    }
    run_command(cargo.arg("--out").arg(out))
}

/// What wasm-bindgen leaves in the wasm can be read by the same release of its tool alone.
fn check_versions(lock: &str) -> anyhow::Result<()> {
    let lock: Table = lock.parse().context("Cargo.lock is no TOML")?;
    let packages = lock.get("package").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let version = |name: &str| {
        let package = packages.iter().find(|package| package.get("name").and_then(Value::as_str) == Some(name));
        package.and_then(|package| package.get("version")).and_then(Value::as_str)
    };
    let (library, tool) = (version("wasm-bindgen"), version("wasm-bindgen-cli-support"));
    if library != tool {
        let shown = |version: Option<&str>| version.unwrap_or("missing").to_owned();
        bail!(
            "Cargo.lock has wasm-bindgen {} and wasm-bindgen-cli-support {}: set both to one release in Cargo.toml",
            shown(library),
            shown(tool)
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock(library: &str, tool: &str) -> String {
        format!(
            "[[package]]\nname = \"wasm-bindgen\"\nversion = \"{library}\"\n\
             [[package]]\nname = \"wasm-bindgen-cli-support\"\nversion = \"{tool}\"\n"
        )
    }

    #[test]
    fn both_halves_of_wasm_bindgen_are_one_release() {
        assert!(check_versions(&lock("0.2.130", "0.2.130")).is_ok());
        let error = check_versions(&lock("0.2.130", "0.2.129")).map_err(|error| error.to_string());
        let expected = "Cargo.lock has wasm-bindgen 0.2.130 and wasm-bindgen-cli-support 0.2.129: set both to one \
                        release in Cargo.toml";
        assert_eq!(error, Err(expected.to_owned()));
    }

    #[test]
    fn the_lock_file_of_this_repository_passes() -> anyhow::Result<()> {
        check_versions(include_str!("../../Cargo.lock"))
    }

    #[test]
    fn workerd_and_cloudflare_are_asked_for_one_behaviour() {
        let date = |text: &str, key: &str| {
            let line = text.lines().find_map(|line| line.trim().strip_prefix(key)).unwrap_or_default().to_owned();
            line.trim_matches([' ', '=', '"', ',']).to_owned()
        };
        let wrangler = date(include_str!("../../crates/notes-worker/wrangler.toml"), "compatibility_date");
        let workerd = date(include_str!("../../crates/notes-worker/workerd.capnp"), "compatibilityDate");
        assert_eq!(wrangler.len(), "2026-04-01".len());
        assert_eq!(wrangler, workerd);
    }
}
