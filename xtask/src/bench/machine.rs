//! What must be true of the machine for figures to mean anything, and what they were taken on.

use super::Ready;
use crate::repository::Repository;
use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Processor time that others may take before it is told, in percent of all.
const MAX_BUSY_PERCENT: u32 = 5;

/// Where, when, and of what the figures were taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) processors: usize,
    pub(crate) model: String,
    pub(crate) kernel: String,
    /// In UTC, as 2026-01-31.
    pub(crate) date: String,
    /// What git calls the source, and whether all was built of it.
    pub(crate) source: String,
    /// Processor time that other programs took just before, in percent of all.
    pub(crate) busy_percent: u32,
}

impl Machine {
    /// Takes a second, and warns where others are at work.
    pub(crate) fn this(repository: &Repository, ready: &Ready) -> anyhow::Result<Self> {
        let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease")?;
        let cpuinfo = std::fs::read_to_string("/proc/cpuinfo")?;
        let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let built = if ready.ownbase.is_some() { ", `ownbase` built before" } else { "" };
        let git = ["-C", &repository.root.to_string_lossy(), "describe", "--always", "--dirty"].map(str::to_owned);
        let busy_percent = busy_percent()?;
        if busy_percent > MAX_BUSY_PERCENT {
            eprintln!(
                "warning: other programs take {busy_percent} % of the processors: end them, or mistrust the figures"
            );
        }
        Ok(Self {
            processors: std::thread::available_parallelism()?.get(),
            model: model.map_or("unknown", |(_, model)| model).to_owned(),
            kernel: kernel.trim().to_owned(),
            date: said(Command::new("date").args(["-u", "+%Y-%m-%d"]))?,
            // The figures are good without it, in a copy that git knows nothing of.
            source: said(Command::new("git").args(git)).unwrap_or_else(|_| "unknown".to_owned()) + built,
            busy_percent,
        })
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { processors, model, kernel, date, source, busy_percent } = self;
        write!(f, "{processors} processors ({model}), Linux {kernel}, source {source}, {date}")?;
        if *busy_percent > MAX_BUSY_PERCENT {
            write!(f, "; **other programs took {busy_percent} % of the processors: mistrust the figures**")?;
        }
        Ok(())
    }
}

/// What a command writes, if it succeeds.
fn said(command: &mut Command) -> anyhow::Result<String> {
    let program = command.get_program().display().to_string();
    let output = command.output().with_context(|| format!("cannot start {program}"))?;
    if !output.status.success() {
        bail!("{program} failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Fails where nothing can be measured.
pub(crate) fn check() -> anyhow::Result<()> {
    if !cfg!(target_os = "linux") {
        bail!("the benchmarks read the server's processor time from /proc, so they run on Linux only");
    }
    for (program, package) in [("wrk", "wrk"), ("prlimit", "util-linux")] {
        if Command::new(program).arg("--version").output().is_err() {
            bail!("no {program}, which makes the load or bounds it: `apt-get install {package}`");
        }
    }
    Ok(())
}

/// Held while something is measured: two at a time would measure one another, and empty each other's state.
pub(crate) fn alone(folder: &Path) -> anyhow::Result<File> {
    let path = folder.join("lock");
    let lock = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    if lock.try_lock().is_err() {
        bail!("another `cargo xtask bench` is under way here: wait for it, or end it");
    }
    Ok(lock)
}

/// Looks on for a second: the load average would still show our own build.
fn busy_percent() -> anyhow::Result<u32> {
    let before = processor_time()?;
    std::thread::sleep(Duration::from_secs(1));
    let after = processor_time()?;
    Ok((100.0 * (after.0 - before.0) / (after.1 - before.1)).round() as u32)
}

/// Ticks that all processors have been busy, and ticks in all, since the machine's start.
fn processor_time() -> anyhow::Result<(f64, f64)> {
    let stat = std::fs::read_to_string("/proc/stat")?;
    let first = stat.lines().next().context("/proc/stat is empty")?;
    let ticks: Vec<f64> = first.split_whitespace().filter_map(|field| field.parse().ok()).collect();
    // user, nice, system, idle, iowait, …
    let idle: f64 = ticks.iter().skip(3).take(2).sum();
    let all: f64 = ticks.iter().sum();
    Ok((all - idle, all))
}

/// The unit of /proc/PID/stat.
pub(crate) fn ticks_per_second() -> anyhow::Result<f64> {
    said(Command::new("getconf").arg("CLK_TCK"))?.parse().context("getconf CLK_TCK gave no number")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn quiet() -> Machine {
        Machine {
            processors: 2,
            model: "A CPU".to_owned(),
            kernel: "6.18".to_owned(),
            date: "2026-01-31".to_owned(),
            source: "abc".to_owned(),
            busy_percent: 5,
        }
    }

    #[test]
    fn only_one_measures_at_a_time() -> anyhow::Result<()> {
        let folder = std::env::temp_dir().join(format!("ownbase-alone-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let first = alone(&folder)?;
        assert!(alone(&folder).is_err());
        drop(first);
        assert!(alone(&folder).is_ok());
        std::fs::remove_dir_all(&folder)?;
        Ok(())
    }

    #[test]
    fn what_others_took_is_told() {
        assert_eq!(quiet().to_string(), "2 processors (A CPU), Linux 6.18, source abc, 2026-01-31");
        let busy = Machine { busy_percent: 6, ..quiet() };
        assert!(busy.to_string().ends_with("; **other programs took 6 % of the processors: mistrust the figures**"));
    }
}
