//! What `cargo xtask bench scale` has measured: as its JSON file has it, as a table, as a picture.

use super::super::chart::Chart;
use super::super::machine::Machine;
use super::super::measurements::Figures;
use super::super::spread::{Spread, number};
use super::super::tables::{line, middle};
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Scale {
    pub(crate) machine: Machine,
    /// How long each mix lasted.
    pub(crate) seconds: u64,
    pub(crate) few: Measured,
    pub(crate) many: Measured,
}

/// One population's figures.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Measured {
    pub(crate) users: u64,
    pub(crate) creation: Creation,
    /// One a round.
    pub(crate) mixes: Vec<Mix>,
}

/// How users were made, and what they take of the disk once the server has been stopped.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Creation {
    pub(crate) took_us: u64,
    /// The server's, user and system.
    pub(crate) cpu_us: u64,
    /// The most that was resident until then.
    pub(crate) memory_bytes: u64,
    pub(crate) open_files: u64,
    /// Allocated.
    pub(crate) disk_bytes: u64,
    /// Logs, their indexes and journals that a closed database does not need.
    pub(crate) left_over: u64,
}

/// A mix of reads and writes. Memory is the most that was ever resident.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Mix {
    #[serde(flatten)]
    pub(crate) figures: Figures,
    pub(crate) open_files: u64,
}

impl Measured {
    fn each(&self, figure: impl Fn(&Mix) -> f64) -> Option<Spread> {
        Spread::of(self.mixes.iter().map(figure).collect())
    }

    fn per_user(&self, figure: u64) -> f64 {
        figure as f64 / self.users as f64
    }
}

/// A line that says how the figures were taken.
pub(crate) fn conditions(measured: &Scale) -> String {
    let Scale { machine, seconds, few, .. } = measured;
    format!("Medians of {} rounds of {seconds} s, `wrk` on the same {machine}.", few.mixes.len())
}

/// What is measured of a population, and what is asked of many users.
type Row = (&'static str, fn(&Measured) -> String, &'static str);

const ROWS: [Row; 11] = [
    ("made, users/s", |m| number(m.users as f64 * 1e6 / m.creation.took_us as f64, 0), ""),
    ("CPU, µs a user made", |m| number(m.per_user(m.creation.cpu_us), 0), ""),
    (
        "memory while they were made, MiB",
        |m| number(m.creation.memory_bytes as f64 / 1_048_576.0, 0),
        "under 381 (400 MB)",
    ),
    ("disk, KiB a user with one note", |m| number(m.per_user(m.creation.disk_bytes) / 1024.0, 1), "under 24"),
    ("`-wal`, `-shm`, `-journal` files after a stop", |m| number(m.creation.left_over as f64, 0), "0"),
    ("mix, requests/s", |m| middle(m.each(|mix| mix.figures.rate())), ""),
    ("mix, p50, ms", |m| middle(m.each(|mix| mix.figures.p50_ms())), ""),
    ("mix, p99, ms", |m| middle(m.each(|mix| mix.figures.p99_ms())), ""),
    ("mix, CPU, µs a request", |m| middle(m.each(|mix| mix.figures.cpu_per_request())), ""),
    ("mix, memory, MiB", |m| middle(m.each(|mix| mix.figures.memory_mib())), "under 381 (400 MB)"),
    ("mix, open files", |m| middle(m.each(|mix| mix.open_files as f64)), ""),
];

pub(crate) fn table(measured: &Scale) -> String {
    let Scale { few, many, .. } = measured;
    let [few_users, many_users] = [few, many].map(|population| number(population.users as f64, 0));
    let mut table = format!("| | {few_users} users | {many_users} users | asked |\n| --- | ---: | ---: | --- |\n");
    for (name, tell, asked) in ROWS {
        line(&mut table, &[name.to_owned(), tell(few), tell(many), asked.to_owned()]);
    }
    let rounds = few.mixes.iter().zip(&many.mixes);
    let multiples = rounds.map(|(few, many)| many.figures.p99_ms() / few.figures.p99_ms()).collect();
    let name = "mix, p99, as a multiple of that with few users, in the same round".to_owned();
    line(&mut table, &[name, String::new(), middle(Spread::of(multiples)), "at most 3".to_owned()]);
    table
}

/// The times within which half of the answers came, and all but one in a hundred.
pub(crate) fn chart(measured: &Scale) -> String {
    let Scale { few, many, .. } = measured;
    let [few_users, many_users] = [few, many].map(|population| format!("{} users", number(population.users as f64, 0)));
    let group = |name: &str, figure: fn(&Figures) -> f64| {
        let bars = [few, many].map(|population| population.each(|mix| figure(&mix.figures)));
        (name.to_owned(), bars.to_vec())
    };
    let chart = Chart {
        title: "Time until an answer: nine reads of ten, some users far more often than others",
        unit: " ms",
        series: &[(&few_users, "#6e7781"), (&many_users, "#0969da")],
        groups: vec![group("p50", Figures::p50_ms), group("p99", Figures::p99_ms)],
        mark: None,
    };
    chart.svg()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::super::machine::tests::quiet;
    use super::*;

    pub(crate) fn measured() -> Scale {
        let population = |users: u64, p99_us: u64| {
            let creation = Creation {
                took_us: 1000 * users,
                cpu_us: 700 * users,
                memory_bytes: 100 << 20,
                open_files: 900,
                disk_bytes: users * 20 * 1024,
                left_over: 0,
            };
            let figures = |p99_us| Figures { requests: 4000, took_us: 1_000_000, p99_us, ..Figures::default() };
            let mixes = [p99_us, 10 * p99_us, p99_us / 10];
            let mixes = mixes.map(|p99_us| Mix { figures: figures(p99_us), open_files: 800 });
            Measured { users, creation, mixes: mixes.into() }
        };
        let machine = quiet();
        Scale { machine, seconds: 1, few: population(1000, 2000), many: population(100_000, 5000) }
    }

    #[test]
    fn populations_stand_side_by_side() {
        let table = table(&measured());
        for row in [
            "| | 1,000 users | 100,000 users | asked |",
            "| made, users/s | 1,000 | 1,000 |  |",
            "| CPU, µs a user made | 700 | 700 |  |",
            "| disk, KiB a user with one note | 20.0 | 20.0 | under 24 |",
            "| mix, requests/s | 4,000 | 4,000 |  |",
            "| mix, p99, ms | 2.00 | 5.00 |  |",
            "| mix, p99, as a multiple of that with few users, in the same round |  | 2.50 | at most 3 |",
            "| mix, open files | 800 | 800 |  |",
        ] {
            assert!(table.lines().any(|line| line == row), "{row} in {table}");
        }
    }

    #[test]
    fn the_picture_has_both_populations() {
        let svg = chart(&measured());
        for word in ["1,000 users", "100,000 users", "2.00 ms", "5.00 ms"] {
            assert!(svg.contains(word), "{word} in {svg}");
        }
    }
}
