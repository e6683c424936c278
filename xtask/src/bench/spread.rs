//! The median of several figures, and how far they lie apart.

/// The lowest, the middle and the highest of some figures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    pub(crate) low: f64,
    pub(crate) median: f64,
    pub(crate) high: f64,
}

impl Spread {
    /// None of no figures. The median of an even number is the mean of the two in the middle.
    pub(crate) fn of(mut figures: Vec<f64>) -> Option<Self> {
        figures.sort_by(f64::total_cmp);
        let (low, high) = (*figures.first()?, *figures.last()?);
        let upper = *figures.get(figures.len() / 2)?;
        let lower = *figures.get((figures.len() - 1) / 2)?;
        Some(Self { low, median: lower.midpoint(upper), high })
    }

    /// In another unit.
    pub(crate) fn times(self, factor: f64) -> Self {
        Self { low: self.low * factor, median: self.median * factor, high: self.high * factor }
    }
}

/// With a comma between thousands, and `decimals` behind the point.
pub(crate) fn number(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_and_both_ends() {
        let spread = |low, median, high| Some(Spread { low, median, high });
        assert_eq!(Spread::of(vec![]), None);
        assert_eq!(Spread::of(vec![3.0]), spread(3.0, 3.0, 3.0));
        assert_eq!(Spread::of(vec![9.0, 1.0, 4.0]), spread(1.0, 4.0, 9.0));
        assert_eq!(Spread::of(vec![9.0, 1.0, 4.0, 2.0]), spread(1.0, 3.0, 9.0));
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!(number(999.4, 0), "999");
        assert_eq!(number(1000.0, 0), "1,000");
        assert_eq!(number(1_234_567.89, 1), "1,234,567.9");
        assert_eq!(number(0.25, 2), "0.25");
    }
}
