//! A picture of bars, as SVG: groups one below the other, a bar for each series, a thin line from its lowest to its highest
//! figure, its median in words. Made from figures alone, so the same figures give the same bytes.

use super::spread::{Spread, number};
use svg::Document;
use svg::node::element::{Line, Rectangle, Text};

const WIDTH: f64 = 760.0;
/// Where bars begin, and the longest ends.
const LEFT: f64 = 190.0;
const RIGHT: f64 = 640.0;
const BAR: f64 = 14.0;
const BETWEEN_BARS: f64 = 3.0;
const BETWEEN_GROUPS: f64 = 12.0;
/// Height of title and legend.
const TOP: f64 = 58.0;
const INK: &str = "#1f2328";

/// What is drawn. Every group has a bar for each series, or none where it was not measured.
pub(crate) struct Chart<'a> {
    pub(crate) title: &'a str,
    /// Follows every number.
    pub(crate) unit: &'a str,
    /// Names and colours.
    pub(crate) series: &'a [(&'a str, &'a str)],
    pub(crate) groups: Vec<(String, Vec<Option<Spread>>)>,
    /// Where a broken line goes down through all bars, and what it means.
    pub(crate) mark: Option<(f64, &'a str)>,
}

impl Chart<'_> {
    pub(crate) fn svg(&self) -> String {
        let height = self.groups.iter().fold(TOP, |y, (_, bars)| y + group_height(bars.len()));
        let mut document = Document::new()
            .set("viewBox", format!("0 0 {WIDTH} {height}"))
            .set("width", WIDTH)
            .set("height", height)
            .set("role", "img")
            .set("aria-label", self.title)
            .set("font-family", "system-ui, sans-serif")
            .set("font-size", 12)
            .set("fill", INK)
            .add(Rectangle::new().set("width", "100%").set("height", "100%").set("rx", 6).set("fill", "#ffffff"))
            .add(text(16.0, 24.0, self.title).set("font-size", 15).set("font-weight", 600));
        for (index, (name, colour)) in self.series.iter().enumerate() {
            let x = legend(index);
            document = document.add(bar(x, 35.0, BAR, colour)).add(text(x + 18.0, 47.0, name));
        }
        let highest = self.groups.iter().flat_map(|(_, bars)| bars).flatten().map(|bar| bar.high);
        let scale = (RIGHT - LEFT) / highest.chain(self.mark.map(|(value, _)| value)).fold(f64::MIN_POSITIVE, f64::max);
        let mut y = TOP;
        for (label, bars) in &self.groups {
            let middle = y + (group_height(bars.len()) - BETWEEN_GROUPS) / 2.0 + 4.0;
            document = document.add(text(LEFT - 10.0, middle, label).set("text-anchor", "end"));
            for (line, (figure, (_, colour))) in (0..).zip(bars.iter().zip(self.series)) {
                let top = y + f64::from(line) * (BAR + BETWEEN_BARS);
                let Some(figure) = figure else { continue };
                let [low, end, high] = [figure.low, figure.median, figure.high].map(|value| LEFT + value * scale);
                let said = format!("{}{}", short(figure.median), self.unit);
                document = document
                    .add(bar(LEFT, top, end - LEFT, colour))
                    .add(rule(low, top + BAR / 2.0, high, top + BAR / 2.0))
                    .add(text(end.max(high) + 6.0, top + BAR - 3.0, &said));
            }
            y += group_height(bars.len());
        }
        if let Some((value, name)) = self.mark {
            let (x, said) = (LEFT + value * scale, legend(self.series.len()));
            document = document
                .add(broken(x, TOP - 4.0, x, height - 8.0))
                .add(broken(said, 42.0, said + 14.0, 42.0))
                .add(text(said + 18.0, 47.0, name));
        }
        format!("{document}\n")
    }
}

/// Where the legend has its words on a series.
fn legend(index: usize) -> f64 {
    16.0 + 120.0 * index as f64
}

/// With as many decimals as tell something.
pub(crate) fn short(value: f64) -> String {
    let decimals = match value {
        100.0.. => 0,
        10.0.. => 1,
        _ => 2,
    };
    number(value, decimals)
}

fn group_height(bars: usize) -> f64 {
    bars as f64 * (BAR + BETWEEN_BARS) + BETWEEN_GROUPS
}

fn bar(x: f64, y: f64, width: f64, colour: &str) -> Rectangle {
    Rectangle::new()
        .set("x", rounded(x))
        .set("y", rounded(y))
        .set("width", rounded(width))
        .set("height", BAR)
        .set("fill", colour)
}

fn rule(x1: f64, y1: f64, x2: f64, y2: f64) -> Line {
    Line::new()
        .set("x1", rounded(x1))
        .set("y1", rounded(y1))
        .set("x2", rounded(x2))
        .set("y2", rounded(y2))
        .set("stroke", INK)
}

fn broken(x1: f64, y1: f64, x2: f64, y2: f64) -> Line {
    rule(x1, y1, x2, y2).set("stroke-dasharray", "4 3")
}

fn text(x: f64, y: f64, said: &str) -> Text {
    Text::new(said).set("x", rounded(x)).set("y", rounded(y))
}

/// A tenth of a pixel is finer than anyone sees.
fn rounded(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart() -> Chart<'static> {
        let figure = |median: f64| Some(Spread { low: median - 10.0, median, high: median + 50.0 });
        Chart {
            title: "Reads & writes",
            unit: " %",
            series: &[("ownbase", "#0000ff"), ("native", "#00ff00")],
            groups: vec![("list".to_owned(), vec![figure(100.0), figure(400.0)]), ("one".to_owned(), vec![None])],
            mark: Some((100.0, "as native")),
        }
    }

    #[test]
    fn bars_are_as_long_as_their_figures() {
        let svg = chart().svg();
        // The highest figure, 450, takes 450 pixels.
        assert!(svg.contains(r##"<rect fill="#0000ff" height="14" width="100" x="190" y="58"/>"##), "{svg}");
        assert!(svg.contains(r##"<rect fill="#00ff00" height="14" width="400" x="190" y="75"/>"##), "{svg}");
        assert!(svg.contains(r##"x1="280" x2="340" y1="65" y2="65""##), "{svg}");
        assert!(svg.contains(r##"x1="290" x2="290""##), "the mark: {svg}");
        assert_eq!(svg.matches("<rect").count(), 5, "a ground, two of the legend, two bars: {svg}");
    }

    #[test]
    fn words_are_escaped_and_medians_written() {
        let svg = chart().svg();
        assert!(svg.contains("Reads &amp; writes"), "{svg}");
        assert!(!svg.contains("Reads & writes"), "{svg}");
        for word in ["ownbase", "native", "as native", "list", "100 %", "400 %"] {
            assert!(svg.contains(word), "{word} in {svg}");
        }
        assert_eq!(svg, chart().svg());
    }

    #[test]
    fn small_figures_have_decimals() {
        assert_eq!([0.123, 9.94, 42.35, 40_000.4].map(short), ["0.12", "9.94", "42.4", "40,000"]);
    }
}
