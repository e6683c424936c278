//! The conformance suite: what `docs/api.md` and the promises around it mean, asked over HTTP of a running server.
//!
//! It knows no crate of Ownbase. It starts the engine itself on a free port, with a state directory of its own, and
//! looks into database files only while no server runs. `cargo xtask test` passes absolute paths in `OWNBASE_BIN`,
//! `OWNBASE_COMPONENT`, `OWNBASE_COMPONENT_NEXT` (a build with one more migration) and `OWNBASE_SABOTAGE_BIN` (a
//! build that fails when asked to), or for the other engine in `OWNBASE_WORKERD`, `OWNBASE_WORKER`,
//! `OWNBASE_WORKER_NEXT` and `OWNBASE_WORKER_SABOTAGE`. Given `OWNBASE_URL=http://host:port` instead, the HTTP cases run against that
//! server, with user ids that nobody has used; all others are listed as not run. So are, with `OWNBASE_HTTP=2`, those
//! that need a process or speak HTTP/1.1 themselves; the rest is asked over HTTP/2.
//!
//! `harness/` starts and talks, `cases/` has a module for each section of api.md and each promise. Arguments are
//! those of Rust's own test runner.

#![allow(missing_docs, reason = "nothing here is seen from outside")]

mod cases;
mod harness;

use std::process::ExitCode;
use std::sync::{Arc, OnceLock};

use anyhow::{Result, bail};
use harness::case::{Subject, Target, trial};
use harness::engine::{Engine, EngineName};
use harness::site::Site;
use harness::transport::Protocol;
use libtest_mimic::Arguments;

/// More than the cores of a small machine: most cases wait for a disk or for a process.
const CASES_AT_ONCE: usize = 4;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(CASES_AT_ONCE);
    let subject = match subject() {
        Ok(subject) => Arc::new(subject),
        Err(error) => {
            eprintln!("error: {error:#} (run `cargo xtask test`, or give OWNBASE_URL=http://host:port)");
            return ExitCode::from(1);
        }
    };
    let trials = cases::all().into_iter().map(|case| trial(case, &subject)).collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn subject() -> Result<Subject> {
    let (target, protocol) = (target()?, Protocol::from_environment()?);
    if let Target::Engine(engine, _) = &target
        && engine.name() == EngineName::Workerd
        && protocol == Protocol::Http2
    {
        bail!("workerd speaks HTTP/1.1 only, and OWNBASE_HTTP is 2");
    }
    Ok(Subject { target, protocol })
}

fn target() -> Result<Target> {
    if let Ok(url) = std::env::var("OWNBASE_URL") {
        return Ok(Target::Site(Site::from_url(&url)?));
    }
    match Engine::from_environment()? {
        Some(engine) => Ok(Target::Engine(engine, OnceLock::new())),
        None => bail!("none of OWNBASE_BIN, OWNBASE_WORKERD and OWNBASE_URL is set"),
    }
}
