//! A label as a file's name, for engines that make the file themselves.
//!
//! The label and `.db`. File systems take 255 bytes, and SQLite adds `-journal`: a label over 200 bytes becomes
//! `user-~~` and its SHA-256 in hex, which no label is, and stands in full in the database's table `_ownbase_label`,
//! from which whoever lists users reads it.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use crate::{Label, Sql, Statement, Value};

const MAX_LABEL_BYTES: usize = 200;

const TABLE: Sql = Sql::create(
    "CREATE TABLE IF NOT EXISTS _ownbase_label (label TEXT PRIMARY KEY NOT NULL)",
    "CREATE TABLE IF NOT EXISTS u._ownbase_label (label TEXT PRIMARY KEY NOT NULL)",
);
const ROW: Sql = Sql::new("INSERT OR IGNORE INTO _ownbase_label (label) VALUES (?1)");

/// The name of the label's file, without a folder.
pub(super) fn file_name(label: &Label) -> String {
    if !is_shortened(label) {
        return format!("{}.db", label.as_str());
    }
    let mut name = String::from("user-~~");
    for byte in Sha256::digest(label.as_str()) {
        // Writing to a String cannot fail.
        let _ = write!(name, "{byte:02x}");
    }
    name + ".db"
}

/// The parameters of [`label_statements`]; none for a label that is its own file's name.
pub(super) fn label_row(label: &Label) -> Option<[Value; 1]> {
    is_shortened(label).then(|| [Value::Text(label.as_str().into())])
}

/// What keeps a shortened label inside the database; to run with whatever makes the file.
pub(super) fn label_statements(row: &[Value; 1]) -> [Statement<'_>; 2] {
    [Statement { sql: TABLE, params: &[] }, Statement { sql: ROW, params: row }]
}

fn is_shortened(label: &Label) -> bool {
    label.as_str().len() > MAX_LABEL_BYTES
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{file_name, label_row};
    use crate::{Label, UserId};

    fn label(id: &str) -> Label {
        Label::from(&UserId::parse(id).unwrap())
    }

    #[test]
    fn a_label_is_its_file_s_name() {
        assert_eq!(file_name(&label("John")), "user-~4aohn.db");
        assert!(label_row(&label("John")).is_none());
    }

    #[test]
    fn a_long_label_is_hashed_and_kept() {
        // 5 + 3 × 65 = 200 bytes, and one more.
        let (longest, longer) = (label(&"A".repeat(65)), label(&("A".repeat(65) + "a")));
        assert_eq!(file_name(&longest), format!("{}.db", longest.as_str()));
        assert_eq!(
            file_name(&longer),
            // printf 'user-%sa' "$(printf '~41%.0s' $(seq 65))" | sha256sum
            "user-~~69ded2c2975900a49ecafebc74be2b53ce8592593f71113561971095158473fd.db"
        );
        assert_eq!(label_row(&longer).unwrap()[0], crate::Value::Text(longer.as_str().into()));
        assert!(Label::parse("user-~~").is_none());
    }
}
