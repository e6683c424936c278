//! `unhex(text, between)`: the bytes that pairs of hexadecimal digits stand for. SQLite's own looks through all of `between` for
//! each character between two pairs.

use super::{
    Answer,
    argument::{Characters, first, text, until_nul},
    pace::Pace,
};
use rusqlite::functions::Context;
use std::collections::HashSet;

/// NULL for a text that is not made of pairs and of characters of `between`.
pub(super) fn unhex(context: &Context<'_>, pace: &Pace) -> rusqlite::Result<Answer> {
    let (Some(digits), Some(between)) = (text(context, 0)?, text(context, 1)?) else { return Ok(Answer::Null) };
    let mut admitted = HashSet::new();
    for character in Characters(&between) {
        pace.work(size_of::<u32>())?;
        admitted.insert(character);
    }
    let mut rest = until_nul(&digits);
    let mut bytes = Vec::new();
    while let Some((character, length)) = first(rest) {
        pace.work(length)?;
        let Some(high) = digit(rest.first()) else {
            if !admitted.contains(&character) {
                return Ok(Answer::Null);
            }
            rest = rest.get(length..).unwrap_or_default();
            continue;
        };
        let Some(low) = digit(rest.get(1)) else { return Ok(Answer::Null) };
        bytes.push(high << 4 | low);
        rest = rest.get(2..).unwrap_or_default();
    }
    Ok(Answer::Blob(bytes))
}

fn digit(byte: Option<&u8>) -> Option<u8> {
    let value = char::from(*byte?).to_digit(16)?;
    u8::try_from(value).ok()
}
