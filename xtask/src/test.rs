//! `cargo xtask test`: everything that a test needs, then every test, then one line for each step.
//!
//! A failed step does not stop the rest, since one fault is seldom the only one. What leans on wasmtime is tested in
//! the profile `host`, for which wasmtime is compiled anyway; the rest in the quicker `dev`. Each group of packages is
//! always named as a whole: a smaller selection would have other features, and cargo would build the dependencies anew.

use crate::node::Programs;
use crate::repository::{Repository, run as run_command};
use crate::{artifacts, embedding, migration, serving, setup, wrangler};
use anyhow::bail;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

/// The packages that lean on wasmtime.
const RUNTIME: [&str; 4] = ["--package", "ownbase", "--package", "ownbase-spin-sqlite"];
/// The others but for xtask, which shares its own artifacts with the one that runs.
#[rustfmt::skip]
const SERVICE: [&str; 12] = [
    "--package", "notes", "--package", "notes-native", "--package", "ownbase-database", "--package", "ownbase-sql",
    "--package", "ownbase-worker-build", "--package", "tasks",
];

const CONFORMANCE: &str = "conformance";

/// Builds everything and runs every test, or with a filter those whose name contains it.
pub(crate) fn run(repository: &Repository, filter: Option<&str>) -> anyhow::Result<()> {
    let mut steps = Steps::default();
    steps.take("set up", || setup::ensure(&[setup::COMPONENT, setup::DURABLE_OBJECT]));
    service(repository, &mut steps, filter);
    runtime(repository, &mut steps, filter);
    over_http(repository, &mut steps, filter);
    steps.summary()
}

/// What needs neither a server nor wasmtime.
fn service(repository: &Repository, steps: &mut Steps, filter: Option<&str>) {
    steps.take("test xtask", || run_command(cargo_test(repository).args(["--package", "xtask"]).args(filter)));
    steps.take("test the service", || {
        let tests = all_but_conformance(repository);
        run_command(cargo_test(repository).args(SERVICE).args(tests).args(filter))
    });
    steps.take("check the migrations", || migration::check(repository));
    steps.take("test the service's examples", || {
        run_command(cargo_test(repository).args(SERVICE).arg("--doc").args(filter))
    });
    steps.take("install workerd and wrangler", || Programs::install(repository).map(drop));
    // Order matters: the true one is built last, so that cargo still has it when it is wanted next.
    steps.take("build the next Worker", || artifacts::next_worker(repository));
    steps.take("build the Worker with sabotage", || artifacts::sabotaged_worker(repository));
    steps.take("build the Worker", || artifacts::worker(repository));
    steps.take("serve the Worker", || serving::run(repository));
    steps.take("serve the Worker by wrangler", || wrangler::run(repository));
}

/// The runtime's own tests, and a host that embeds it.
fn runtime(repository: &Repository, steps: &mut Steps, filter: Option<&str>) {
    steps.take("test the runtime", || {
        run_command(cargo_test(repository).args(artifacts::HOST_FOR_TESTS).args(RUNTIME).args(filter))
    });
    // Order matters: the variants are built before the true ones, which take their place.
    steps.take("build the next component", || artifacts::next_component(repository));
    steps.take("build the component", || artifacts::component(repository));
    steps.take("embed the component", || embedding::run(repository));
}

/// The API, asked of the binary that users get, and of Cloudflare's engine with the Worker.
fn over_http(repository: &Repository, steps: &mut Steps, filter: Option<&str>) {
    steps.take("build ownbase with sabotage", || artifacts::sabotage(repository));
    steps.take("build ownbase", || artifacts::host(repository));
    let ownbase = [
        ("OWNBASE_BIN", artifacts::host_path(repository)),
        ("OWNBASE_COMPONENT", artifacts::component_path(repository)),
        ("OWNBASE_COMPONENT_NEXT", artifacts::next_component_path(repository)),
        ("OWNBASE_SABOTAGE_BIN", artifacts::sabotage_path(repository)),
    ];
    steps.take("test ownbase over HTTP", || run_command(conformance(repository, filter).envs(ownbase.clone())));
    // Only what shares one server: what a process of its own is asked is the same behind either version.
    steps.take("test ownbase over HTTP/2", || {
        run_command(conformance(repository, filter).envs(ownbase).env("OWNBASE_HTTP", "2"))
    });
    steps.take("test workerd over HTTP", || {
        let worker = |folder: PathBuf| folder.join("workerd.capnp");
        let workerd = [
            ("OWNBASE_WORKERD", Programs::install(repository)?.workerd()?),
            ("OWNBASE_WORKER", worker(artifacts::worker_path(repository))),
            ("OWNBASE_WORKER_NEXT", worker(artifacts::next_worker_path(repository))),
            ("OWNBASE_WORKER_SABOTAGE", worker(artifacts::sabotaged_worker_path(repository))),
        ];
        run_command(conformance(repository, filter).envs(workerd))
    });
}

/// The conformance suite, to be told which engine it is run against.
fn conformance(repository: &Repository, filter: Option<&str>) -> Command {
    let mut tests = cargo_test(repository);
    tests.args(SERVICE).args(["--test", CONFORMANCE]).args(filter);
    tests
}

fn cargo_test(repository: &Repository) -> Command {
    let mut cargo = repository.cargo();
    cargo.args(["test", "--no-fail-fast"]);
    cargo
}

/// Unit tests and integration tests of the service's packages, but for the suite that needs a server.
fn all_but_conformance(repository: &Repository) -> Vec<String> {
    let names = SERVICE.iter().flat_map(|package| repository.integration_tests(package));
    let tests = names.filter(|name| name != CONFORMANCE).flat_map(|name| ["--test".to_owned(), name]);
    ["--lib".to_owned(), "--bins".to_owned()].into_iter().chain(tests).collect()
}

/// What was done, how it went, and how long it took.
#[derive(Default)]
struct Steps(Vec<(&'static str, Result<(), String>, Duration)>);

impl Steps {
    fn take(&mut self, name: &'static str, step: impl FnOnce() -> anyhow::Result<()>) {
        eprintln!("\n== {name}");
        let start = Instant::now();
        let result = step().map_err(|error| format!("{error:#}"));
        if let Err(error) = &result {
            eprintln!("{error}");
        }
        self.0.push((name, result, start.elapsed()));
    }

    fn summary(&self) -> anyhow::Result<()> {
        eprintln!();
        for (name, result, took) in &self.0 {
            let outcome = if result.is_ok() { "ok" } else { "FAILED" };
            eprintln!("{outcome:<6} {:>4} s  {name}", took.as_secs());
        }
        for (name, result, _) in &self.0 {
            if let Err(error) = result {
                eprintln!("{name}: {error}");
            }
        }
        let failed = self.0.iter().filter(|(_, result, _)| result.is_err()).count();
        if failed > 0 {
            bail!("{failed} of {} steps failed", self.0.len());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_step_neither_stops_the_rest_nor_is_forgotten() {
        let mut steps = Steps::default();
        let mut reached = false;
        steps.take("first", || bail!("broken"));
        steps.take("second", || {
            reached = true;
            Ok(())
        });
        assert!(reached);
        assert_eq!(steps.summary().map_err(|error| error.to_string()), Err("1 of 2 steps failed".to_owned()));
    }

    #[test]
    fn nothing_failed_is_a_success() {
        let mut steps = Steps::default();
        steps.take("only", || Ok(()));
        assert!(steps.summary().is_ok());
    }
}
