//! A function's argument as text, as SQLite takes it: a blob's bytes as they are, a number as SQLite writes it.

use rusqlite::{Connection, functions::Context, types::ValueRef};
use std::{
    borrow::Cow,
    sync::{LazyLock, Mutex, PoisonError},
};

/// An argument's bytes, valid UTF-8 or not; `None` for NULL.
pub(super) fn text<'a>(context: &'a Context<'_>, argument: usize) -> rusqlite::Result<Option<Cow<'a, [u8]>>> {
    Ok(Some(match context.get_raw(argument) {
        ValueRef::Null => return Ok(None),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Cow::Borrowed(bytes),
        ValueRef::Integer(integer) => Cow::Owned(integer.to_string().into_bytes()),
        ValueRef::Real(real) => Cow::Owned(written(real)?.into_bytes()),
    }))
}

/// A number as SQLite writes it, which no other library does to the last digit: SQLite itself is asked.
fn written(real: f64) -> rusqlite::Result<String> {
    static SQLITE: LazyLock<rusqlite::Result<Mutex<Connection>>> =
        LazyLock::new(|| Connection::open_in_memory().map(Mutex::new));
    match &*SQLITE {
        Ok(sqlite) => {
            let sqlite = sqlite.lock().unwrap_or_else(PoisonError::into_inner);
            sqlite.prepare_cached("SELECT CAST(?1 AS TEXT)")?.query_row([real], |row| row.get(0))
        }
        Err(_) => Err(rusqlite::Error::InvalidQuery),
    }
}

/// Up to the first NUL, where SQLite's C strings end.
pub(super) fn until_nul(bytes: &[u8]) -> &[u8] {
    memchr::memchr(0, bytes).and_then(|end| bytes.get(..end)).unwrap_or(bytes)
}

/// Whether a byte goes on with the character that an earlier one began.
pub(super) fn continues(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}

/// The characters of a text, as SQLite reads them.
pub(super) struct Characters<'a>(pub(super) &'a [u8]);

impl Iterator for Characters<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let (character, bytes) = first(self.0)?;
        self.0 = self.0.get(bytes..).unwrap_or_default();
        Some(character)
    }
}

/// The first character and its bytes: from 0xc0 on a byte takes with it all that continue it.
pub(super) fn first(text: &[u8]) -> Option<(u32, usize)> {
    let (head, rest) = text.split_first()?;
    if *head < 0xc0 {
        return Some((u32::from(*head), 1));
    }
    let mut character = u32::from(match head {
        0xc0..=0xdf => head & 0x1f,
        0xe0..=0xef => head & 0x0f,
        0xf0..=0xf7 => head & 0x07,
        0xf8..=0xfb => head & 0x03,
        0xfd => 1,
        _ => 0,
    });
    let mut bytes = 1;
    for byte in rest.iter().take_while(|byte| continues(**byte)) {
        character = (character << 6).wrapping_add(u32::from(byte & 0x3f));
        bytes += 1;
    }
    if character < 0x80 || character & 0xffff_f800 == 0xd800 {
        character = 0xfffd;
    }
    Some((character, bytes))
}
