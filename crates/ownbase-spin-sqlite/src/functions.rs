//! SQL functions of our own, in place of SQLite's that take too long in one call.
//!
//! SQLite looks at the clock between its instructions, and a call of a function is one instruction. SQLite's `instr`,
//! `replace`, `trim`, `ltrim` and `rtrim` compare every place with the whole pattern: a call on two values of 1 MB takes
//! minutes, and so does `unhex` with a second argument. `LIKE` and `GLOB` take tenths of a second on one of 2 MB. `concat` and `concat_ws` build up to 250 MB before
//! SQLite looks at the limit. The functions here give the same results, take time in proportion to their values, look at the
//! clock as they go, and make no value above the limit.
//!
//! Deterministic and innocuous: indexes, CHECK constraints and generated columns that were made with SQLite's functions go on
//! working. One difference is not in the result: SQLite uses an index for `LIKE 'abc%'` and `GLOB 'abc*'` with its own
//! functions only.
//!
//! <https://sqlite.org/lang_corefunc.html>, <https://sqlite.org/c3ref/create_function.html>

mod argument;
mod concat;
mod pace;
mod pattern;
mod search;
mod trim;
mod unhex;

use crate::clock::Clock;
use pace::Pace;
use rusqlite::{
    Connection, ToSql,
    functions::{Context, FunctionFlags},
    types::{ToSqlOutput, ValueRef},
};
use std::sync::Arc;

/// What a function answers.
enum Answer {
    Null,
    Integer(i64),
    Text(Vec<u8>),
    Blob(Vec<u8>),
}

/// Replaces SQLite's functions on a connection; they stop when `clock` says so.
pub(crate) fn register(sqlite: &Connection, clock: &Arc<Clock>) -> rusqlite::Result<()> {
    add(sqlite, clock, "instr", &[2], search::instr)?;
    add(sqlite, clock, "replace", &[3], search::replace)?;
    add(sqlite, clock, "trim", &[1, 2], trim::both)?;
    add(sqlite, clock, "ltrim", &[1, 2], trim::left)?;
    add(sqlite, clock, "rtrim", &[1, 2], trim::right)?;
    add(sqlite, clock, "like", &[2, 3], pattern::like)?;
    add(sqlite, clock, "glob", &[2], pattern::glob)?;
    add(sqlite, clock, "unhex", &[2], unhex::unhex)?;
    add(sqlite, clock, "concat", &[ANY], concat::concat)?;
    add(sqlite, clock, "concat_ws", &[ANY], concat::concat_ws)
}

/// SQLite's word for any number of arguments.
const ANY: i32 = -1;

fn add(
    sqlite: &Connection,
    clock: &Arc<Clock>,
    name: &str,
    arguments: &[i32],
    function: fn(&Context<'_>, &Pace) -> rusqlite::Result<Answer>,
) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
    for count in arguments {
        let pace = Pace::new(clock.clone());
        sqlite.create_scalar_function(name, *count, flags, move |context| function(context, &pace))?;
    }
    Ok(())
}

impl ToSql for Answer {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Answer::Null => ValueRef::Null,
            Answer::Integer(integer) => ValueRef::Integer(*integer),
            Answer::Text(text) => ValueRef::Text(text),
            Answer::Blob(blob) => ValueRef::Blob(blob),
        }))
    }
}

#[cfg(test)]
mod tests;
