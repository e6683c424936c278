//! The columns of a query's rows: name, type, and whether they can be NULL.
//!
//! A plain column is what the schema says of it, and its query may say more: `text AS "text!"`. An expression must say
//! all of it: `count(*) AS "count!: i64"`. Nobody is believed: `rows.rs` holds each claim against rows.
//!
//! SQLite names the table's column also where NULL can stand in its place: behind an outer join, in the arms of a
//! UNION, from a subquery without rows, in a view. There a NOT NULL column needs a `!` or `?` of its own.

use rusqlite::Statement;

use super::expression::Expression;
use super::tables::Table;
use super::types::{Claim, Type, is_rust_name};
use crate::tokens::Token;

/// A column of a query's rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) r#type: Type,
    pub(super) nullable: bool,
    /// As SQLite calls it, to point at it.
    pub(super) written: String,
}

/// What is wrong with a column, and what SQLite calls it.
pub(super) struct Wrong {
    pub(super) written: String,
    pub(super) message: String,
}

/// The columns of a prepared statement.
///
/// # Errors
/// What is wrong with each that is wrong.
pub(super) fn columns(statement: &Statement<'_>, sql: &str, tables: &[Table]) -> Result<Vec<Column>, Vec<Wrong>> {
    let doubt = Doubt::new(sql, tables);
    let (mut columns, mut wrong): (Vec<Column>, _) = (Vec::new(), Vec::new());
    for column in statement.columns_with_metadata() {
        let origin = column.table_name().zip(column.origin_name()).and_then(|(table, name)| {
            let table = tables.iter().find(|known| known.name.eq_ignore_ascii_case(table))?;
            Some((table, table.column(name)?))
        });
        let written = column.name();
        let read = match origin {
            Some((table, origin)) => read_plain(written, table, origin, doubt.about(table)),
            None => read_expression(written),
        };
        match read {
            Ok(column) if columns.iter().any(|other| other.name == column.name) => {
                let message = format!("two columns are named {}: give one another name with AS", column.name);
                wrong.push(Wrong { written: written.into(), message });
            }
            Ok(column) => columns.push(column),
            Err(message) => wrong.push(Wrong { written: written.into(), message }),
        }
    }
    if wrong.is_empty() { Ok(columns) } else { Err(wrong) }
}

fn read_plain(
    written: &str,
    table: &Table,
    origin: &super::tables::Column,
    doubt: Option<&str>,
) -> Result<Column, String> {
    let (name, claim) = named(written)?;
    let origin_name = format!("{}.{}", table.name, origin.name);
    let r#type = match (claim.r#type, origin.r#type) {
        (Some(claim), Some(origin)) if !origin.may_be(claim) => {
            return Err(format!("{origin_name} is {}, not {}", origin.name(), claim.name()));
        }
        (Some(claim), _) => claim,
        (None, Some(origin)) => origin,
        (None, None) => {
            return Err(format!(
                "{origin_name} can hold values of any type: say which, as in AS \"{name}: i64\", one of {}",
                Type::NAMES
            ));
        }
    };
    let nullable = match (claim.nullable, doubt) {
        (Some(nullable), _) => nullable,
        (None, Some(doubt)) if origin.not_null => {
            return Err(format!(
                "{origin_name} is NOT NULL, but {doubt} can put NULL in its place: say AS \"{name}?\", or AS \
                 \"{name}!\" if it cannot"
            ));
        }
        (None, _) => !origin.not_null,
    };
    Ok(Column { name: name.into(), r#type, nullable, written: written.into() })
}

fn read_expression(written: &str) -> Result<Column, String> {
    let says = "an expression says what it is: AS \"name!: i64\", or AS \"name?: i64\" if it can be NULL";
    let Ok((name, Claim { nullable: Some(nullable), r#type: Some(r#type) })) = named(written) else {
        // A name of its own accord is the expression's text; with a claim it is worth a message of its own.
        return Err(match Claim::parse(written) {
            Err(message) if written.contains(['!', '?']) => message,
            _ => format!("{says}; the types are {}", Type::NAMES),
        });
    };
    Ok(Column { name: name.into(), r#type, nullable, written: written.into() })
}

fn named(written: &str) -> Result<(&str, Claim), String> {
    let (name, claim) = Claim::parse(written)?;
    if is_rust_name(name) {
        Ok((name, claim))
    } else {
        Err(format!("{name} cannot be the name of a field: give it one in small letters with AS"))
    }
}

/// Why NOT NULL columns may come out as NULL.
#[derive(Debug, Default, PartialEq, Eq)]
struct Doubt {
    about_all: Option<&'static str>,
    /// Tables in small letters that stand behind a LEFT JOIN.
    far: Vec<String>,
}

impl Doubt {
    fn new(sql: &str, tables: &[Table]) -> Self {
        let text = Expression::new(sql);
        let has = |words: &[&str]| (0..text.0.len()).any(|at| words.iter().any(|word| text.is(at, word)));
        let table = |name: &str| tables.iter().find(|table| table.name.eq_ignore_ascii_case(name));
        let is_left = |at: &usize| text.is(*at, "join") && text.follows(*at, 1, &["left", "outer"]);
        let far = (0..text.0.len()).filter(is_left).map(|at| text.0.get(at + 1).map_or(String::new(), Token::name));
        let far: Vec<String> = far.collect();
        let about_all = if has(&["union", "intersect", "except"]) {
            Some("a compound SELECT")
        } else if text.0.iter().any(|token| table(&token.name()).is_some_and(|table| table.is_view)) {
            Some("a view")
        } else if has(&["right", "full"])
            || !far.is_empty() && has(&["with"])
            || far.iter().any(|name| table(name).is_none())
        {
            Some("an outer join")
        } else if (0..text.0.len()).any(|at| is_scalar(&text, at)) {
            Some("a subquery without rows")
        } else {
            None
        };
        Self { about_all, far }
    }

    /// What it is that can put NULL in place of a column of this table.
    fn about(&self, table: &Table) -> Option<&'static str> {
        let is_far = self.far.iter().any(|name| table.name.eq_ignore_ascii_case(name));
        self.about_all.or(is_far.then_some("an outer join"))
    }
}

/// Whether a SELECT begins here that may stand for a value among others.
fn is_scalar(text: &Expression<'_>, at: usize) -> bool {
    if !["select", "with", "values"].iter().any(|word| text.is(at, word)) {
        return false;
    }
    let opening = (0..at).rev().take_while(|before| text.is(*before, "(")).count();
    opening > 0 && text.follows(at, opening + 1, &["select", "distinct", "all", "returning", ","])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_put_null_in_place_of_a_column_is_seen() {
        let table = |name: &str, is_view| Table { name: name.into(), is_view, columns: Vec::new() };
        let tables = [table("t", false), table("u", false), table("v", true)];
        let (join, subquery) = (Some("an outer join"), Some("a subquery without rows"));
        for (sql, about_t, about_u) in [
            ("SELECT a FROM t", None, None),
            ("SELECT a FROM t WHERE b IN (SELECT c FROM u) AND d = (SELECT 1)", None, None),
            ("SELECT a FROM (SELECT a FROM t), u", None, None),
            ("SELECT \"left\" FROM t WHERE b = 'UNION'", None, None),
            ("SELECT coalesce((SELECT 1), 2), a FROM t", None, None),
            ("SELECT a FROM t LEFT JOIN U ON 1", None, join),
            ("SELECT a FROM t x NATURAL LEFT OUTER JOIN u, t", None, join),
            ("SELECT a FROM u LEFT JOIN u AS other", None, join),
            ("SELECT a FROM u RIGHT JOIN t", join, join),
            ("SELECT a FROM t LEFT JOIN (SELECT b FROM u)", join, join),
            ("WITH u AS (SELECT a FROM t) SELECT a FROM t LEFT JOIN u", join, join),
            ("SELECT a FROM v", Some("a view"), Some("a view")),
            ("SELECT a FROM t EXCEPT SELECT b FROM u", Some("a compound SELECT"), Some("a compound SELECT")),
            ("SELECT (SELECT a FROM t)", subquery, subquery),
            ("SELECT a, (((WITH b AS (SELECT 1) SELECT c FROM t))) FROM t", subquery, subquery),
            ("DELETE FROM t RETURNING (SELECT a FROM u)", subquery, subquery),
        ] {
            let doubt = Doubt::new(sql, &tables);
            assert_eq!((doubt.about(&tables[0]), doubt.about(&tables[1])), (about_t, about_u), "{sql}");
        }
    }
}
