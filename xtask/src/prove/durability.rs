//! `cargo xtask prove durability`: power cuts.
//!
//! Servers are recorded under strace while clients change and read notes. From each recording images are made: the disk
//! as a power cut may leave it, some with a bit turned over. The real server recovers each image, and is held against all
//! that had been answered before the cut. docs/proof.md says what is shown, and what is not.
//!
//! The parts, from the outside in: a `workload` makes a `recording`, of which `calls` are parsed and `follow`ed into
//! events; a `disk` (`names`, `contents`) sees these and is cut; `exchanges` become `promises` about `notes`; a `trial`
//! compares.

mod calls;
mod contents;
mod disk;
mod exchanges;
mod flip;
mod folder;
mod follow;
mod names;
mod notes;
mod promises;
mod recording;
mod server;
mod trial;
mod workload;
mod workplace;

use crate::repository::Repository;
use crate::{artifacts, setup};
use anyhow::{Context, anyhow, bail, ensure};
use disk::Image;
use fastrand::Rng;
use flip::Flip;
use recording::{Recording, Take};
use server::Program;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Instant, SystemTime};
use trial::{Case, Outcome, Place};
use workplace::Workplace;

/// Images of one recording: more recordings would show more, and take longer.
const MIN_IMAGES_EACH: usize = 50;
const MAX_RECORDINGS: usize = 20;
/// Every so many images one has a bit turned over.
const FLIP_EVERY: usize = 4;
/// Failures after which the rest would say the same.
const MAX_FAILURES: usize = 10;

#[derive(clap::Args)]
pub(crate) struct Flags {
    /// How many images are recovered.
    #[arg(long, value_name = "COUNT", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    images: u32,
    /// Makes all choices, but for how threads come to run [default: the clock]. It is printed.
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    /// Images that are worked on at once [default: the processors].
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: Option<u16>,
    /// A build to be proved, instead of one that is made now.
    #[arg(long, value_name = "FILE")]
    ownbase: Option<PathBuf>,
    /// Count no sync, to see the proof fail.
    #[arg(long)]
    ignore_syncs: bool,
    /// Further flags of `ownbase up`; with `-- --durability relaxed` the proof must fail.
    #[arg(last = true, value_name = "FLAGS")]
    up: Vec<String>,
}

pub(crate) fn run(repository: &Repository, flags: &Flags) -> anyhow::Result<()> {
    check_tools()?;
    let program = build(repository, flags)?;
    let folder = repository.target.join("prove/durability");
    if folder.exists() {
        std::fs::remove_dir_all(&folder).with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    let clock = || SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs() % 1_000_000);
    let run = Run {
        program,
        workplace: Workplace::open(&folder)?,
        folder,
        seed: flags.seed.unwrap_or_else(clock),
        images: flags.images as usize,
        ignores_syncs: flags.ignore_syncs,
        next: AtomicUsize::new(0),
        report: Mutex::default(),
    };
    println!("seed {}, {} images of {} recordings", run.seed, run.images, run.recordings());
    let jobs = flags.jobs.map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), usize::from);
    let start = Instant::now();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs)
            .map(|job| {
                scope.spawn({
                    let run = &run;
                    move || run.work(job)
                })
            })
            .collect();
        workers.into_iter().try_for_each(|worker| worker.join().map_err(|_| anyhow!("a thread of the proof"))?)
    })?;
    run.summary(start)
}

fn check_tools() -> anyhow::Result<()> {
    for (program, version) in [("strace", "-V"), ("sqlite3", "--version")] {
        if Command::new(program).arg(version).output().is_err() {
            bail!(
                "no {program}, by which servers are recorded and databases checked: `apt-get install strace sqlite3`"
            );
        }
    }
    Ok(())
}

fn build(repository: &Repository, flags: &Flags) -> anyhow::Result<Program> {
    let (manifest, up) = (repository.root.join("spin.toml"), flags.up.clone());
    if let Some(ownbase) = &flags.ownbase {
        ensure!(ownbase.is_file(), "--ownbase: there is no file {}", ownbase.display());
        // A name without a folder would be searched for elsewhere.
        return Ok(Program { ownbase: std::path::absolute(ownbase)?, manifest, flags: up });
    }
    setup::ensure(&[setup::COMPONENT])?;
    artifacts::component(repository)?;
    artifacts::host(repository)?;
    Ok(Program { ownbase: artifacts::host_path(repository), manifest, flags: up })
}

struct Run {
    program: Program,
    /// For what is made and removed all the time.
    workplace: Workplace,
    /// For what a person may want to see.
    folder: PathBuf,
    seed: u64,
    images: usize,
    ignores_syncs: bool,
    /// The next recording that nobody has taken.
    next: AtomicUsize,
    report: Mutex<Report>,
}

#[derive(Default)]
struct Report {
    events: usize,
    outcomes: BTreeMap<(bool, Outcome), usize>,
    failures: usize,
}

impl Run {
    fn recordings(&self) -> usize {
        self.images.div_ceil(MIN_IMAGES_EACH).min(MAX_RECORDINGS)
    }

    /// Takes recordings until there is none left.
    fn work(&self, job: usize) -> anyhow::Result<()> {
        let place = Place { program: &self.program, home: self.workplace.folder(&format!("job-{job}")) };
        loop {
            let number = self.next.fetch_add(1, Relaxed);
            if number >= self.recordings() {
                return Ok(());
            }
            // Each recording has a seed of its own, by which it can be made alone.
            let seed = self.seed.wrapping_add(number as u64);
            let take = Take { program: &self.program, seed, ignores_syncs: self.ignores_syncs };
            let start = Instant::now();
            let home = self.workplace.folder(&format!("recording-{seed}"));
            let recorded = Recording::make(take, &home, &self.folder.join(format!("recording-{seed}")));
            let recording = recorded.with_context(|| format!("recording with seed {seed}"))?;
            println!("seed {seed}: recorded {} events in {} s", recording.events.len(), start.elapsed().as_secs());
            self.report(|report| report.events += recording.events.len());
            for image in (number..self.images).step_by(self.recordings()).map(|image| image / self.recordings()) {
                if self.image(&recording, &place, seed, image)? {
                    return Ok(());
                }
            }
        }
    }

    /// Makes an image and has it recovered. Says whether there is an end of it.
    fn image(&self, recording: &Recording, place: &Place<'_>, seed: u64, number: usize) -> anyhow::Result<bool> {
        let mut chance = Rng::with_seed(seed.wrapping_mul(1_000_000_007).wrapping_add(number as u64));
        let cut = recording.cut(&mut chance);
        let mut image = recording.disk(cut).after_cut(&mut chance);
        let flips = number % FLIP_EVERY == FLIP_EVERY - 1;
        let flip = if flips { Flip::one(&mut image, &mut chance) } else { None };
        let case = Case { recording, cut, image: &image, flip: flip.as_ref(), number: chance.usize(..1000) };
        let outcome = place.check(&case);
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(error) => {
                let kept = self.folder.join(format!("failed-{seed}-{number}"));
                keep(&kept, &image, place)?;
                let flip = flip.map(|flip| format!(", {flip}")).unwrap_or_default();
                println!(
                    "FAILED: seed {seed}, image {number}, cut at {cut}{flip}\n  {error:#}\n  kept in {}",
                    kept.display()
                );
                return Ok(self.report(|report| {
                    report.failures += 1;
                    report.failures >= MAX_FAILURES
                }));
            }
        };
        Ok(self.report(|report| {
            *report.outcomes.entry((flip.is_some(), outcome)).or_default() += 1;
            report.failures >= MAX_FAILURES
        }))
    }

    fn report<T>(&self, change: impl FnOnce(&mut Report) -> T) -> T {
        change(&mut self.report.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    fn summary(&self, start: Instant) -> anyhow::Result<()> {
        self.report(|report| {
            for ((flipped, outcome), count) in &report.outcomes {
                let kind = if *flipped { "with a bit turned over" } else { "power cut" };
                println!("{count:>6} images, {kind}: {outcome}");
            }
            println!("{} events, {} s", report.events, start.elapsed().as_secs());
            let failures = report.failures;
            ensure!(failures == 0, "{failures} images broke a promise (see above; seed {})", self.seed);
            Ok(())
        })
    }
}

/// Keeps an image that broke a promise: as the server found it, as it left it, and its log.
fn keep(kept: &Path, image: &Image, place: &Place<'_>) -> anyhow::Result<()> {
    folder::lay(&folder::read(&place.home)?, &kept.join("after"))?;
    std::fs::copy(place.home.join("state.log"), kept.join("log"))?;
    folder::lay(image, &kept.join("before"))
}
