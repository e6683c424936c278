//! `concat` and `concat_ws`: the values that are not NULL, one after another; refused before they are copied if too large.

use super::{
    Answer,
    argument::text,
    pace::{Pace, check_size},
};
use rusqlite::{Error, functions::Context};
use std::borrow::Cow;

/// `concat(value, …)`.
pub(super) fn concat(context: &Context<'_>, pace: &Pace) -> rusqlite::Result<Answer> {
    if context.is_empty() {
        return Err(wrong_number("concat"));
    }
    joined(context, 0, b"", pace)
}

/// `concat_ws(separator, value, …)`.
pub(super) fn concat_ws(context: &Context<'_>, pace: &Pace) -> rusqlite::Result<Answer> {
    if context.len() < 2 {
        return Err(wrong_number("concat_ws"));
    }
    match text(context, 0)? {
        Some(separator) => joined(context, 1, &separator, pace),
        None => Ok(Answer::Null),
    }
}

fn joined(context: &Context<'_>, first: usize, separator: &[u8], pace: &Pace) -> rusqlite::Result<Answer> {
    let values = (first..context.len()).filter_map(|argument| text(context, argument).transpose());
    let values = values.collect::<rusqlite::Result<Vec<Cow<'_, [u8]>>>>()?;
    let between = separator.len() * values.len().saturating_sub(1);
    let bytes = values.iter().map(|value| value.len()).sum::<usize>() + between;
    check_size(bytes)?;
    pace.work(bytes)?;
    Ok(Answer::Text(values.join(separator)))
}

/// As SQLite says it while it prepares a statement; here the statement says it when it runs.
fn wrong_number(name: &str) -> Error {
    let message = format!("wrong number of arguments to function {name}()");
    Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_ERROR), Some(message))
}
