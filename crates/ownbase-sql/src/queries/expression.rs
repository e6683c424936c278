//! A statement's tokens, and what stands around one of them: operators, whole operands, lists.
//!
//! No grammar: SQLite has parsed the statement, and what is not plain is answered with `None`.

use crate::tokens::{Kind, Token, significant};

/// What stands between two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    /// `=`, which also sets.
    Equal,
    /// `<`, `<>` and the like.
    Order,
    /// IS, IS NOT, IS DISTINCT FROM: NULL is a value there.
    Is,
    /// LIKE, GLOB.
    Like,
}

/// A column's name where it is a whole operand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Operand {
    /// What stands before the `.`, in small letters: a table or its alias.
    pub(super) table: Option<String>,
    pub(super) column: String,
    /// The first token.
    pub(super) first: usize,
}

/// What an operand begins behind.
const BEGIN: [&str; 20] = [
    "(",
    ",",
    "where",
    "and",
    "or",
    "on",
    "not",
    "when",
    "having",
    "select",
    "distinct",
    "all",
    "then",
    "else",
    "returning",
    "by",
    "set",
    "case",
    "between",
    "values",
];
/// What an operand ends before.
const END: [&str; 33] = [
    ")",
    ",",
    ";",
    "and",
    "or",
    "order",
    "group",
    "limit",
    "offset",
    "returning",
    "having",
    "then",
    "else",
    "end",
    "when",
    "union",
    "except",
    "intersect",
    "where",
    "from",
    "on",
    "window",
    "as",
    "collate",
    "do",
    "join",
    "inner",
    "left",
    "right",
    "full",
    "cross",
    "natural",
    "escape",
];
/// What a clause begins with, as far as it can stand around a `SET`.
const CLAUSES: [&str; 8] = ["set", "where", "select", "from", "returning", "values", "by", "on"];

/// The tokens that SQLite looks at, by their numbers.
pub(super) struct Expression<'a>(pub(super) Vec<Token<'a>>);

impl<'a> Expression<'a> {
    pub(super) fn new(sql: &'a str) -> Self {
        Self(significant(sql).collect())
    }

    pub(super) fn is(&self, at: usize, text: &str) -> bool {
        self.0.get(at).is_some_and(|token| token.kind != Kind::Quoted && token.text.eq_ignore_ascii_case(text))
    }

    /// Whether one of `texts` stands `back` tokens before.
    pub(super) fn follows(&self, at: usize, back: usize, texts: &[&str]) -> bool {
        at.checked_sub(back).is_some_and(|at| texts.iter().any(|text| self.is(at, text)))
    }

    /// Whether the parameter whose `:` this is stands alone between commas or words.
    pub(super) fn is_whole(&self, colon: usize) -> bool {
        self.begins(colon) && self.ends(colon + 2)
    }

    /// Whether an operand may begin with this token.
    pub(super) fn begins(&self, at: usize) -> bool {
        at == 0 || self.follows(at, 1, &BEGIN)
    }

    /// Whether an operand may end before this token.
    pub(super) fn ends(&self, at: usize) -> bool {
        at >= self.0.len() || END.iter().any(|text| self.is(at, text))
    }

    /// The operator that ends before `at`, and the last token of what stands before it.
    pub(super) fn operator_before(&self, at: usize) -> Option<(Operator, usize)> {
        let back = |count: usize| at.checked_sub(count);
        let (operator, length) = match () {
            () if self.follows(at, 1, &["from"]) && self.follows(at, 2, &["distinct"]) => {
                (Operator::Is, if self.follows(at, 3, &["not"]) { 4 } else { 3 })
            }
            () if self.follows(at, 1, &["is"]) => (Operator::Is, 1),
            () if self.follows(at, 1, &["not"]) && self.follows(at, 2, &["is"]) => (Operator::Is, 2),
            () if self.follows(at, 1, &["like", "glob"]) => {
                (Operator::Like, if self.follows(at, 2, &["not"]) { 2 } else { 1 })
            }
            () => {
                let marks = (1..=2).take_while(|count| self.follows(at, *count, &["=", "<", ">", "!"])).count();
                (self.comparison(back(marks)?, marks)?, marks)
            }
        };
        Some((operator, back(length + 1)?))
    }

    /// The operator that begins at `at`, and the first token of what stands behind it.
    pub(super) fn operator_at(&self, at: usize) -> Option<(Operator, usize)> {
        if self.is(at, "is") {
            let at = if self.is(at + 1, "not") { at + 2 } else { at + 1 };
            let is_distinct = self.is(at, "distinct") && self.is(at + 1, "from");
            return Some((Operator::Is, if is_distinct { at + 2 } else { at }));
        }
        let is_mark = |at: &usize| ["=", "<", ">", "!"].iter().any(|mark| self.is(*at, mark));
        let marks = (at..at + 2).take_while(is_mark).count();
        Some((self.comparison(at, marks)?, at + marks))
    }

    fn comparison(&self, at: usize, marks: usize) -> Option<Operator> {
        let written: String = self.0.get(at..at + marks)?.iter().map(|token| token.text).collect();
        match written.as_str() {
            "=" | "==" => Some(Operator::Equal),
            "<" | ">" | "<=" | ">=" | "<>" | "!=" => Some(Operator::Order),
            _ => None,
        }
    }

    /// The name that is a whole operand and ends with the token `last`.
    pub(super) fn operand_to(&self, last: usize) -> Option<Operand> {
        let first = if self.follows(last, 1, &["."]) { last.checked_sub(2)? } else { last };
        self.operand(first, last)
    }

    /// The name that is a whole operand and begins with the token `first`.
    pub(super) fn operand_from(&self, first: usize) -> Option<Operand> {
        let last = if self.is(first + 1, ".") { first + 2 } else { first };
        self.operand(first, last).filter(|_| self.ends(last + 1))
    }

    fn operand(&self, first: usize, last: usize) -> Option<Operand> {
        let name = |at: usize| self.0.get(at).filter(|token| is_name(token)).map(Token::name);
        let table = if first == last { None } else { Some(name(first)?) };
        Some(Operand { table, column: name(last)?, first })
    }

    /// The `(` of the list that `at` stands in, and how many elements of it stand before.
    pub(super) fn list(&self, at: usize) -> Option<(usize, usize)> {
        let (mut depth, mut commas) = (0_usize, 0);
        for before in (0..at).rev() {
            match self.0.get(before)?.text {
                ")" => depth += 1,
                "(" if depth == 0 => return Some((before, commas)),
                "(" => depth -= 1,
                "," if depth == 0 => commas += 1,
                _ => {}
            }
        }
        None
    }

    /// Whether the name that begins at `first` is what a `SET` sets.
    pub(super) fn is_set(&self, first: usize) -> bool {
        let mut depth = 0_usize;
        let clause = (0..first).rev().find(|at| {
            match self.0.get(*at).map(|token| token.text) {
                Some(")") => depth += 1,
                Some("(") => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0 && CLAUSES.iter().any(|clause| self.is(*at, clause))
        });
        self.follows(first, 1, &["set", ","]) && clause.is_some_and(|at| self.is(at, "set"))
    }
}

/// Whether a token can be a name: a string cannot.
pub(super) fn is_name(token: &Token<'_>) -> bool {
    match token.kind {
        Kind::Word => !token.text.starts_with(|first: char| first.is_ascii_digit()),
        Kind::Quoted => !token.text.starts_with('\''),
        _ => false,
    }
}
