//! The parameters of a query: name, type, and whether they can be NULL.

use super::sites::{Null, Site, Sites};
use super::source::{Note, Source};
use super::sql::{names, places};
use super::tables::Table;
use super::types::{Type, is_rust_name};

/// The most that a Durable Object takes.
const MAX: usize = 100;

/// A parameter. Its position is its place in the query's list, from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) r#type: Type,
    pub(super) nullable: bool,
    pub(super) doc: String,
    /// Where values of its kind can be found.
    pub(super) like: Like,
}

/// Which values a parameter may have when the statement is tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Like {
    /// Any of its type.
    Type,
    /// Those in a column of a table.
    Column { table: String, column: String },
    /// A LIMIT that takes all rows, an OFFSET that passes over none.
    Number(i64),
}

/// What is wrong, and at which byte of the file.
pub(super) type Wrong = (usize, String);

/// The parameters of `source` in the order of their positions.
///
/// # Errors
/// What is wrong with each that is wrong.
pub(super) fn parameters(source: &Source<'_>, tables: &[Table]) -> Result<Vec<Parameter>, Vec<Wrong>> {
    let names = names(source.sql);
    let mut wrong = Vec::new();
    if names.len() > MAX {
        wrong.push((source.start, format!("has {} parameters; a Durable Object takes {MAX}", names.len())));
    }
    for (index, note) in source.notes.iter().enumerate() {
        if !names.contains(&note.name) {
            wrong.push((note.at, format!("the statement has no parameter :{}", note.name)));
        }
        if source.notes.iter().take(index).any(|other| other.name == note.name) {
            wrong.push((note.at, format!(":{} has a note already", note.name)));
        }
    }
    let sites = Sites::new(source.sql, tables);
    let mut parameters = Vec::new();
    for name in names {
        let starts = places(source.sql).into_iter().filter(|place| place.name == name).map(|place| place.start);
        let starts: Vec<usize> = starts.collect();
        let found: Vec<Site> = starts.iter().map(|start| sites.at(*start)).collect();
        let note = source.notes.iter().find(|note| note.name == name);
        match parameter(name, &found, note) {
            Ok(parameter) => parameters.push(parameter),
            Err(message) => wrong.push((source.start + starts.first().unwrap_or(&0), message)),
        }
    }
    if wrong.is_empty() { Ok(parameters) } else { Err(wrong) }
}

fn parameter(name: &str, sites: &[Site], note: Option<&Note<'_>>) -> Result<Parameter, String> {
    if !is_rust_name(name) {
        return Err(format!(":{name} cannot be the name of an argument: write it in small letters"));
    }
    let claim = note.map(|note| note.claim).unwrap_or_default();
    let r#type = r#type(name, sites, claim.r#type)?;
    let is = |null| sites.iter().any(|site| site.null == null);
    if claim.nullable == Some(true) && is(Null::Refused) {
        return Err(format!(":{name} is written to a column that is NOT NULL: it cannot be optional"));
    }
    let nullable = claim.nullable.unwrap_or_else(|| is(Null::Meant) && !is(Null::Refused));
    let site = sites.iter().find_map(|site| site.r#type.as_ref());
    let doc = match (note.map(|note| note.doc), site) {
        (Some(doc), _) if !doc.is_empty() => doc.into(),
        (_, Some((_, what))) if what.contains('.') => format!("For `{what}`."),
        _ => format!("`:{name}`."),
    };
    let like = match (sites.iter().find_map(|site| site.column.clone()), site) {
        (Some((table, column)), _) => Like::Column { table, column },
        (None, Some((_, what))) if what == "LIMIT" => Like::Number(-1),
        (None, Some((_, what))) if what == "OFFSET" => Like::Number(0),
        (None, _) => Like::Type,
    };
    Ok(Parameter { name: name.into(), r#type, nullable, doc, like })
}

/// The one type that all places and the file's note agree on.
fn r#type(name: &str, sites: &[Site], claim: Option<Type>) -> Result<Type, String> {
    let mut told = sites.iter().filter_map(|site| site.r#type.as_ref());
    let Some((first, what)) = told.next() else {
        return claim.ok_or_else(|| {
            format!(
                "the type of :{name} cannot be told from where it stands: write `-- :{name}: i64` above the \
                 statement, with one of {}",
                Type::NAMES
            )
        });
    };
    if let Some((other, elsewhere)) = told.find(|(other, _)| other != first) {
        let (first, other) = (first.name(), other.name());
        return Err(format!(":{name} is {first} for {what} and {other} for {elsewhere}: make it two, or CAST one"));
    }
    match claim {
        Some(claim) if !first.may_be(claim) => {
            Err(format!(":{name} is said to be {}, but for {what} it is {}", claim.name(), first.name()))
        }
        claim => Ok(claim.unwrap_or(*first)),
    }
}
