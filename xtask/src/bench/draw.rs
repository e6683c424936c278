//! `cargo xtask bench draw`: everything in docs/performance.md that was measured, made from the JSON files that stand in
//! docs/performance/: a picture for each table beside them, and the tables between marks in the text.
//!
//! Nothing is measured, so it gives the same bytes on every machine, and a test compares them with what is there.

use super::case::{CONNECTIONS, Case};
use super::chart::Chart;
use super::contender::Contender;
use super::measurements::{Figures, Measurements, read};
use super::scale::{self, Scale};
use super::spread::Spread;
use super::tables;
use anyhow::{Context, ensure};
use std::path::{Path, PathBuf};

const TEXT: &str = "docs/performance.md";
const FOLDER: &str = "docs/performance";
const COLOURS: [(&str, &str); 3] = [("ownbase", "#0969da"), ("native", "#6e7781"), ("workerd", "#d4a72c")];

pub(crate) fn run(root: &Path) -> anyhow::Result<()> {
    for (path, text) in drawn(root)? {
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// The files that are written, and what goes into them.
fn drawn(root: &Path) -> anyhow::Result<Vec<(PathBuf, String)>> {
    let folder = root.join(FOLDER);
    let measured: Measurements = read(&folder.join("side-by-side.json"))?;
    let scale: Scale = read(&folder.join("scale.json"))?;
    for case in Case::ALL {
        ensure!(measured.has(case, CONNECTIONS), "{} was not measured: measure all cases", case.title());
    }
    let text = std::fs::read_to_string(root.join(TEXT)).with_context(|| format!("cannot read {TEXT}"))?;
    let text = fill(&text, "summary", &summary(&measured))?;
    let text =
        fill(&text, "neighbours", &block("neighbours", "p99 beside a slow user", &tables::neighbours(&measured)))?;
    let text = fill(&text, "scale", &scale_block(&scale))?;
    let text = fill(&text, "cases", &cases(&measured))?;

    let svg = |name: &str| folder.join(name).with_extension("svg");
    let mut files = vec![
        (root.join(TEXT), text),
        (svg("summary"), summary_chart(&measured)),
        (svg("neighbours"), neighbours_chart(&measured)),
        (svg("scale"), scale::chart(&scale)),
    ];
    files.extend(Case::alone().map(|case| (svg(&file(case)), case_chart(&measured, case))));
    Ok(files)
}

/// Puts `inside` between the two marks with this name.
fn fill(text: &str, name: &str, inside: &str) -> anyhow::Result<String> {
    let (begin, end) = (format!("<!-- measured: {name} -->\n"), format!("<!-- end of {name} -->\n"));
    let (before, rest) = text.split_once(&begin).with_context(|| format!("{TEXT} has no line {}", begin.trim()))?;
    let (_, after) = rest.split_once(&end).with_context(|| format!("{TEXT} has no line {}", end.trim()))?;
    Ok(format!("{before}{begin}\n{inside}\n{end}{after}"))
}

/// A picture and its table.
fn block(file: &str, alternative: &str, table: &str) -> String {
    format!("![{alternative}](performance/{file}.svg)\n\n{table}")
}

fn summary(measured: &Measurements) -> String {
    let alternative = "Requests a second, as a share of the native server's";
    format!("{}\n\n{}", tables::conditions(measured), block("summary", alternative, &tables::summary(measured)))
}

fn scale_block(scale: &Scale) -> String {
    let alternative = "Time until an answer, with few users and with many";
    format!("{}\n\n{}", scale::conditions(scale), block("scale", alternative, &scale::table(scale)))
}

fn cases(measured: &Measurements) -> String {
    let sections = Case::alone().map(|case| {
        let alternative = format!("Requests a second: {}", case.title());
        let block = block(&file(case), &alternative, &tables::one_case(measured, case));
        format!("### {}\n\n{}\n\n{block}", case.title(), case.meaning())
    });
    sections.collect::<Vec<_>>().join("\n")
}

/// The name of a case's picture, without its ending.
fn file(case: Case) -> String {
    let words = case.title().replace('%', "percent").to_lowercase();
    let words: Vec<_> = words.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    words.join("-")
}

fn case_chart(measured: &Measurements, case: Case) -> String {
    let title = format!("{}: requests a second", case.title());
    let groups = measured.connections(case).into_iter().map(|connections| {
        let name = if connections == 1 { "1 connection".to_owned() } else { format!("{connections} connections") };
        (name, Contender::ALL.map(|one| measured.spread(case, connections, one, Figures::rate)).to_vec())
    });
    Chart { title: &title, unit: "", series: &COLOURS, groups: groups.collect(), mark: None }.svg()
}

fn summary_chart(measured: &Measurements) -> String {
    let percent = |share: Spread| share.times(100.0);
    let share = |case, one| measured.to_native(case, CONNECTIONS, one, Figures::rate).map(percent);
    let groups = Case::alone().map(|case| {
        let bars = [share(case, Contender::Ownbase), share(case, Contender::Workerd)];
        (case.title().to_owned(), bars.to_vec())
    });
    let title = format!("Requests a second at {CONNECTIONS} connections, as a share of the native server's");
    let series = [COLOURS[0], COLOURS[2]];
    Chart { title: &title, unit: " %", series: &series, groups: groups.collect(), mark: Some((100.0, "native")) }.svg()
}

fn neighbours_chart(measured: &Measurements) -> String {
    let groups = Contender::ALL.map(|one| {
        let p99 = |case| measured.spread(case, CONNECTIONS, one, Figures::p99_ms);
        (one.name().to_owned(), vec![p99(Case::GetList), p99(Case::GetListBeside)])
    });
    let chart = Chart {
        title: "p99 of a list of 10 notes, alone and beside a user who asks for 8 MiB of text",
        unit: " ms",
        series: &[("alone", "#6e7781"), ("beside", "#cf222e")],
        groups: groups.to_vec(),
        mark: None,
    };
    chart.svg()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_between_the_marks_is_replaced() -> anyhow::Result<()> {
        let text = "a\n<!-- measured: x -->\n\nold\n\n<!-- end of x -->\nb\n";
        let new = fill(text, "x", "new\n")?;
        assert_eq!(new, "a\n<!-- measured: x -->\n\nnew\n\n<!-- end of x -->\nb\n");
        assert_eq!(fill(&new, "x", "new\n")?, new);
        let error = fill(text, "y", "").err().map(|error| error.to_string());
        assert_eq!(error.as_deref(), Some("docs/performance.md has no line <!-- measured: y -->"));
        Ok(())
    }

    #[test]
    fn files_are_named_after_their_cases() {
        assert_eq!(file(Case::PostManyUsers), "post-1-000-users");
        assert_eq!(file(Case::Mix), "90-percent-reads-10-percent-writes");
    }

    #[test]
    fn the_documentation_is_drawn_from_its_figures() -> anyhow::Result<()> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask stands in no repository")?;
        for (path, text) in drawn(root)? {
            let there = std::fs::read_to_string(&path).with_context(|| format!("no {}", path.display()))?;
            assert!(there == text, "{} is not what `cargo xtask bench draw` makes of the figures", path.display());
        }
        Ok(())
    }
}
