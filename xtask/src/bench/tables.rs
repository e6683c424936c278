//! The figures as Markdown: medians of all rounds, with the lowest and the highest where that is told.

use super::case::{CONNECTIONS, Case};
use super::chart::short;
use super::contender::Contender;
use super::measurements::{Figures, Measurements};
use super::spread::{Spread, number};
use std::fmt::Write;

/// Everything, for the terminal.
pub(crate) fn side_by_side(measured: &Measurements) -> String {
    let mut text = format!("{}\n\n", conditions(measured));
    if Case::alone().any(|case| measured.has(case, CONNECTIONS)) {
        text += &format!("{}\n", summary(measured));
    }
    for case in Case::alone().filter(|case| !measured.connections(*case).is_empty()) {
        text += &format!("{}\n\n{}\n", case.title(), one_case(measured, case));
    }
    if measured.has(Case::GetListBeside, CONNECTIONS) {
        text += &format!("{}\n", neighbours(measured));
    }
    text
}

/// A line that says how the figures were taken.
pub(crate) fn conditions(measured: &Measurements) -> String {
    let Measurements { machine, seconds, rounds, .. } = measured;
    format!("Medians of {rounds} rounds of {seconds} s, `wrk` on the same {machine}.")
}

/// All cases with 32 connections.
pub(crate) fn summary(measured: &Measurements) -> String {
    let mut table = format!(
        "| {CONNECTIONS} connections | ownbase, requests/s | to native | CPU to native | p99, ms | MiB | native, \
         requests/s | workerd, to native |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n"
    );
    for case in Case::alone().filter(|case| measured.has(*case, CONNECTIONS)) {
        let figure = |contender, figure: fn(&Figures) -> f64| measured.spread(case, CONNECTIONS, contender, figure);
        let share = |contender, figure: fn(&Figures) -> f64| measured.to_native(case, CONNECTIONS, contender, figure);
        let row = [
            case.title().to_owned(),
            whole(figure(Contender::Ownbase, Figures::rate)),
            percent(share(Contender::Ownbase, Figures::rate)),
            percent(share(Contender::Ownbase, Figures::cpu_per_request)),
            middle(figure(Contender::Ownbase, Figures::p99_ms)),
            whole(figure(Contender::Ownbase, Figures::memory_mib)),
            whole(figure(Contender::Native, Figures::rate)),
            percent(share(Contender::Workerd, Figures::rate)),
        ];
        line(&mut table, &row);
    }
    table
}

/// One case with every number of connections.
pub(crate) fn one_case(measured: &Measurements, case: Case) -> String {
    let mut table = "| connections | | requests/s | lowest–highest | to native | p50, ms | p99, ms | lowest–highest | \
                     CPU, µs | MiB |\n| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n"
        .to_owned();
    for connections in measured.connections(case) {
        for contender in Contender::ALL {
            let figure = |figure: fn(&Figures) -> f64| measured.spread(case, connections, contender, figure);
            let row = [
                connections.to_string(),
                contender.name().to_owned(),
                whole(figure(Figures::rate)),
                ends(figure(Figures::rate), |value| number(value, 0)),
                percent(measured.to_native(case, connections, contender, Figures::rate)),
                middle(figure(Figures::p50_ms)),
                middle(figure(Figures::p99_ms)),
                ends(figure(Figures::p99_ms), short),
                whole(figure(Figures::cpu_per_request)),
                whole(figure(Figures::memory_mib)),
            ];
            line(&mut table, &row);
        }
    }
    table
}

/// What others notice of one slow user.
pub(crate) fn neighbours(measured: &Measurements) -> String {
    let mut table =
        "| | alone: p50, ms | p99, ms | beside a slow user: p50, ms | p99, ms | lowest–highest | her answers \
                     a second |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: |\n"
            .to_owned();
    for contender in Contender::ALL {
        let alone = |figure: fn(&Figures) -> f64| measured.spread(Case::GetList, CONNECTIONS, contender, figure);
        let beside = |figure: fn(&Figures) -> f64| measured.spread(Case::GetListBeside, CONNECTIONS, contender, figure);
        // Her connection is busy one second longer than theirs.
        let hers = |run: &Figures| run.slow_requests.unwrap_or_default() as f64 * 1e6 / (run.took_us as f64 + 1e6);
        let row = [
            contender.name().to_owned(),
            middle(alone(Figures::p50_ms)),
            middle(alone(Figures::p99_ms)),
            middle(beside(Figures::p50_ms)),
            middle(beside(Figures::p99_ms)),
            ends(beside(Figures::p99_ms), short),
            middle(measured.spread(Case::GetListBeside, CONNECTIONS, contender, hers)),
        ];
        line(&mut table, &row);
    }
    table
}

/// A row of a table.
pub(crate) fn line(table: &mut String, cells: &[String]) {
    // A String takes all that is written to it.
    let _ = writeln!(table, "| {} |", cells.join(" | "));
}

/// What stands where nothing was measured.
const NOTHING: &str = "–";

fn told(figure: Option<Spread>, tell: impl Fn(Spread) -> String) -> String {
    figure.map_or_else(|| NOTHING.to_owned(), tell)
}

fn whole(figure: Option<Spread>) -> String {
    told(figure, |figure| number(figure.median, 0))
}

pub(crate) fn middle(figure: Option<Spread>) -> String {
    told(figure, |figure| short(figure.median))
}

fn percent(figure: Option<Spread>) -> String {
    told(figure, |figure| format!("{} %", number(100.0 * figure.median, 0)))
}

fn ends(figure: Option<Spread>, tell: impl Fn(f64) -> String) -> String {
    told(figure, |figure| format!("{}–{}", tell(figure.low), tell(figure.high)))
}

#[cfg(test)]
mod tests {
    use super::super::measurements::tests::measured;
    use super::*;

    #[test]
    fn a_case_has_a_row_for_each_contender() {
        let table = one_case(&measured(&[(50, 150), (1200, 1000), (700, 700)]), Case::GetList);
        let rows: Vec<_> = table.lines().skip(2).collect();
        assert_eq!(rows[0], "| 32 | ownbase | 700 | 50–1,200 | 100 % | 0.50 | 1.50 | 1.50–1.50 | 50 | 64 |");
        assert_eq!(rows[1], "| 32 | native | 700 | 150–1,000 | 100 % | 0.50 | 1.50 | 1.50–1.50 | 50 | 64 |");
        assert_eq!(rows[2], "| 32 | workerd | – | – | – | – | – | – | – | – |");
        assert_eq!(rows.len(), 3);
    }

    #[test]
    fn the_summary_has_what_was_measured() {
        let table = summary(&measured(&[(50, 100)]));
        let rows: Vec<_> = table.lines().skip(2).collect();
        assert_eq!(rows, ["| GET a list of 10 notes | 50 | 50 % | 100 % | 1.50 | 64 | 100 | – |"]);
    }

    #[test]
    fn the_terminal_gets_all_that_was_measured() {
        let text = side_by_side(&measured(&[(50, 100)]));
        assert!(text.starts_with("Medians of 1 rounds of 2 s, `wrk` on the same 2 processors (A CPU), Linux 6.18"));
        assert!(text.contains("\nGET a list of 10 notes\n\n| connections |"), "{text}");
        assert!(!text.contains("PATCH"), "{text}");
    }

    #[test]
    fn neighbours_are_compared() {
        let mut measured = measured(&[(50, 100)]);
        for mut run in measured.runs.clone() {
            run.case = Case::GetListBeside;
            run.figures.p99_us = 9000;
            run.figures.slow_requests = Some(30);
            measured.runs.push(run);
        }
        assert_eq!(summary(&measured).lines().count(), 3, "her work is not theirs");
        let table = neighbours(&measured);
        let row = table.lines().nth(2);
        assert_eq!(row, Some("| ownbase | 0.50 | 1.50 | 0.50 | 9.00 | 9.00–9.00 | 10.0 |"));
    }
}
