//! Reads one table of a TOML file key by key, and makes a fault of whatever is left over.
//!
//! Written by hand over `toml`'s spanned tables, since serde stops at the first fault and knows no line numbers.
//! Keys that are asked for are taken out; `finish` names those that nobody asked for.

use super::faults::{Faults, Source};
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A table, its name as faults show it, and where it stands.
pub(crate) struct Section<'t> {
    source: &'t Source<'t>,
    name: String,
    at: usize,
    table: DeTable<'t>,
    known: Vec<&'static str>,
}

impl<'t> Section<'t> {
    /// The whole file as a section without a name; a file that is not TOML is the one fault.
    pub(crate) fn root(source: &'t Source<'t>, faults: &mut Faults) -> Option<Self> {
        match DeTable::parse(source.text()) {
            Ok(table) => Some(Self::new(source, String::new(), 0, table.into_inner())),
            Err(error) => {
                let line = source.line(error.span().map_or(0, |span| span.start));
                let message = error.message().replace('\n', ", ");
                faults.add(format!("{line}: {message} (correct the TOML)"));
                None
            }
        }
    }

    fn new(source: &'t Source<'t>, name: String, at: usize, table: DeTable<'t>) -> Self {
        Self { source, name, at, table, known: Vec::new() }
    }

    /// Whether the key is there, whatever its value.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Whether the key's value is a table, inline or not.
    pub(crate) fn is_table(&self, key: &str) -> bool {
        matches!(self.table.get(key).map(Spanned::get_ref), Some(DeValue::Table(_)))
    }

    /// A string, if the key is there.
    pub(crate) fn string(&mut self, key: &'static str, faults: &mut Faults) -> Option<String> {
        let value = self.take(key)?;
        self.read_as(key, "a string", value, faults, |value| match value {
            DeValue::String(text) => Some(text.into_owned()),
            _ => None,
        })
    }

    /// A string; its absence is a fault, told with `hint`.
    pub(crate) fn required(&mut self, key: &'static str, hint: &str, faults: &mut Faults) -> Option<String> {
        if !self.has(key) {
            self.known.push(key);
            self.fault(None, format!("`{key}` is missing ({hint})"), faults);
            return None;
        }
        self.string(key, faults)
    }

    /// A boolean; false when the key is absent.
    pub(crate) fn boolean(&mut self, key: &'static str, faults: &mut Faults) -> bool {
        let Some(value) = self.take(key) else { return false };
        let boolean = self.read_as(key, "true or false", value, faults, |value| match value {
            DeValue::Boolean(boolean) => Some(boolean),
            _ => None,
        });
        boolean.unwrap_or(false)
    }

    /// An integer, if the key is there.
    pub(crate) fn integer(&mut self, key: &'static str, faults: &mut Faults) -> Option<i64> {
        let value = self.take(key)?;
        self.read_as(key, "an integer", value, faults, |value| match value {
            DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix()).ok(),
            _ => None,
        })
    }

    /// A list of strings; empty when the key is absent.
    pub(crate) fn strings(&mut self, key: &'static str, faults: &mut Faults) -> Vec<String> {
        let Some(value) = self.take(key) else { return Vec::new() };
        let strings = self.read_as(key, "a list of strings", value, faults, |value| match value {
            DeValue::Array(items) => items.into_iter().map(|item| string_of(item.into_inner())).collect(),
            _ => None,
        });
        strings.unwrap_or_default()
    }

    /// A string or a list of strings; empty when the key is absent.
    pub(crate) fn string_or_strings(&mut self, key: &'static str, faults: &mut Faults) -> Vec<String> {
        match self.table.get(key).map(Spanned::get_ref) {
            Some(DeValue::String(_)) => self.string(key, faults).into_iter().collect(),
            _ => self.strings(key, faults),
        }
    }

    /// A table of strings, ordered by key; empty when the key is absent.
    pub(crate) fn string_table(&mut self, key: &'static str, faults: &mut Faults) -> Vec<(String, String)> {
        let Some(value) = self.take(key) else { return Vec::new() };
        let table = self.read_as(key, "a table of strings", value, faults, |value| match value {
            DeValue::Table(table) => table
                .into_iter()
                .map(|(key, value)| Some((key.into_inner().into_owned(), string_of(value.into_inner())?)))
                .collect(),
            _ => None,
        });
        table.unwrap_or_default()
    }

    /// A table, shown in faults as `name`, if the key is there.
    pub(crate) fn section(&mut self, key: &'static str, name: &str, faults: &mut Faults) -> Option<Self> {
        let value = self.take(key)?;
        let at = value.span().start;
        let table = self.read_as(key, "a table", value, faults, table_of)?;
        Some(Self::new(self.source, name.to_owned(), at, table))
    }

    /// A list of tables (`[[key]]`), each shown in faults as `name`; empty when the key is absent.
    pub(crate) fn sections(&mut self, key: &'static str, name: &str, faults: &mut Faults) -> Vec<Self> {
        let Some(value) = self.take(key) else { return Vec::new() };
        let tables = self.read_as(key, "a list of tables", value, faults, |value| match value {
            DeValue::Array(items) => items
                .into_iter()
                .map(|item| Some((item.span().start, table_of(item.into_inner())?)))
                .collect::<Option<Vec<_>>>(),
            _ => None,
        });
        let tables = tables.unwrap_or_default().into_iter();
        tables.map(|(at, table)| Self::new(self.source, name.to_owned(), at, table)).collect()
    }

    /// A table whose every value is a table (`[key.<id>]`): the ids and their sections, ordered by id.
    pub(crate) fn named_sections(&mut self, key: &'static str, faults: &mut Faults) -> Vec<(String, Self)> {
        let Some(section) = self.section(key, &format!("[{key}]"), faults) else { return Vec::new() };
        let mut named = Vec::new();
        for (id, value) in section.table {
            let (at, id) = (id.span().start, id.into_inner().into_owned());
            let name = format!("[{key}.{id}]");
            match table_of(value.into_inner()) {
                Some(table) => named.push((id, Self::new(self.source, name, at, table))),
                None => faults.add(format!("{}: {name} must be a table", self.source.line(at))),
            }
        }
        named
    }

    /// Passes over keys that mean nothing here but are nobody's mistake.
    pub(crate) fn ignore(&mut self, keys: &[&'static str]) {
        for key in keys {
            self.take(key);
        }
    }

    /// Makes a fault of a key that is present and not empty, `false` or `""`: `why` says what lacks and what to do.
    pub(crate) fn refuse(&mut self, key: &'static str, why: &str, faults: &mut Faults) {
        let Some(value) = self.take(key) else { return };
        let empty = match value.get_ref() {
            DeValue::Array(items) => items.is_empty(),
            DeValue::Table(table) => table.is_empty(),
            DeValue::String(text) => text.is_empty(),
            DeValue::Boolean(boolean) => !boolean,
            _ => false,
        };
        if !empty {
            self.fault(Some(value.span()), format!("`{key}` is not supported: {why}"), faults);
        }
    }

    /// Adds a fault of this section, at `at` or else where the section begins.
    pub(crate) fn fault(&self, at: Option<Range<usize>>, what: String, faults: &mut Faults) {
        let line = self.source.line(at.map_or(self.at, |at| at.start));
        let space = if self.name.is_empty() { "" } else { " " };
        faults.add(format!("{line}: {}{space}{what}", self.name));
    }

    /// Ends the reading: every key that nobody asked for is a fault.
    pub(crate) fn finish(self, faults: &mut Faults) {
        for key in self.table.keys() {
            let hint = match nearest(key.get_ref(), &self.known) {
                Some(known) => format!("did you mean `{known}`?"),
                None => "remove it, or correct its name".to_owned(),
            };
            self.fault(Some(key.span()), format!("`{}` is not a known key ({hint})", key.get_ref()), faults);
        }
    }

    fn take(&mut self, key: &'static str) -> Option<Spanned<DeValue<'t>>> {
        self.known.push(key);
        self.table.remove(key)
    }

    /// `read` of the value, or a fault that says what it must be.
    fn read_as<V>(
        &self,
        key: &str,
        wanted: &str,
        value: Spanned<DeValue<'t>>,
        faults: &mut Faults,
        read: impl FnOnce(DeValue<'t>) -> Option<V>,
    ) -> Option<V> {
        let at = value.span();
        let read = read(value.into_inner());
        if read.is_none() {
            self.fault(Some(at), format!("`{key}` must be {wanted}"), faults);
        }
        read
    }
}

fn string_of(value: DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.into_owned()),
        _ => None,
    }
}

fn table_of<'t>(value: DeValue<'t>) -> Option<DeTable<'t>> {
    match value {
        DeValue::Table(table) => Some(table),
        _ => None,
    }
}

/// The known key that a misspelt one most likely stands for: at most two edits away.
fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    let scored = known.iter().map(|known| (edits(word, known), *known));
    scored.filter(|(distance, _)| *distance <= 2).min().map(|(_, known)| known)
}

/// Levenshtein's distance, in bytes.
fn edits(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, l) in left.bytes().enumerate() {
        let mut next = vec![i + 1];
        for ((r, diagonal), above) in right.bytes().zip(&row).zip(row.iter().skip(1)) {
            let before = next.last().copied().unwrap_or(0);
            next.push((diagonal + usize::from(l != r)).min(above + 1).min(before + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}
