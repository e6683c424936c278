//! A file of queries cut into its queries, by their headers.
//!
//! A query is a header, lines of documentation and notes on parameters in any order, and one statement:
//!
//! ```sql
//! -- name: change :optional Note
//! -- A note's new text, unless the note has changed since.
//! -- :unchanged_since?: i64 when it last changed; NULL for any time
//! UPDATE notes SET … ;
//! ```
//!
//! Only the shape is looked at here. Whether the statement is good SQL is SQLite's business.

use std::path::Path;

use super::types::{Claim, is_rust_name};
use crate::fault::Fault;
use crate::tokens::{Kind as TokenKind, Token, tokens};

/// How many rows a query has, and so what its function returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    One,
    Optional,
    Many,
    Exec,
    /// No rows, and not run at once: a statement with its values, for a batch.
    Statement,
}

impl Kind {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            ":one" => Self::One,
            ":optional" => Self::Optional,
            ":many" => Self::Many,
            ":exec" => Self::Exec,
            ":statement" => Self::Statement,
            _ => return None,
        })
    }

    pub(super) fn has_rows(self) -> bool {
        matches!(self, Self::One | Self::Optional | Self::Many)
    }
}

/// A query as its file has it.
#[derive(Debug)]
pub(super) struct Source<'a> {
    pub(super) name: &'a str,
    pub(super) kind: Kind,
    /// The name of the struct for its rows, where the header gives one.
    pub(super) row: Option<&'a str>,
    pub(super) docs: Vec<&'a str>,
    pub(super) notes: Vec<Note<'a>>,
    /// Where the header begins, in bytes of the file.
    pub(super) header: usize,
    /// Where the statement begins.
    pub(super) start: usize,
    /// The statement, without the `;`.
    pub(super) sql: &'a str,
}

/// What the file says of a parameter: `-- :id?: String the note's name`.
#[derive(Debug)]
pub(super) struct Note<'a> {
    pub(super) name: &'a str,
    pub(super) claim: Claim,
    pub(super) doc: &'a str,
    pub(super) at: usize,
}

/// Cuts a file. What is wrong with a query is added to `faults`, and the query is left out.
pub(super) fn parse<'a>(path: &Path, text: &'a str, faults: &mut Vec<Fault>) -> Vec<Source<'a>> {
    let is_header = |token: &Token<'a>| header(token).is_some();
    let headers: Vec<usize> = tokens(text).filter(is_header).map(|token| token.start).collect();
    let before = text.get(..headers.first().copied().unwrap_or(text.len())).unwrap_or_default();
    if let Some(stray) = tokens(before).find(|token| !token.is_blank()) {
        faults.push(Fault::place(path, text, stray.start, "has no name: write `-- name: … :many` above it"));
    }
    let ends = headers.iter().skip(1).copied().chain([text.len()]);
    let mut sources = Vec::new();
    for (start, end) in headers.iter().copied().zip(ends) {
        match source(text.get(start..end).unwrap_or_default(), start) {
            Ok(source) => sources.push(source),
            Err(found) => {
                faults.extend(found.into_iter().map(|(at, message)| Fault::place(path, text, at, message)));
            }
        }
    }
    sources
}

/// A comment's text, for a comment of one line.
fn comment<'a>(token: &Token<'a>) -> Option<&'a str> {
    let text = token.text.strip_prefix("--").filter(|_| token.kind == TokenKind::Comment)?;
    Some(text.trim())
}

fn header<'a>(token: &Token<'a>) -> Option<&'a str> {
    comment(token)?.strip_prefix("name:").map(str::trim)
}

type Faults = Vec<(usize, String)>;

/// Reads one query: `text` begins with its header, at `at` bytes of the file.
fn source(text: &str, at: usize) -> Result<Source<'_>, Faults> {
    let mut faults = Vec::new();
    let start = tokens(text).find(|token| !token.is_blank()).map_or(text.len(), |token| token.start);
    let mut comments =
        tokens(text).take_while(|token| token.start < start).filter(|token| token.kind == TokenKind::Comment);
    let (name, kind, row) = comments.next().as_ref().and_then(header).map(name).unwrap_or_default().unwrap_or_else(|| {
        faults.push((at, "a header is `-- name: list_notes :many` or :one, :optional, :exec, :statement; the name of a struct for its rows may follow".into()));
        ("", Kind::Exec, None)
    });
    let (mut docs, mut notes) = (Vec::new(), Vec::new());
    for token in comments {
        let Some(line) = comment(&token) else {
            faults.push((at + token.start, "document a query in lines that begin with --".into()));
            continue;
        };
        match line.strip_prefix(':') {
            None => docs.push(line),
            Some(line) => match note(line, at + token.start) {
                Ok(note) => notes.push(note),
                Err(message) => faults.push((at + token.start, message)),
            },
        }
    }
    if docs.iter().all(|line| line.is_empty()) {
        faults.push((at, "say in a comment below the name what the query is for".into()));
    }
    match statement(text, start) {
        Ok(sql) if faults.is_empty() => {
            return Ok(Source { name, kind, row, docs, notes, header: at, start: at + start, sql });
        }
        Ok(_) => {}
        Err((offset, message)) => faults.push((at + offset, message)),
    }
    Err(faults)
}

/// Reads what stands behind `name:`.
fn name(text: &str) -> Option<(&str, Kind, Option<&str>)> {
    let mut words = text.split_ascii_whitespace();
    let name = words.next().filter(|name| is_rust_name(name))?;
    let kind = Kind::parse(words.next()?)?;
    let row = words.next();
    let is_type = |row: &str| {
        row.starts_with(|first: char| first.is_ascii_uppercase())
            && row.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    (words.next().is_none() && row.is_none_or(|row| kind.has_rows() && is_type(row))).then_some((name, kind, row))
}

/// Reads what stands behind the `:` of a parameter's note.
fn note(line: &str, at: usize) -> Result<Note<'_>, String> {
    let (head, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    // `id?: String doc` has its type behind the first space.
    let (claim, doc) = match head.strip_suffix(':') {
        None => (head.to_owned(), rest),
        Some(_) => {
            let (written, doc) = rest.trim_start().split_once(char::is_whitespace).unwrap_or((rest, ""));
            (format!("{head} {}", written.trim()), doc)
        }
    };
    let (name, claim) = Claim::parse(&claim)?;
    let name = head.get(..name.len()).filter(|name| is_rust_name(name));
    let name = name.ok_or("a parameter is a name in small letters: `-- :id?: String what it is`")?;
    Ok(Note { name, claim, doc: doc.trim(), at })
}

/// The one statement that begins at `start`, without its `;`.
fn statement(text: &str, start: usize) -> Result<&str, (usize, String)> {
    let sql = text.get(start..).unwrap_or_default();
    let Some(end) = tokens(sql).find(|token| token.text == ";") else {
        return Err((start, "there is no statement that ends with `;` below this name".into()));
    };
    let after = tokens(sql).find(|token| token.start > end.start && !token.is_blank());
    if let Some(second) = after.filter(|token| token.text != ";") {
        return Err((start + second.start, "a second statement under one name: give it a name of its own".into()));
    }
    Ok(sql.get(..end.start).unwrap_or_default().trim_end())
}
