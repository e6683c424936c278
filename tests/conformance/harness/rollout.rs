//! `ownbase migrate` as its operator sees it: its exit code, and its outcome as JSON.

use std::collections::BTreeMap;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

/// What `--json` prints.
#[derive(Debug, Deserialize)]
pub(crate) struct Report {
    pub(crate) ended: String,
    components: BTreeMap<String, Counts>,
    pub(crate) failed: u64,
    failures: Vec<Failure>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub(crate) struct Counts {
    pub(crate) newest: u32,
    pub(crate) migrated: u64,
    pub(crate) current: u64,
    pub(crate) newer: u64,
    pub(crate) versions: BTreeMap<u32, u64>,
}

#[derive(Debug, Deserialize)]
struct Failure {
    label: String,
    why: String,
}

impl Report {
    /// Of the one component.
    pub(crate) fn counts(&self) -> Counts {
        self.components.get("notes").cloned().unwrap_or_default()
    }

    /// The labels of those that failed, in order.
    pub(crate) fn failed_labels(&self) -> Vec<&str> {
        let mut labels: Vec<&str> = self.failures.iter().map(|failure| failure.label.as_str()).collect();
        labels.sort_unstable();
        labels
    }

    /// Why one failed.
    pub(crate) fn why(&self, label: &str) -> Result<&str> {
        let failure = self.failures.iter().find(|failure| failure.label == label);
        Ok(failure.with_context(|| format!("{label} is not among the failed: {self:?}"))?.why.as_str())
    }
}

/// Runs the command to its end, which must be `exit_code`, with `--json`.
pub(crate) fn report(mut command: Command, exit_code: i32) -> Result<Report> {
    let output = command.arg("--json").output()?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.code() == Some(exit_code), "expected exit code {exit_code}, got {}: {error}", output.status);
    serde_json::from_slice(&output.stdout).with_context(|| format!("no report, but {error}"))
}
