//! The roll-out: all databases of a state directory, several at once, canaries first.
//!
//! It keeps no state of its own: what each database says of itself is all it goes by, so it goes on where it was stopped,
//! however that was. Beside it requests are served, and migrate the databases that they meet.

use super::copies::Copies;
use super::plan::{Action, OnError, Plan};
use super::report::{Counts, Ended, Progress, Report};
use super::target::Target;
use super::walk::Walk;
use super::worker::{Outcome, Worker};
use anyhow::{Context, Result, anyhow};
use ownbase_database::Label;
use ownbase_spin_sqlite::{Databases, Found};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

/// A roll-out that is about to be run.
pub(crate) struct Rollout<'a> {
    pub(crate) databases: &'a Databases,
    pub(crate) targets: &'a [Target],
    pub(crate) plan: Plan,
    /// Databases worked on at once.
    pub(crate) jobs: u16,
    /// Where copies are made, for a dry run.
    pub(crate) copies: Option<&'a Copies>,
    /// What failed when it was last tried, and why.
    pub(crate) failed_before: HashMap<String, String>,
    /// Set by whoever wants it to stop: no further database is begun.
    pub(crate) stop: &'a AtomicBool,
    /// Told after each database.
    pub(crate) progress: &'a (dyn Fn(Progress) + Sync),
}

/// What the workers share.
struct Shared<'a> {
    walk: Mutex<Walk<'a>>,
    tally: Mutex<Tally>,
    /// Databases that may be begun in this phase.
    turns: AtomicU64,
    /// A failure ended it.
    failed: AtomicBool,
}

struct Tally {
    report: Report,
    progress: Progress,
    /// Of those that were begun.
    failed: u64,
    /// Of those that failed before, the ones that have not been reached.
    failed_before: HashMap<String, String>,
}

impl Rollout<'_> {
    /// Runs it to its end. Blocks.
    pub(crate) fn run(&self) -> Result<Report> {
        let total = self.databases.count().context("the databases cannot be counted")? as u64;
        let mut report = Report::new(self.plan.action);
        for target in self.targets {
            let counts = Counts { newest: target.newest(), ..Counts::default() };
            report.components.insert(target.component.clone(), counts);
        }
        let canaries = self.plan.canary.map(|canary| canary.of(total));
        let progress = Progress { total, ..Progress::default() };
        let tally = Tally { report, progress, failed: 0, failed_before: self.failed_before.clone() };
        let shared = Shared {
            walk: Mutex::new(Walk::new(self.databases)),
            tally: Mutex::new(tally),
            turns: AtomicU64::new(canaries.unwrap_or(u64::MAX)),
            failed: AtomicBool::new(false),
        };
        (self.progress)(lock(&shared.tally).progress);
        self.phase(&shared)?;
        let canary_failed = canaries.is_some() && lock(&shared.tally).failed > 0;
        if canaries.is_some() && !canary_failed && !self.is_over(&shared) {
            shared.turns.store(u64::MAX, SeqCst);
            self.phase(&shared)?;
        }
        let Tally { mut report, failed_before, .. } = shared.tally.into_inner().unwrap_or_else(PoisonError::into_inner);
        report.ended = if canary_failed {
            Ended::CanaryFailed
        } else if shared.failed.load(SeqCst) {
            Ended::Failed
        } else if self.stop.load(SeqCst) {
            Ended::Stopped
        } else {
            Ended::Complete
        };
        if report.ended != Ended::Complete {
            report.keep_not_reached(failed_before);
        }
        Ok(report)
    }

    /// Lets workers go through what is left, until nobody may begin another database.
    fn phase(&self, shared: &Shared<'_>) -> Result<()> {
        thread::scope(|scope| {
            let start = |number| {
                let work = || self.work(shared);
                thread::Builder::new().name(format!("ownbase-migrate-{number}")).spawn_scoped(scope, work)
            };
            let workers: Vec<_> = (0..self.jobs.max(1)).map(start).collect();
            let join = |worker: std::io::Result<thread::ScopedJoinHandle<'_, Result<()>>>| {
                let worker = worker.context("no thread could be started (give fewer --jobs)")?;
                worker.join().unwrap_or_else(|_| Err(anyhow!("a worker of the roll-out panicked")))
            };
            // All are waited for before the first error is told.
            workers.into_iter().map(join).collect::<Vec<_>>().into_iter().collect()
        })
    }

    fn work(&self, shared: &Shared<'_>) -> Result<()> {
        let worker = Worker::new(self.databases, self.copies.map(Copies::databases))?;
        while !self.is_over(shared) {
            let Some(found) = lock(&shared.walk).next() else { break };
            if !self.visit(&worker, shared, found) {
                break;
            }
            // Requests are more urgent.
            thread::yield_now();
        }
        Ok(())
    }

    /// False if the database's turn has not come.
    fn visit(&self, worker: &Worker<'_>, shared: &Shared<'_>, found: Found) -> bool {
        let (label, text) = match &found {
            Found::Unknown { file, why } => {
                let why = why.to_string();
                self.note(shared, None, file, Outcome::Failed { version: None, why });
                return true;
            }
            Found::Foreign { file } => {
                self.note(shared, None, file, Outcome::Foreign);
                return true;
            }
            Found::Label(text) => (Label::parse(text), text),
        };
        let target = self.targets.iter().find(|target| target.admits(text).is_some());
        let (Some(label), Some(target)) = (label, target) else {
            // Another component's, or no user's.
            self.note(shared, None, text, Outcome::Absent);
            return true;
        };
        let may_begin = || shared.turns.fetch_update(SeqCst, SeqCst, |turns| turns.checked_sub(1)).is_ok();
        match worker.visit(target, &label, self.plan.action, may_begin) {
            Outcome::Held => {
                lock(&shared.walk).hold(found);
                false
            }
            outcome => {
                self.note(shared, Some(target), text, outcome);
                true
            }
        }
    }

    fn note(&self, shared: &Shared<'_>, target: Option<&Target>, label: &str, outcome: Outcome) {
        let mut tally = lock(&shared.tally);
        let Tally { report, progress, failed, failed_before } = &mut *tally;
        let failed_before = failed_before.remove(label);
        let mut counts = target.and_then(|target| report.components.get_mut(&target.component));
        let mut at = |version| {
            if let Some(counts) = &mut counts {
                *counts.versions.entry(version).or_default() += 1;
            }
        };
        let mut why_failed = None;
        match outcome {
            Outcome::Absent | Outcome::Held => {}
            Outcome::Foreign => report.skipped += 1,
            Outcome::Current { version } => {
                at(version);
                counts.into_iter().for_each(|counts| counts.current += 1);
            }
            Outcome::Newer { version } => {
                at(version);
                counts.into_iter().for_each(|counts| counts.newer += 1);
            }
            Outcome::Migrated { version } => {
                at(version);
                counts.into_iter().for_each(|counts| counts.migrated += 1);
            }
            Outcome::Behind { version } => {
                at(version);
                why_failed = failed_before.map(|why| format!("when last tried: {why}"));
            }
            Outcome::Failed { version, why } => {
                version.into_iter().for_each(at);
                why_failed = Some(why);
                *failed += u64::from(version.is_some());
            }
        }
        progress.done += 1;
        if let Some(why) = why_failed {
            report.fail(label, &why);
            progress.failed += 1;
            if self.plan.action != Action::Status && self.plan.on_error == OnError::Stop {
                shared.failed.store(true, SeqCst);
            }
        }
        (self.progress)(*progress);
    }

    fn is_over(&self, shared: &Shared<'_>) -> bool {
        self.stop.load(SeqCst) || shared.failed.load(SeqCst)
    }
}

/// What a panicking worker leaves is whole: it changes nothing halfway.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
