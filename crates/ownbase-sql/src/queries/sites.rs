//! What the places at which a parameter stands say of its type, and of whether it may be NULL.
//!
//! Only plain places count: compared with, set to or inserted into a column, counted by LIMIT, CAST to a type. In
//! any other place (a sum, a function's argument) a parameter says nothing of itself and needs a note in the file.
//! Which table a column's name belongs to is not worked out: all tables that the statement names and that have such a
//! column must agree on its type, or the place says nothing.

use super::expression::{Expression, Operand, Operator, is_name};
use super::tables::{Column, Table};
use super::types::Type;

/// What one place says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Site {
    /// What is expected there, and where that was found: `notes.id`, `LIMIT`.
    pub(super) r#type: Option<(Type, String)>,
    /// The table and column that were found.
    pub(super) column: Option<(String, String)>,
    pub(super) null: Null,
}

/// What a place says about NULL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Null {
    /// Nothing is known, or NULL would make no sense.
    #[default]
    Senseless,
    /// NULL means something: a column that can be NULL gets it, or it is asked for.
    Meant,
    /// NULL must fail: the column that gets it is NOT NULL.
    Refused,
}

/// The places of one statement.
pub(super) struct Sites<'a> {
    text: Expression<'a>,
    /// The tables that the statement names.
    tables: Vec<&'a Table>,
}

impl<'a> Sites<'a> {
    pub(super) fn new(sql: &'a str, tables: &'a [Table]) -> Self {
        let text = Expression::new(sql);
        let is_named = |table: &&Table| {
            text.0.iter().any(|token| is_name(token) && token.name() == table.name.to_ascii_lowercase())
        };
        let tables = tables.iter().filter(is_named).collect();
        Self { text, tables }
    }

    /// What the place says whose `:` is at `start` bytes of the statement.
    pub(super) fn at(&self, start: usize) -> Site {
        let Some(colon) = self.text.0.iter().position(|token| token.start == start) else { return Site::default() };
        [Self::counted, Self::cast, Self::inserted, Self::asked, Self::listed, Self::compared]
            .iter()
            .find_map(|site| site(self, colon))
            .unwrap_or_default()
    }

    /// `LIMIT :n`, `OFFSET :n`.
    fn counted(&self, colon: usize) -> Option<Site> {
        let word = ["LIMIT", "OFFSET"].into_iter().find(|word| self.text.follows(colon, 1, &[word]))?;
        self.text.ends(colon + 2).then(|| plain(Type::Integer, word))
    }

    /// `CAST(:x AS INTEGER)`.
    fn cast(&self, colon: usize) -> Option<Site> {
        if !(self.text.follows(colon, 1, &["("]) && self.text.follows(colon, 2, &["cast"])) {
            return None;
        }
        let words = self.text.0.get(colon + 3..)?.iter().take_while(|token| token.text != ")");
        let declared: Vec<&str> = words.map(|token| token.text).collect();
        Some(plain(Type::of_column(&declared.join(" "))?, "CAST"))
    }

    /// `INSERT INTO t (a, b) VALUES (1, :x)`.
    fn inserted(&self, colon: usize) -> Option<Site> {
        let tokens = &self.text.0;
        let into = tokens.iter().position(|token| token.is_word("into"))?;
        let values = into + tokens.get(into..)?.iter().position(|token| token.is_word("values"))?;
        let (open, index) = self.text.list(colon).filter(|(open, _)| *open > values && self.text.is_whole(colon))?;
        if !self.text.follows(open, 1, &[",", "values"]) {
            return None;
        }
        let name = tokens.get(into + 1)?.name();
        let table = self.tables.iter().find(|table| table.name.eq_ignore_ascii_case(&name))?;
        let head = tokens.get(into + 2..values)?;
        let column = match head.iter().position(|token| token.text == "(") {
            Some(at) => table.column(&head.get(at..)?.iter().filter(|token| is_name(token)).nth(index)?.name())?,
            None => table.columns.iter().filter(|column| column.is_written).nth(index)?,
        };
        Some(written((table, column)))
    }

    /// `:x IS NULL`, `coalesce(:x, a)`.
    fn asked(&self, colon: usize) -> Option<Site> {
        let is_null = self.text.is(colon + 2, "is")
            && (self.text.is(colon + 3, "null") || self.text.is(colon + 3, "not") && self.text.is(colon + 4, "null"));
        let has_default = self.text.follows(colon, 1, &["("])
            && self.text.follows(colon, 2, &["coalesce", "ifnull"])
            && self.text.is(colon + 2, ",");
        let column = has_default.then(|| self.found(&self.text.operand_from(colon + 3)?)).flatten();
        (is_null || has_default).then(|| Site { null: Null::Meant, ..column.map(of_column).unwrap_or_default() })
    }

    /// `a IN (1, :x)`, `a BETWEEN :x AND :y`.
    fn listed(&self, colon: usize) -> Option<Site> {
        let word = if self.text.follows(colon, 1, &["between"]) {
            colon - 1
        } else if self.text.follows(colon, 1, &["and"]) {
            // Between the two stands one token, or a parameter's two.
            [3, 4].into_iter().find(|back| self.text.follows(colon, *back, &["between"])).map(|back| colon - back)?
        } else {
            let (open, _) = self.text.list(colon)?;
            open.checked_sub(1).filter(|word| self.text.is(*word, "in"))?
        };
        let last = word.checked_sub(if self.text.follows(word, 1, &["not"]) { 2 } else { 1 })?;
        let operand = self.text.operand_to(last).filter(|operand| self.text.begins(operand.first))?;
        // What follows BETWEEN and AND is whole if what follows it is.
        self.text.ends(colon + 2).then(|| self.found(&operand).map(of_column)).flatten()
    }

    /// `a = :x`, `:x < a`, `a IS :x`, `a LIKE :x`, and `SET a = :x`.
    fn compared(&self, colon: usize) -> Option<Site> {
        if let Some((operator, last)) = self.text.operator_before(colon).filter(|_| self.text.ends(colon + 2)) {
            if operator == Operator::Like {
                return Some(plain(Type::Text, "LIKE or GLOB"));
            }
            let operand = self.text.operand_to(last).filter(|operand| self.text.begins(operand.first))?;
            let found = self.found(&operand)?;
            return Some(match operator {
                Operator::Equal if self.text.is_set(operand.first) => written(found),
                Operator::Is => Site { null: Null::Meant, ..of_column(found) },
                _ => of_column(found),
            });
        }
        let (operator, first) = self.text.operator_at(colon + 2).filter(|_| self.text.begins(colon))?;
        let site = of_column(self.found(&self.text.operand_from(first)?)?);
        Some(if operator == Operator::Is { Site { null: Null::Meant, ..site } } else { site })
    }

    /// The column that a name means, where all that it could mean are of one type.
    fn found(&self, operand: &Operand) -> Option<(&'a Table, &'a Column)> {
        let is_meant = |table: &Table| operand.table.as_ref().is_some_and(|name| table.name.eq_ignore_ascii_case(name));
        let named = self.tables.iter().any(|table| is_meant(table));
        let tables = self.tables.iter().filter(|table| !named || is_meant(table));
        let mut found = tables.filter_map(|table| Some((*table, table.column(&operand.column)?)));
        let (table, column) = found.next()?;
        found.all(|(_, other)| other.r#type == column.r#type).then_some((table, column))
    }
}

fn plain(r#type: Type, what: &str) -> Site {
    Site { r#type: Some((r#type, what.into())), ..Site::default() }
}

fn of_column((table, column): (&Table, &Column)) -> Site {
    let name = format!("{}.{}", table.name, column.name);
    Site {
        r#type: column.r#type.map(|r#type| (r#type, name)),
        column: Some((table.name.clone(), column.name.clone())),
        null: Null::Senseless,
    }
}

fn written(found: (&Table, &Column)) -> Site {
    let null = if found.1.refuses_null { Null::Refused } else { Null::Meant };
    Site { null, ..of_column(found) }
}
