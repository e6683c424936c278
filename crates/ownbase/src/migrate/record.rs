//! What the last roll-out came to, kept in the state directory for `--status`: a failed database says no more of itself
//! than that it is behind. What failed before, and was not reached by the last one, is kept with it.

use super::plan::Action;
use super::report::Report;
use anyhow::{Context, Result};
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

/// The file's name.
const FILE: &str = "rollout.json";
/// Above what a report can take.
const MAX_BYTES: u64 = 16 << 20;

/// Keeps it, if it changed anything. Whoever does holds the state directory.
pub(crate) fn keep(state_dir: &Path, report: &Report) -> Result<()> {
    if report.action != Action::Migrate {
        return Ok(());
    }
    let (file, new) = (state_dir.join(FILE), state_dir.join(format!("{FILE}.new")));
    let text = serde_json::to_vec(report)?;
    // Never half a report, also after a power cut: it takes the old one's place as a whole.
    let write = || {
        let mut writing = File::create(&new)?;
        writing.write_all(&text)?;
        writing.sync_all()?;
        fs::rename(&new, &file)
    };
    write().with_context(|| format!("cannot write {} for --status (the roll-out itself is done)", file.display()))
}

/// What failed when it was last tried, and why, by label, for an action that tells of it. Nothing where there is no
/// report, or none that can be read.
pub(crate) fn failures(state_dir: &Path, action: Action) -> HashMap<String, String> {
    if action == Action::DryRun {
        return HashMap::new();
    }
    let file = state_dir.join(FILE);
    let is_small = fs::metadata(&file).is_ok_and(|metadata| metadata.len() <= MAX_BYTES);
    let text = if is_small { fs::read(&file).unwrap_or_default() } else { Vec::new() };
    let report: Option<Report> = serde_json::from_slice(&text).ok();
    let failures = report.into_iter().flat_map(|report| report.failures.into_iter().chain(report.not_reached));
    failures.map(|failure| (failure.label, failure.why)).collect()
}
