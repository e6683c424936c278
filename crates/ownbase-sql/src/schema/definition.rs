//! A `CREATE TABLE` read into columns and constraints, each in one form whichever way it was written.
//!
//! A constraint on a column is kept as the one on the table that means the same: `a UNIQUE` as `UNIQUE (a)`. What is
//! the default is left out: `ON DELETE NO ACTION`, `VIRTUAL`, `ASC`. Names of constraints count where SQLite's messages
//! show them. Grammar: <https://www.sqlite.org/lang_createtable.html>. SQLite has accepted the text before, so reading
//! cannot fail; what is not known is kept word by word, and differs from everything else.

use super::clause::{Clause, Clauses};
use super::cursor::Cursor;
use super::text::{form, unquoted};
use crate::tokens::{Token, significant};

/// What a `CREATE TABLE` says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Definition {
    pub(crate) columns: Vec<Column>,
    pub(crate) constraints: Vec<Constraint>,
    pub(crate) autoincrement: bool,
    pub(crate) without_rowid: bool,
    pub(crate) strict: bool,
}

/// A column; what it demands of other rows or of itself stands among the constraints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    /// As it is written, without quotes.
    pub(crate) name: String,
    /// Its definition as it is written, constraints included.
    pub(crate) text: String,
    /// The declared type's form; empty where there is none.
    pub(crate) kind: String,
    /// `ON CONFLICT` form of its NOT NULL, empty where that is not said.
    pub(crate) not_null: Option<String>,
    pub(crate) default: Option<DefaultValue>,
    pub(crate) collation: Option<String>,
    pub(crate) generated: Option<Generated>,
}

/// A default value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DefaultValue {
    /// As it is written.
    pub(crate) text: String,
    pub(crate) form: String,
    /// Whether it is the same for all rows, so that ADD COLUMN takes it.
    pub(crate) is_constant: bool,
}

/// How a generated column is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Generated {
    pub(crate) form: String,
    pub(crate) stored: bool,
}

/// What rows must fulfil.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Constraint {
    /// All that it says, its name included.
    pub(crate) form: String,
    /// The column (in lower case) in whose definition it stands, if it does.
    pub(crate) inside: Option<String>,
    pub(crate) rule: Rule,
}

/// The kinds of constraint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Its columns in lower case.
    PrimaryKey {
        columns: Vec<String>,
    },
    Unique,
    /// The tokens of its expression that are numbers and strings.
    Check {
        constants: Vec<String>,
    },
    ForeignKey(ForeignKey),
}

/// A reference to another table, or the same; all names in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ForeignKey {
    pub(crate) columns: Vec<String>,
    pub(crate) parent: String,
    /// Empty where the parent's primary key is meant.
    pub(crate) parent_columns: Vec<String>,
    pub(crate) restricts_delete: bool,
    /// Whether it is looked at when the transaction ends, not with each statement.
    pub(crate) is_deferred: bool,
}

impl Column {
    /// The name as SQLite compares names.
    pub(crate) fn key(&self) -> String {
        self.name.to_ascii_lowercase()
    }

    /// Whether both are the same column, but for the text and for constraints.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        let shape = |column: &Self| {
            let Self { name: _, text: _, kind, not_null, default, collation, generated } = column.clone();
            (column.key(), kind, not_null, default.map(|default| default.form), collation, generated)
        };
        shape(self) == shape(other)
    }
}

impl Definition {
    /// Reads `CREATE TABLE name (…) …`.
    pub(crate) fn read(sql: &str) -> Self {
        let tokens: Vec<Token<'_>> = significant(sql).collect();
        let mut cursor = Cursor::new(&tokens);
        cursor.skip_to_parentheses();
        let body = cursor.parentheses();
        let mut definition = Self { strict: false, ..Self::default() };
        while let Some(token) = cursor.next() {
            definition.strict |= token.is_word("strict");
            definition.without_rowid |= token.is_word("rowid");
        }
        for item in split_at_commas(body) {
            definition.add(sql, item);
        }
        definition.constraints.sort_by(|a, b| a.form.cmp(&b.form));
        definition
    }

    /// The column of this name, in whichever case.
    pub(crate) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name))
    }

    pub(crate) fn foreign_keys(&self) -> impl Iterator<Item = &ForeignKey> {
        self.constraints.iter().filter_map(|constraint| match &constraint.rule {
            Rule::ForeignKey(key) => Some(key),
            _ => None,
        })
    }

    /// The columns of the primary key in its order, in lower case.
    pub(crate) fn primary_key(&self) -> &[String] {
        let mut keys = self.constraints.iter().filter_map(|constraint| match &constraint.rule {
            Rule::PrimaryKey { columns } => Some(columns.as_slice()),
            _ => None,
        });
        keys.next_back().unwrap_or_default()
    }

    /// Whether the column is the rowid itself.
    pub(crate) fn is_rowid(&self, column: &Column) -> bool {
        let is_descending = |constraint: &Constraint| {
            matches!(constraint.rule, Rule::PrimaryKey { .. }) && constraint.form.ends_with(" desc")
        };
        column.kind == "integer"
            && !self.without_rowid
            && self.primary_key() == [column.key()]
            && !self.constraints.iter().any(is_descending)
    }

    fn add(&mut self, sql: &str, item: &[Token<'_>]) {
        let words = ["constraint", "primary", "unique", "check", "foreign"];
        let Some(first) = item.first() else { return };
        if words.iter().any(|word| first.is_word(word)) {
            for clause in Clauses::new(sql, Cursor::new(item)) {
                self.add_clause(None, clause);
            }
            return;
        }
        let name = unquoted(first);
        let end = item.last().map_or(first.start, |last| last.start + last.text.len());
        let mut cursor = Cursor::new(item.get(1..).unwrap_or_default());
        let kind = form(cursor.until_clause());
        self.columns.push(Column {
            text: sql.get(first.start..end).unwrap_or_default().into(),
            kind,
            not_null: None,
            default: None,
            collation: None,
            generated: None,
            name: name.clone(),
        });
        for clause in Clauses::new(sql, cursor) {
            self.add_clause(Some(&name), clause);
        }
    }

    fn add_clause(&mut self, inside: Option<&str>, clause: Clause) {
        let inside = inside.map(str::to_ascii_lowercase);
        let mut constraint = |form: String, rule| {
            self.constraints.push(Constraint { form, inside: inside.clone(), rule });
        };
        let own = |columns: String| if columns.is_empty() { in_form(inside.as_deref()) } else { columns };
        match clause {
            Clause::PrimaryKey { name, columns, mut names, suffix, autoincrement } => {
                names.extend(inside.clone().filter(|_| names.is_empty()));
                let rule = Rule::PrimaryKey { columns: names };
                constraint(format!("{name}primary key ({}){suffix}", own(columns)), rule);
                self.autoincrement |= autoincrement;
            }
            Clause::Unique { name, columns, suffix } => {
                constraint(format!("{name}unique ({}){suffix}", own(columns)), Rule::Unique);
            }
            Clause::Check { name, form, constants } => {
                constraint(format!("{name}check ({form})"), Rule::Check { constants });
            }
            Clause::ForeignKey { name, form, mut key } => {
                key.columns.extend(inside.clone().filter(|_| key.columns.is_empty()));
                constraint(format!("{name}foreign key ({}) {form}", key.columns.join(" , ")), Rule::ForeignKey(key));
            }
            Clause::Unknown(form) => constraint(form, Rule::Check { constants: Vec::new() }),
            Clause::Column(part) => {
                if let Some(column) = self.columns.last_mut() {
                    part.put_into(column);
                }
            }
        }
    }
}

fn in_form(column: Option<&str>) -> String {
    super::text::form_of(&super::text::quote(column.unwrap_or_default()))
}

fn split_at_commas<'a, 's>(tokens: &'a [Token<'s>]) -> Vec<&'a [Token<'s>]> {
    let mut depth = 0_usize;
    let mut items = Vec::new();
    let mut start = 0;
    for (at, token) in tokens.iter().enumerate() {
        match token.text {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            "," if depth == 0 => {
                items.extend(tokens.get(start..at));
                start = at + 1;
            }
            _ => {}
        }
    }
    items.extend(tokens.get(start..));
    items
}
