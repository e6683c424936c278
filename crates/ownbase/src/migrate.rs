//! `ownbase migrate`: brings every user's database to the newest version, and says where they stand.
//!
//! The migrations are the component's own (`written`), the runner is the one that the component uses on first access
//! (`worker`, over `port`). `rollout` goes through all databases; it runs in this process where no server holds the state
//! directory (`here`), else in the server (`served`, over `crate::control`). `report` is what it came to.
//!
//! A database that fails is as it was. Nothing is kept of how far a roll-out came: it goes on by asking each database.

mod bar;
pub(crate) mod copies;
mod here;
pub(crate) mod plan;
mod port;
pub(crate) mod record;
pub(crate) mod report;
pub(crate) mod rollout;
mod served;
pub(crate) mod target;
mod walk;
mod worker;
pub(crate) mod written;

use crate::cli::MigrateFlags;
use crate::{console, state_dir};
use anyhow::{Result, bail};
use bar::Bar;
use ownbase_spin_sqlite::{Databases, Limits, StateError};
use plan::{Action, Plan};
use report::Report;

/// Runs the command; whether all went well. Machines are told of an error in their own way too.
pub(crate) fn run(flags: &MigrateFlags) -> Result<bool> {
    let report = roll_out(flags).inspect_err(|error| {
        if flags.json {
            console::line(&serde_json::json!({ "error": format!("{error:#}") }).to_string());
        }
    })?;
    console::line(&if flags.json { serde_json::to_string(&report)? } else { report.text() });
    Ok(report.is_good())
}

fn roll_out(flags: &MigrateFlags) -> Result<Report> {
    let (targets, folder) = target::of_manifest(&flags.from)?;
    let state_dir = state_dir::of(flags.state_dir.as_deref(), &folder);
    state_dir::keep_to_ourselves();
    if !state_dir.join("users").is_dir() {
        bail!(
            "{} holds no users' databases (say by --state-dir where they are; `ownbase up` makes the first)",
            state_dir.display()
        );
    }
    let plan = plan(flags);
    let bar = Bar::new(flags.json);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut limits = Limits::default();
    // What a server may let its users' databases grow to, a flag of the server's says.
    (limits.max_users, limits.max_database_bytes) = (0, u64::MAX);
    limits.statement_timeout_ms = flags.statement_timeout_ms.unwrap_or(limits.statement_timeout_ms);
    let report = match Databases::open(&state_dir, limits.clone()) {
        Ok(databases) => runtime.block_on(here::run(databases, limits, &state_dir, targets, plan, &bar)),
        Err(StateError::Locked { .. }) => {
            if flags.statement_timeout_ms.is_some() {
                bar.say("note: a server does the work, within its own --statement-timeout-ms");
            }
            runtime.block_on(served::run(&state_dir, targets, plan, &bar))
        }
        Err(error) => return Err(error.into()),
    };
    bar.clear();
    report
}

fn plan(flags: &MigrateFlags) -> Plan {
    let action = match (flags.status, flags.dry_run) {
        (true, _) => Action::Status,
        (false, true) => Action::DryRun,
        (false, false) => Action::Migrate,
    };
    Plan { action, jobs: flags.jobs, canary: flags.canary, on_error: flags.on_error }
}
