//! Faults found in what an operator wrote, gathered so that one run shows them all.
//!
//! A fault is one line: where it is (`spin.toml:12`), what is wrong, and in brackets what to do about it.

use std::fmt;

/// A text that an operator wrote, with the name under which faults speak of it.
pub(crate) struct Source<'t> {
    file: String,
    text: &'t str,
}

impl<'t> Source<'t> {
    /// `file` is the name that faults show, `text` its whole content.
    pub(crate) fn new(file: impl Into<String>, text: &'t str) -> Self {
        Self { file: file.into(), text }
    }

    /// The text itself.
    pub(crate) fn text(&self) -> &'t str {
        self.text
    }

    /// `file:line` of a byte offset; lines count from 1.
    pub(crate) fn line(&self, offset: usize) -> String {
        let before = self.text.as_bytes().iter().take(offset);
        format!("{}:{}", self.file, 1 + before.filter(|byte| **byte == b'\n').count())
    }
}

/// All faults found so far. Displays as one line when there is one, else as a head line and one line for each.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<String>);

impl Faults {
    /// Adds one. `what` is a single line that ends with what to do, in brackets.
    pub(crate) fn add(&mut self, what: impl Into<String>) {
        self.0.push(what.into());
    }

    /// `Err` with all of them, if there are any.
    pub(crate) fn into_result(self) -> Result<(), Self> {
        if self.0.is_empty() { Ok(()) } else { Err(self) }
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [only] = self.0.as_slice() {
            return out.write_str(only);
        }
        write!(out, "{} faults keep the application from starting", self.0.len())?;
        self.0.iter().try_for_each(|fault| write!(out, "\n  {fault}"))
    }
}

impl std::error::Error for Faults {}
