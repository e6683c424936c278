//! What `cargo xtask bench` has measured, run by run, as its JSON file has it. Tables and pictures are made from nothing
//! else.
//!
//! Where contenders are compared, each round's figure is divided by that of the native server in the same round, since
//! a machine may be slower in one round than in the next.

use super::case::Case;
use super::contender::Contender;
use super::machine::Machine;
use super::spread::Spread;
use anyhow::Context;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::path::{Path, PathBuf};

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Measurements {
    pub(crate) machine: Machine,
    /// How long each load lasted.
    pub(crate) seconds: u64,
    /// Those that were finished.
    pub(crate) rounds: u32,
    pub(crate) runs: Vec<Run>,
}

/// One load on one server.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Run {
    pub(crate) case: Case,
    pub(crate) connections: u32,
    pub(crate) contender: Contender,
    /// From 1.
    pub(crate) round: u32,
    #[serde(flatten)]
    pub(crate) figures: Figures,
}

/// What a load showed.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Figures {
    pub(crate) requests: u64,
    pub(crate) took_us: u64,
    pub(crate) p50_us: u64,
    pub(crate) p99_us: u64,
    /// The server's processor time, user and system, for all requests together.
    pub(crate) cpu_us: u64,
    /// Resident at the end of the load.
    pub(crate) memory_bytes: u64,
    /// Answered requests of the slow user, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) slow_requests: Option<u64>,
}

impl Figures {
    /// Requests a second.
    pub(crate) fn rate(&self) -> f64 {
        self.requests as f64 * 1e6 / self.took_us as f64
    }

    /// Microseconds of processor time for one request.
    pub(crate) fn cpu_per_request(&self) -> f64 {
        self.cpu_us as f64 / self.requests as f64
    }

    pub(crate) fn p50_ms(&self) -> f64 {
        self.p50_us as f64 / 1e3
    }

    pub(crate) fn p99_ms(&self) -> f64 {
        self.p99_us as f64 / 1e3
    }

    pub(crate) fn memory_mib(&self) -> f64 {
        self.memory_bytes as f64 / f64::from(1 << 20)
    }
}

impl Measurements {
    /// The figure in all rounds.
    pub(crate) fn spread(
        &self,
        case: Case,
        connections: u32,
        contender: Contender,
        figure: impl Fn(&Figures) -> f64,
    ) -> Option<Spread> {
        Spread::of(self.runs(case, connections, contender).map(|run| figure(&run.figures)).collect())
    }

    /// The figure as a share of the native server's in the same round.
    pub(crate) fn to_native(
        &self,
        case: Case,
        connections: u32,
        contender: Contender,
        figure: impl Fn(&Figures) -> f64,
    ) -> Option<Spread> {
        let shares = self.runs(case, connections, contender).filter_map(|run| {
            let native = self.runs(case, connections, Contender::Native).find(|native| native.round == run.round)?;
            Some(figure(&run.figures) / figure(&native.figures))
        });
        Spread::of(shares.collect())
    }

    /// Whether the case was measured with so many connections.
    pub(crate) fn has(&self, case: Case, connections: u32) -> bool {
        self.runs.iter().any(|run| (run.case, run.connections) == (case, connections))
    }

    /// The numbers of connections that a case was measured with.
    pub(crate) fn connections(&self, case: Case) -> Vec<u32> {
        case.connections(false).iter().copied().filter(|connections| self.has(case, *connections)).collect()
    }

    fn runs(&self, case: Case, connections: u32, contender: Contender) -> impl Iterator<Item = &Run> {
        let key = (case, connections, contender);
        self.runs.iter().filter(move |run| (run.case, run.connections, run.contender) == key)
    }
}

/// The file that is written in the end: `wanted`, or else `name` in `folder`, which is made. What cannot be written is
/// better told before anything is measured.
pub(crate) fn destination(wanted: Option<&Path>, folder: &Path, name: &str) -> anyhow::Result<PathBuf> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let path = wanted.map_or_else(|| folder.join(name), Path::to_owned);
    File::options()
        .append(true)
        .create(true)
        .open(&path)
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

/// Reads what [`write()`] wrote.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> anyhow::Result<T> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} holds no such measurements", path.display()))
}

pub(crate) fn write<T: Serialize>(path: &Path, measured: &T) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(measured)? + "\n";
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::machine::tests::quiet;
    use super::*;

    /// A list at 32 connections, in requests a second: a row a round.
    pub(crate) fn measured(rates: &[(u64, u64)]) -> Measurements {
        let machine = quiet();
        let mut measured = Measurements { machine, seconds: 2, rounds: rates.len() as u32, runs: Vec::new() };
        for (round, (own, native)) in (1..).zip(rates) {
            for (contender, rate) in [(Contender::Ownbase, *own), (Contender::Native, *native)] {
                let figures = Figures {
                    requests: 2 * rate,
                    took_us: 2_000_000,
                    p50_us: 500,
                    p99_us: 1500,
                    cpu_us: 100 * rate,
                    memory_bytes: 64 << 20,
                    slow_requests: None,
                };
                measured.runs.push(Run { case: Case::GetList, connections: 32, contender, round, figures });
            }
        }
        measured
    }

    #[test]
    fn a_round_is_compared_with_itself() {
        let measured = measured(&[(50, 100), (300, 300), (80, 200)]);
        let own = measured.spread(Case::GetList, 32, Contender::Ownbase, Figures::rate);
        assert_eq!(own, Some(Spread { low: 50.0, median: 80.0, high: 300.0 }));
        let share = measured.to_native(Case::GetList, 32, Contender::Ownbase, Figures::rate);
        assert_eq!(share, Some(Spread { low: 0.4, median: 0.5, high: 1.0 }));
        assert_eq!(measured.spread(Case::GetList, 1, Contender::Ownbase, Figures::rate), None);
        assert_eq!(measured.connections(Case::GetList), [32]);
    }

    #[test]
    fn the_file_gives_back_what_was_measured() -> anyhow::Result<()> {
        let path = std::env::temp_dir().join(format!("ownbase-bench-{}.json", std::process::id()));
        write(&path, &measured(&[(50, 100)]))?;
        let again: Measurements = read(&path)?;
        assert_eq!(again.runs.len(), 2);
        assert_eq!(
            again.to_native(Case::GetList, 32, Contender::Ownbase, Figures::p99_ms).map(|s| s.median),
            Some(1.0)
        );
        assert!(destination(Some(&path), &std::env::temp_dir(), "unused.json").is_ok());
        assert_eq!(read::<Measurements>(&path)?.runs.len(), 2, "what was there stays until it is replaced");
        assert!(destination(Some(&path.join("below")), &std::env::temp_dir(), "unused.json").is_err());
        std::fs::write(&path, "{}")?;
        assert!(read::<Measurements>(&path).is_err());
        std::fs::remove_file(&path)?;
        Ok(())
    }
}
