//! The table: each load's medians on every engine, and its throughput as a share of the native server's.

use super::load::{Load, Measured};
use super::server::Engine;
use std::fmt;

#[derive(Default)]
pub(crate) struct Report(Vec<(Load, Engine, Measured)>);

impl Report {
    pub(crate) fn add(&mut self, load: Load, engine: Engine, measured: Measured) {
        self.0.push((load, engine, measured));
    }

    /// The median over all rounds of a figure.
    fn median(&self, load: Load, engine: Engine, figure: fn(&Measured) -> f64) -> f64 {
        let runs = self.0.iter().filter(|(l, e, _)| (*l, *e) == (load, engine));
        let mut figures: Vec<f64> = runs.map(|(_, _, measured)| figure(measured)).collect();
        figures.sort_by(f64::total_cmp);
        figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
    }
}

fn rate(measured: &Measured) -> f64 {
    measured.requests as f64 / measured.took.as_secs_f64()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| load | engine | requests/s | to native | p99, ms | CPU, µs a request | resident, MiB |")?;
        writeln!(f, "| --- | --- | ---: | ---: | ---: | ---: | ---: |")?;
        for load in Load::ALL {
            for engine in Engine::ALL {
                let median = |figure| self.median(load, engine, figure);
                let share = median(rate) / self.median(load, Engine::Native, rate);
                writeln!(
                    f,
                    "| {:<22} | {engine:<7} | {:>6.0} | {:>4.0} % | {:>6.1} | {:>6.0} | {:>4.0} |",
                    load.name(),
                    median(rate),
                    100.0 * share,
                    median(|m| m.p99.as_secs_f64() * 1e3),
                    median(|m| m.cpu.as_secs_f64() * 1e6 / m.requests as f64),
                    median(|m| m.memory_bytes as f64 / f64::from(1 << 20)),
                )?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn measured(requests: u64) -> Measured {
        Measured {
            requests,
            took: Duration::from_secs(2),
            p99: Duration::from_micros(1500),
            cpu: Duration::from_millis(requests),
            memory_bytes: 64 << 20,
        }
    }

    #[test]
    fn medians_stand_side_by_side() {
        let mut report = Report::default();
        for (own, native) in [(100, 150), (90, 900), (700, 200)] {
            report.add(Load::List, Engine::Ownbase, measured(own));
            report.add(Load::List, Engine::Native, measured(native));
            report.add(Load::List, Engine::Workerd, measured(native / 2));
        }
        let table = report.to_string();
        let rows: Vec<_> = table.lines().skip(2).take(3).collect();
        assert_eq!(rows[0], "| GET a list of 10 notes | ownbase |     50 |   50 % |    1.5 |   1000 |   64 |");
        assert_eq!(rows[1], "| GET a list of 10 notes | native  |    100 |  100 % |    1.5 |   1000 |   64 |");
        assert_eq!(rows[2], "| GET a list of 10 notes | workerd |     50 |   50 % |    1.5 |   1000 |   64 |");
    }
}
