//! The clauses of a `CREATE TABLE`: constraints of a column or of the table, one after the other.

use super::cursor::{Cursor, literal_length};
use super::definition::{Column, DefaultValue, ForeignKey, Generated};
use super::text::{form, form_of, quote, unquoted};
use crate::tokens::{Kind, Token};

/// One constraint. `name` is empty or `constraint x `, and `suffix` empty or ` on conflict y`.
#[derive(Debug)]
pub(crate) enum Clause {
    PrimaryKey {
        name: String,
        columns: String,
        names: Vec<String>,
        suffix: String,
        autoincrement: bool,
    },
    Unique {
        name: String,
        columns: String,
        suffix: String,
    },
    Check {
        name: String,
        form: String,
        constants: Vec<String>,
    },
    ForeignKey {
        name: String,
        form: String,
        key: ForeignKey,
    },
    /// What belongs to the column itself.
    Column(Part),
    /// Nothing that this program knows.
    Unknown(String),
}

/// What a clause says about its column.
#[derive(Debug)]
pub(crate) enum Part {
    Null,
    NotNull(String),
    Default(DefaultValue),
    Collation(String),
    Generated(Generated),
}

impl Part {
    pub(crate) fn put_into(self, column: &mut Column) {
        match self {
            Self::Null => {}
            Self::NotNull(suffix) => column.not_null = Some(suffix),
            Self::Default(default) => column.default = Some(default),
            // BINARY is what a column without one has.
            Self::Collation(collation) => column.collation = Some(collation).filter(|name| name != "binary"),
            Self::Generated(generated) => column.generated = Some(generated),
        }
    }
}

/// Reads clause after clause.
#[derive(Debug)]
pub(crate) struct Clauses<'a, 's> {
    sql: &'s str,
    cursor: Cursor<'a, 's>,
}

impl<'a, 's> Clauses<'a, 's> {
    /// `sql` is the statement that the tokens are of.
    pub(crate) fn new(sql: &'s str, cursor: Cursor<'a, 's>) -> Self {
        Self { sql, cursor }
    }
}

impl Iterator for Clauses<'_, '_> {
    type Item = Clause;

    fn next(&mut self) -> Option<Clause> {
        self.cursor.peek()?;
        Some(clause(self.sql, &mut self.cursor))
    }
}

fn clause(sql: &str, cursor: &mut Cursor<'_, '_>) -> Clause {
    let name =
        if cursor.eat(&["constraint"]) { format!("constraint {} ", name_form(&cursor.name())) } else { String::new() };
    if cursor.eat(&["primary", "key"]) {
        let key = cursor.parentheses();
        let names = key.split(|token| token.text == ",").filter_map(|column| column.first()).map(name_of).collect();
        let (columns, mut autoincrement) = columns(key);
        // `INTEGER PRIMARY KEY DESC` is, by an old fault of SQLite, no rowid.
        let descending = if cursor.eat(&["desc"]) { " desc" } else { "" };
        cursor.eat(&["asc"]);
        let suffix = format!("{descending}{}", on_conflict(cursor));
        autoincrement |= cursor.eat(&["autoincrement"]);
        let suffix = if autoincrement { format!("{suffix} autoincrement") } else { suffix };
        return Clause::PrimaryKey { name, columns, names, suffix, autoincrement };
    }
    if cursor.eat(&["unique"]) {
        let columns = columns(cursor.parentheses()).0;
        return Clause::Unique { name, columns, suffix: on_conflict(cursor) };
    }
    if cursor.eat(&["check"]) {
        let expression = cursor.parentheses();
        on_conflict(cursor);
        return Clause::Check { name, form: form(expression), constants: constants(expression) };
    }
    if cursor.eat(&["foreign", "key"]) {
        let columns = names(cursor.parentheses());
        cursor.eat(&["references"]);
        return foreign_key(cursor, name, columns);
    }
    if cursor.eat(&["references"]) {
        return foreign_key(cursor, name, Vec::new());
    }
    match part(sql, cursor) {
        Some(part) => Clause::Column(part),
        None => Clause::Unknown(cursor.next().map(|token| form(&[*token])).unwrap_or_default()),
    }
}

fn part(sql: &str, cursor: &mut Cursor<'_, '_>) -> Option<Part> {
    if cursor.eat(&["not", "null"]) {
        return Some(Part::NotNull(on_conflict(cursor)));
    }
    if cursor.eat(&["null"]) {
        on_conflict(cursor);
        return Some(Part::Null);
    }
    if cursor.eat(&["default"]) {
        return Some(Part::Default(default(sql, cursor)));
    }
    if cursor.eat(&["collate"]) {
        return Some(Part::Collation(cursor.name().to_ascii_lowercase()));
    }
    if cursor.eat(&["generated", "always", "as"]) || cursor.eat(&["as"]) {
        let form = form(cursor.parentheses());
        let stored = cursor.eat(&["stored"]);
        cursor.eat(&["virtual"]);
        return Some(Part::Generated(Generated { form, stored }));
    }
    None
}

fn default(sql: &str, cursor: &mut Cursor<'_, '_>) -> DefaultValue {
    let value = cursor.default_value();
    let (first, last) = (value.first(), value.last());
    let range = first.zip(last).map(|(first, last)| first.start..last.start + last.text.len());
    let text = range.and_then(|range| sql.get(range)).unwrap_or_default().to_owned();
    // `(5)` is the same as `5`; anything longer in parentheses is an expression.
    let mut inner = value;
    while let [first, within @ .., last] = inner
        && first.text == "("
        && last.text == ")"
    {
        inner = within;
    }
    let is_literal = literal_length(inner) == inner.len();
    let is_constant = is_literal && !text.to_ascii_lowercase().contains("current_");
    DefaultValue { form: if is_literal { form(inner) } else { form(value) }, text, is_constant }
}

fn on_conflict(cursor: &mut Cursor<'_, '_>) -> String {
    if !cursor.eat(&["on", "conflict"]) {
        return String::new();
    }
    match cursor.name().to_ascii_lowercase() {
        // What SQLite does anyway.
        abort if abort == "abort" => String::new(),
        other => format!(" on conflict {other}"),
    }
}

fn foreign_key(cursor: &mut Cursor<'_, '_>, name: String, columns: Vec<String>) -> Clause {
    let parent = cursor.name().to_ascii_lowercase();
    let parent_columns = names(cursor.parentheses());
    let mut actions = Vec::new();
    loop {
        if cursor.eat(&["on"]) {
            let event = cursor.name().to_ascii_lowercase();
            let mut action = cursor.name().to_ascii_lowercase();
            if ["set", "no"].contains(&action.as_str()) {
                action = format!("{action} {}", cursor.name().to_ascii_lowercase());
            }
            actions.push(format!(" on {event} {action}"));
        } else if cursor.eat(&["match"]) {
            // SQLite reads it and passes over it.
            cursor.next();
        } else {
            break;
        }
    }
    actions.retain(|action| !action.ends_with("no action"));
    actions.sort();
    let is_never = cursor.eat(&["not", "deferrable"]);
    let may = is_never || cursor.eat(&["deferrable"]);
    let is_deferred = may && cursor.eat(&["initially", "deferred"]) && !is_never;
    if may {
        cursor.eat(&["initially", "immediate"]);
    }
    let deferred = if is_deferred { " deferred" } else { "" };
    let restricts_delete = actions.iter().any(|action| action == " on delete restrict");
    let form =
        format!("references {} ({}){}{deferred}", name_form(&parent), parent_columns.join(" , "), actions.concat());
    Clause::ForeignKey {
        name,
        form,
        key: ForeignKey { columns, parent, parent_columns, restricts_delete, is_deferred },
    }
}

/// The form of the columns of a key, and whether `AUTOINCREMENT` stands among them.
fn columns(tokens: &[Token<'_>]) -> (String, bool) {
    let kept: Vec<Token<'_>> =
        tokens.iter().filter(|token| !token.is_word("asc") && !token.is_word("autoincrement")).copied().collect();
    (form(&kept), tokens.iter().any(|token| token.is_word("autoincrement")))
}

fn names(tokens: &[Token<'_>]) -> Vec<String> {
    let names = tokens.iter().filter(|token| token.text != ",");
    names.map(name_of).collect()
}

fn name_of(token: &Token<'_>) -> String {
    unquoted(token).to_ascii_lowercase()
}

fn constants(tokens: &[Token<'_>]) -> Vec<String> {
    let is_constant = |token: &&Token<'_>| {
        token.text.starts_with('\'') || token.kind == Kind::Word && token.text.starts_with(|c: char| c.is_ascii_digit())
    };
    tokens.iter().filter(is_constant).map(|token| token.text.into()).collect()
}

fn name_form(name: &str) -> String {
    form_of(&quote(name))
}
