//! `checksums`: the list of released migrations, which must never change again, since users' databases have them.
//!
//! One line a file, `<64 hex digits>  <file name>`, as `sha256sum *.sql` prints it. Empty lines and lines that begin
//! with `#` are passed over. A migration that is not listed is not released yet and may still change.

use std::fmt::Write;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::fault::Fault;

/// A released file and what it must still be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Released<'a> {
    pub(crate) checksum: &'a str,
    pub(crate) file: &'a str,
}

/// Reads the list; a line that cannot be read is a fault.
pub(crate) fn released<'a>(path: &Path, list: &'a str, faults: &mut Vec<Fault>) -> Vec<Released<'a>> {
    let mut released = Vec::new();
    for (index, line) in list.lines().enumerate() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match line.split_once("  ") {
            Some((checksum, file)) if is_checksum(checksum) => released.push(Released { checksum, file }),
            _ => faults.push(Fault {
                path: path.into(),
                line: Some(index + 1),
                column: None,
                message: "expected 64 lower-case hex digits, two spaces and a file name".into(),
            }),
        }
    }
    released
}

fn is_checksum(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// SHA-256 in lower-case hex.
pub(crate) fn checksum(content: &[u8]) -> String {
    Sha256::digest(content).iter().fold(String::new(), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
