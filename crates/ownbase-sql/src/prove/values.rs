//! Values for generated rows: what fits the column mostly, what SQLite lets pass besides, and what CHECKs speak of.

use fastrand::Rng;
use rusqlite::types::Value;

use crate::generate::rebuild::{Affinity, affinity};
use crate::schema::definition::{Column, Definition, Rule};
use crate::schema::text::{form_of, quote};

/// Texts that people's CHECKs and queries look for.
const TEXTS: [&str; 12] = [
    "",
    "a",
    "Zoë",
    "it's",
    "007",
    "1.50",
    "ann@example.org",
    "2026-01-31",
    "2026-01-31T10:20:30Z",
    "{}",
    "[1, 2]",
    "note_abcdefghijklmnop",
];

/// A value for a column of a row to be inserted.
pub(crate) fn value(column: &Column, table: &Definition, random: &mut Rng) -> Value {
    if column.not_null.is_none() && random.u8(0..5) == 0 {
        return Value::Null;
    }
    let constants = constants(column, table);
    if !constants.is_empty() && random.u8(0..3) == 0 {
        return near(constants[random.usize(0..constants.len())], random);
    }
    let affinity = if !table.strict && random.u8(0..12) == 0 { any(random) } else { affinity(column, table) };
    match affinity {
        Affinity::Integer => integer(random),
        Affinity::Text => text(random),
        Affinity::Blob if table.strict || random.bool() => Value::Blob((0..random.u8(0..9)).collect()),
        Affinity::Real => Value::Real(f64::from(random.i32(-1000..1000)) / 8.0),
        Affinity::Blob => text(random),
        Affinity::Numeric if random.bool() => integer(random),
        Affinity::Numeric => text(random),
    }
}

fn any(random: &mut Rng) -> Affinity {
    [Affinity::Integer, Affinity::Text, Affinity::Blob, Affinity::Real][random.usize(0..4)]
}

fn integer(random: &mut Rng) -> Value {
    Value::Integer(match random.u8(0..6) {
        0 => random.i64(0..2),
        1 => random.i64(-1_000_000_000_000..1_000_000_000_000),
        _ => random.i64(0..100),
    })
}

fn text(random: &mut Rng) -> Value {
    // Often enough for two rows to have the same.
    if random.bool() {
        return Value::Text(TEXTS[random.usize(0..TEXTS.len())].into());
    }
    Value::Text((0..random.usize(1..9)).map(|_| random.lowercase()).collect())
}

/// The numbers and strings in the CHECKs that speak of a column.
fn constants<'a>(column: &Column, table: &'a Definition) -> Vec<&'a String> {
    let name = form_of(&quote(&column.key()));
    let checks = table.constraints.iter().filter_map(|constraint| match &constraint.rule {
        Rule::Check { constants } if constraint.form.split(' ').any(|word| word.trim_matches(['(', ')']) == name) => {
            Some(constants)
        }
        _ => None,
    });
    checks.flatten().collect()
}

/// A value that a CHECK with this constant may ask for: itself, one more or less, or a text that long.
fn near(constant: &str, random: &mut Rng) -> Value {
    if let Some(inner) = constant.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
        return Value::Text(inner.replace("''", "'"));
    }
    let number: i64 = constant.parse().unwrap_or(1);
    let near = number.saturating_add(random.i64(-1..=1));
    match usize::try_from(near) {
        Ok(length @ 0..=256) if random.bool() => Value::Text((0..length).map(|_| random.lowercase()).collect()),
        _ => Value::Integer(near),
    }
}
