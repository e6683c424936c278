//! A roll-out in this process, which holds the state directory for its length.

use super::bar::Bar;
use super::copies::Copies;
use super::plan::Plan;
use super::record;
use super::report::Report;
use super::rollout::Rollout;
use super::target::Target;
use crate::shutdown::Signals;
use anyhow::{Context, Result};
use ownbase_spin_sqlite::{Databases, Limits};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

/// As many as `--jobs` may ask for.
const MAX_JOBS: u16 = 64;

/// Runs it to its end; the first signal stops it, the second ends the process at once.
pub(super) async fn run(
    databases: Databases,
    limits: Limits,
    state_dir: &Path,
    targets: Vec<Target>,
    plan: Plan,
    bar: &Bar,
) -> Result<Report> {
    let mut signals = Signals::listen()?;
    let stop = Arc::new(AtomicBool::new(false));
    let copies = Copies::beside(state_dir, plan.action, limits)?;
    let failed_before = record::failures(state_dir, plan.action);
    let mut running = {
        let (databases, stop, bar) = (databases.clone(), stop.clone(), bar.clone());
        tokio::task::spawn_blocking(move || {
            let report = Rollout {
                databases: &databases,
                targets: &targets,
                plan,
                jobs: plan.jobs.unwrap_or_else(jobs),
                copies: copies.as_ref(),
                failed_before,
                stop: &stop,
                progress: &|progress| bar.show(progress),
            }
            .run();
            copies.map_or(Ok(()), Copies::remove).and(report)
        })
    };
    let report = tokio::select! {
        report = &mut running => report,
        signal = signals.next() => {
            stop.store(true, SeqCst);
            bar.say(&format!("{signal}: finishing what is begun (once more to end at once)"));
            tokio::spawn(signals.next_ends_the_process());
            running.await
        }
    };
    // While this process still holds the state directory.
    if let Ok(Ok(report)) = &report
        && let Err(error) = record::keep(state_dir, report)
    {
        bar.say(&format!("warning: {error:#}"));
    }
    databases.close().await;
    report.context("the roll-out panicked")?
}

/// More than the cores: a migrated database waits for the disk most of its time.
fn jobs() -> u16 {
    let cores = std::thread::available_parallelism().map_or(1, |cores| u16::try_from(cores.get()).unwrap_or(u16::MAX));
    cores.saturating_mul(4).min(MAX_JOBS)
}
