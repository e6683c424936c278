//! The cases that are measured: their names, and what they mean, as the documentation has it too.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// Notes in a list that is read.
pub(crate) const LISTED: u64 = 10;
/// Users of the cases with many.
pub(crate) const USERS: u64 = 1000;
/// Connections of the tables that show one figure a case.
pub(crate) const CONNECTIONS: u32 = 32;

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Case {
    GetList,
    GetListBeside,
    GetOne,
    PostOneUser,
    PostManyUsers,
    Patch,
    Mix,
    FirstAccess,
}

impl Case {
    /// In the order of the tables. The list beside a slow user follows the list alone, which it is compared with.
    pub(crate) const ALL: [Self; 8] = [
        Self::GetList,
        Self::GetListBeside,
        Self::GetOne,
        Self::PostOneUser,
        Self::PostManyUsers,
        Self::Patch,
        Self::Mix,
        Self::FirstAccess,
    ];

    /// Those with a table of their own. Beside a slow user the server's work is hers too: what others notice of her is in
    /// a table by itself.
    pub(crate) fn alone() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|case| *case != Self::GetListBeside)
    }

    /// As a row of a table has it.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::GetList => "GET a list of 10 notes",
            Self::GetListBeside => "GET a list, beside a slow user",
            Self::GetOne => "GET one note",
            Self::PostOneUser => "POST, one user",
            Self::PostManyUsers => "POST, 1,000 users",
            Self::Patch => "PATCH, one user",
            Self::Mix => "90 % reads, 10 % writes",
            Self::FirstAccess => "POST, each a new user",
        }
    }

    /// A sentence for who reads the table.
    pub(crate) fn meaning(self) -> &'static str {
        match self {
            Self::GetList => "One user's whole list, which has ten notes.",
            Self::GetListBeside => {
                "The same list, while another user's connection asks for 8 MiB of text, which is the most that an \
                 answer may hold, again and again."
            }
            Self::GetOne => "One note of one user.",
            Self::PostOneUser => "All connections write new notes to one user's database.",
            Self::PostManyUsers => {
                "The connections write new notes to 1,000 users in turn, who are more than the servers hold open."
            }
            Self::Patch => "All connections change one and the same note.",
            Self::Mix => {
                "1,000 users, some asked for far more often than others (Zipf, exponent 0.99, as in YCSB). Nine of ten \
                 requests read the first ten notes of a user, one of ten writes a new note."
            }
            Self::FirstAccess => {
                "Each request is a new user's first: a database is made, migrated, written to and on disk before the \
                 answer."
            }
        }
    }

    /// The numbers of connections it is measured with.
    pub(crate) fn connections(self, quick: bool) -> &'static [u32] {
        match self {
            Self::GetListBeside => &[CONNECTIONS],
            Self::FirstAccess if quick => &[1, CONNECTIONS],
            _ if quick => &[CONNECTIONS],
            _ => &[1, CONNECTIONS, 256],
        }
    }
}
