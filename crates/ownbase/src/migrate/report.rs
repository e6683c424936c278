//! What a roll-out came to: kept beside the databases, sent over the control socket, printed for machines as it is.
//!
//! At most 10,000 failures are listed, each with 500 bytes of why; all are counted.

use super::plan::Action;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

/// Failures that are listed.
const MAX_FAILURES: usize = 10_000;
/// Bytes of the reason for each.
const MAX_WHY_BYTES: usize = 500;

/// The whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Report {
    /// What was done.
    pub(crate) action: Action,
    /// How it ended.
    pub(crate) ended: Ended,
    /// By id, for each that carries migrations.
    pub(crate) components: BTreeMap<String, Counts>,
    /// What is called like a database and is none of ours: passed over.
    #[serde(default)]
    pub(crate) skipped: u64,
    /// Databases that failed, all of them.
    pub(crate) failed: u64,
    /// Which they are.
    pub(crate) failures: Vec<Failure>,
    /// Which failed in a migration before this one, and were not reached by it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) not_reached: Vec<Failure>,
}

/// How a roll-out ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Ended {
    /// Every database was reached.
    Complete,
    /// After the canaries, of which one failed.
    CanaryFailed,
    /// On a failure, as it was told to.
    Failed,
    /// Somebody stopped it.
    Stopped,
}

/// A component's databases.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Counts {
    /// The newest version that the component has.
    pub(crate) newest: u32,
    /// Brought to it, or in a dry run: would have been.
    pub(crate) migrated: u64,
    /// Already there.
    pub(crate) current: u64,
    /// With a migration that the component does not have; left as they are.
    pub(crate) newer: u64,
    /// How many are at each version now.
    pub(crate) versions: BTreeMap<u32, u64>,
}

/// A database that failed, and is as it was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Failure {
    /// Its label; the file's name where no label can be told.
    pub(crate) label: String,
    /// One line.
    pub(crate) why: String,
}

/// How far a roll-out is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// Databases looked at.
    pub(crate) done: u64,
    /// About how many there are.
    pub(crate) total: u64,
    /// Of those looked at.
    pub(crate) failed: u64,
}

impl Report {
    pub(crate) fn new(action: Action) -> Self {
        Self {
            action,
            ended: Ended::Complete,
            components: BTreeMap::new(),
            skipped: 0,
            failed: 0,
            failures: Vec::new(),
            not_reached: Vec::new(),
        }
    }

    /// Whether all is well.
    pub(crate) fn is_good(&self) -> bool {
        self.failed == 0 && self.ended == Ended::Complete
    }

    /// Adds a failure.
    pub(crate) fn fail(&mut self, label: &str, why: &str) {
        self.failed += 1;
        if self.failures.len() < MAX_FAILURES {
            let why = why.split(['\n', '\r']).next().unwrap_or_default();
            let why = why.get(..why.floor_char_boundary(MAX_WHY_BYTES)).unwrap_or_default();
            self.failures.push(Failure { label: label.to_owned(), why: why.to_owned() });
        }
    }

    /// Adds those that failed before, by label, as far as there is room for failures.
    pub(crate) fn keep_not_reached(&mut self, earlier: HashMap<String, String>) {
        let room = MAX_FAILURES.saturating_sub(self.failures.len());
        let earlier = earlier.into_iter().map(|(label, why)| Failure { label, why });
        self.not_reached = earlier.take(room).collect();
        self.not_reached.sort_unstable_by(|one, other| one.label.cmp(&other.label));
    }

    /// For people.
    pub(crate) fn text(&self) -> String {
        let mut lines = Vec::new();
        for (component, counts) in &self.components {
            let prefix = if self.components.len() > 1 { format!("[component.{component}] ") } else { String::new() };
            lines.extend(self.counts(counts).into_iter().map(|line| format!("{prefix}{line}")));
        }
        if self.skipped > 0 {
            let what = if self.skipped == 1 { "name is" } else { "names are" };
            lines.push(format!("{} {what} passed over: no user's database is called so", self.skipped));
        }
        if self.failed > 0 {
            let what = match self.action {
                Action::Status => "cannot be migrated",
                Action::DryRun => "would fail",
                Action::Migrate => "failed and stayed as before",
            };
            lines.push(format!("{} {what}:", databases(self.failed)));
            lines.extend(self.failures.iter().map(|Failure { label, why }| format!("  {label}: {why}")));
            let unlisted = self.failed.saturating_sub(self.failures.len() as u64);
            if unlisted > 0 {
                lines.push(format!("  … and {unlisted} more"));
            }
        }
        lines.extend(self.end().map(str::to_owned));
        lines.join("\n")
    }

    fn counts(&self, counts: &Counts) -> Vec<String> {
        let Counts { newest, migrated, current, newer, versions } = counts;
        let mut lines = Vec::new();
        match self.action {
            Action::Status => {
                lines.extend(versions.iter().map(|(version, count)| {
                    let note = if version == newest { " (the newest)" } else { "" };
                    format!("version {version}{note}: {}", databases(*count))
                }));
                if versions.is_empty() {
                    lines.push("no database yet".to_owned());
                }
            }
            Action::DryRun => lines.push(format!("{} would be migrated to version {newest}", databases(*migrated))),
            Action::Migrate => lines.push(format!("{} migrated to version {newest}", databases(*migrated))),
        }
        if self.action != Action::Status {
            lines.push(format!("{} already current", databases(*current)));
        }
        if *newer > 0 {
            lines.push(format!("{} newer than this build", databases(*newer)));
        }
        lines
    }

    fn end(&self) -> Option<&'static str> {
        match self.ended {
            Ended::Complete => None,
            Ended::CanaryFailed => Some("Stopped: a canary failed, and no other database was begun."),
            Ended::Failed => Some("Stopped at a failure (--on-error continue goes past it; run again to go on)."),
            Ended::Stopped => Some("Stopped. Every database is whole; run again to go on."),
        }
    }
}

/// `1 database`, `2 databases`.
fn databases(count: u64) -> String {
    format!("{count} database{}", if count == 1 { "" } else { "s" })
}
