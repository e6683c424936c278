//! What a roll-out is to do.

use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// What to do with every user's database, and how.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Plan {
    /// What to do.
    pub(crate) action: Action,
    /// Databases worked on at once; `None` where whoever does the work knows best.
    pub(crate) jobs: Option<u16>,
    /// How many are to succeed before the rest is begun.
    pub(crate) canary: Option<Canary>,
    /// What follows on a failure.
    pub(crate) on_error: OnError,
}

/// What is done with a database that is behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Action {
    /// It is counted.
    Status,
    /// It is copied, and the copy is migrated and thrown away.
    DryRun,
    /// It is migrated.
    Migrate,
}

/// What follows on a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum OnError {
    /// No further database is begun
    Stop,
    /// All others are migrated
    Continue,
}

/// How many databases go first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Canary {
    /// So many.
    Count(u64),
    /// So many of a hundred of all databases.
    Percent(u8),
}

impl Canary {
    /// Of `all` databases; one at least.
    pub(crate) fn of(self, all: u64) -> u64 {
        match self {
            Self::Count(count) => count,
            Self::Percent(percent) => all.saturating_mul(percent.into()).div_ceil(100).max(1),
        }
    }
}

impl FromStr for Canary {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let expected = "write a number from 1, or 1% to 100%";
        match text.strip_suffix('%') {
            Some(percent) => {
                percent.parse().ok().filter(|percent| (1..=100).contains(percent)).map(Self::Percent).ok_or(expected)
            }
            None => text.parse().ok().filter(|count| *count > 0).map(Self::Count).ok_or(expected),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Canary;

    #[test]
    fn canaries_are_a_number_or_a_share() {
        assert_eq!("10".parse(), Ok(Canary::Count(10)));
        assert_eq!("1%".parse(), Ok(Canary::Percent(1)));
        for wrong in ["", "0", "0%", "101%", "-1", "1.5%", "%", "ten"] {
            assert!(wrong.parse::<Canary>().is_err(), "{wrong}");
        }
        assert_eq!((Canary::Percent(1).of(3), Canary::Percent(50).of(3), Canary::Percent(1).of(0)), (1, 2, 1));
        assert_eq!(Canary::Count(10).of(3), 10);
    }
}
