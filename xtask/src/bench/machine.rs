//! What must be true of the machine for figures to mean anything, and a line that says what they were taken on.

use anyhow::{Context, bail};
use std::process::Command;
use std::time::Duration;

/// Processor time that others may take before a warning, as a share of all.
const MAX_BUSY: f64 = 0.05;

/// Fails where nothing can be measured.
pub(crate) fn check() -> anyhow::Result<()> {
    if !cfg!(target_os = "linux") {
        bail!("the benchmarks read the server's processor time from /proc, so they run on Linux only");
    }
    if Command::new("wrk").arg("--version").output().is_err() {
        bail!("no wrk, which makes the load: `apt-get install wrk`");
    }
    Ok(())
}

/// Looks on for a second: the load average would still show our own build.
pub(crate) fn warn_when_busy() -> anyhow::Result<()> {
    let before = processor_time()?;
    std::thread::sleep(Duration::from_secs(1));
    let after = processor_time()?;
    let (busy, all) = (after.0 - before.0, after.1 - before.1);
    if busy > MAX_BUSY * all {
        let percent = 100.0 * busy / all;
        eprintln!("warning: other programs take {percent:.0} % of the processors: end them, or mistrust the figures");
    }
    Ok(())
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
    let output = Command::new("getconf").arg("CLK_TCK").output().context("cannot start getconf")?;
    String::from_utf8_lossy(&output.stdout).trim().parse().context("getconf CLK_TCK gave no number")
}

pub(crate) fn description(seconds: u64, rounds: usize) -> anyhow::Result<String> {
    let cores = std::thread::available_parallelism()?;
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let connections = super::load::CONNECTIONS;
    Ok(format!(
        "Medians of {rounds} rounds of {seconds} s, {connections} connections, wrk on the same {cores} processors, \
         Linux {}; WAL, every write synced before its answer.",
        kernel.trim()
    ))
}
