//! A blocking call's answer, gathered whole within the limits on rows and bytes.

use crate::{
    bindings::spin::sqlite::sqlite::{QueryResult, RowResult},
    errors::Error,
    rows::Rows,
};
use rusqlite::ffi;

pub(crate) struct Gathered {
    pub(crate) result: QueryResult,
    bytes: usize,
    max_rows: usize,
    max_bytes: usize,
}

impl Gathered {
    pub(crate) fn new(max_rows: usize, max_bytes: usize) -> Gathered {
        Gathered { result: QueryResult { columns: Vec::new(), rows: Vec::new() }, bytes: 0, max_rows, max_bytes }
    }

    fn too_much(&self) -> Error {
        let (max_rows, max_bytes) = (self.max_rows, self.max_bytes);
        let message = format_args!("the result has more than {max_rows} rows or {max_bytes} bytes (ask for fewer)");
        Error::new(ffi::SQLITE_TOOBIG, message)
    }
}

impl Rows for Gathered {
    fn columns(&mut self, names: Vec<String>) -> Result<(), Error> {
        self.result.columns = names;
        Ok(())
    }

    fn admit(&self, bytes: usize) -> Result<(), Error> {
        if self.bytes.saturating_add(bytes) > self.max_bytes { Err(self.too_much()) } else { Ok(()) }
    }

    fn row(&mut self, row: RowResult, bytes: usize) -> Result<(), Error> {
        self.admit(bytes)?;
        if self.result.rows.len() == self.max_rows {
            return Err(self.too_much());
        }
        self.bytes += bytes;
        self.result.rows.push(row);
        Ok(())
    }
}
