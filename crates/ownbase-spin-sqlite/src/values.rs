//! The interface's values and SQLite's, in both directions.

use crate::bindings::spin::sqlite::sqlite::{RowResult, Value};
use rusqlite::{
    Row, ToSql,
    types::{ToSqlOutput, ValueRef},
};

/// Bytes of a row that may be copied before the sizes of the rest are summed.
const COPIED_BYTES: usize = 4 << 10;

/// A row of so many columns, and about how many bytes it takes in memory. `admit` is asked about a large row before the row is
/// copied, with a size up to the row's.
pub(crate) fn row<E: From<rusqlite::Error>>(
    row: &Row<'_>,
    width: usize,
    admit: impl Fn(usize) -> Result<(), E>,
) -> Result<(RowResult, usize), E> {
    let mut values = Vec::with_capacity(width);
    let mut bytes = size_of::<RowResult>() + width * size_of::<Value>();
    let mut is_admitted = false;
    for column in 0..width {
        let value = row.get_ref(column)?;
        bytes += content_bytes(value);
        if bytes > COPIED_BYTES && !is_admitted {
            let mut all = bytes;
            admit(all)?;
            // One by one: to look at a value may take as much memory as the value.
            for later in column + 1..width {
                all += content_bytes(row.get_ref(later)?);
                admit(all)?;
            }
            is_admitted = true;
        }
        values.push(match value {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(integer) => Value::Integer(integer),
            ValueRef::Real(real) => Value::Real(real),
            ValueRef::Text(text) => Value::Text(self::text(text)),
            ValueRef::Blob(blob) => Value::Blob(blob.to_vec()),
        });
    }
    Ok((RowResult { values }, bytes))
}

fn content_bytes(value: ValueRef<'_>) -> usize {
    match value {
        ValueRef::Text(content) | ValueRef::Blob(content) => content.len(),
        ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) => 0,
    }
}

/// SQLite does not check that text is UTF-8; a guest can store what is not by CAST.
fn text(bytes: &[u8]) -> String {
    // To check and copy what is well-formed is several times faster than to mend as one copies.
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes).into_owned(), str::to_owned)
}

/// Binds a value without copying it.
pub(crate) struct Parameter<'a>(pub(crate) &'a Value);

impl ToSql for Parameter<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Value::Null => ValueRef::Null,
            Value::Integer(integer) => ValueRef::Integer(*integer),
            Value::Real(real) => ValueRef::Real(*real),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Blob(blob) => ValueRef::Blob(blob),
        }))
    }
}
