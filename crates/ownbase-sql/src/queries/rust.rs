//! Writes the queries as Rust: a module `queries` with a function for each, and structs for parameters and rows.
//!
//! The code names `ownbase_database` by path only, so that this crate needs nothing of it. A query that nobody
//! calls, and a column that nobody reads, is dead code, which the module denies. (Rows cannot be compared, since that
//! would count as reading them.)

use std::fmt::Write;

use super::Query;
use super::columns::Column;
use super::parameters::Parameter;
use super::source::Kind;
use super::types::{Type, rust_name};

const HEAD: &str = "\
/// The application's queries, checked when it was built: a function for each, with structs for parameters and rows.
#[deny(dead_code)]
pub(crate) mod queries {
    #[allow(unused_imports, reason = \"there may be no query\")]
    use ::ownbase_database as port;

";

/// The code for all of them.
pub(super) fn rust(queries: &[Query]) -> String {
    let mut code = String::from(HEAD);
    let mut rows: Vec<&str> = Vec::new();
    for query in queries {
        code += &arguments(query);
        if let Some(row) = query.row.as_deref().filter(|row| !rows.contains(row)) {
            rows.push(row);
            code += &row_struct(row, queries, &query.columns);
        }
        code += &function(query);
    }
    code + "}\n"
}

/// The struct for the parameters, if they are more than one.
fn arguments(query: &Query) -> String {
    let Some(name) = query.arguments() else { return String::new() };
    let lifetime = lifetime(query);
    let fields = query.parameters.iter().fold(String::new(), |mut fields, parameter| {
        let Parameter { name, doc, .. } = parameter;
        let (name, r#type) = (rust_name(name), argument_type(parameter, "'a "));
        // Writing to a String cannot fail.
        let _ = write!(fields, "        /// {doc}\n        pub(crate) {name}: {type},\n");
        fields
    });
    let link = rust_name(&query.name);
    format!(
        "    /// The parameters of [`{link}`].\n    #[derive(Debug, Clone, Copy, PartialEq)]\n    \
             pub(crate) struct {name}{lifetime} {{\n{fields}    }}\n\n"
    )
}

fn lifetime(query: &Query) -> &'static str {
    if query.parameters.iter().any(|parameter| parameter.r#type.is_borrowed()) { "<'a>" } else { "" }
}

/// The struct for rows, and how it is read.
fn row_struct(name: &str, queries: &[Query], columns: &[Column]) -> String {
    let owners = queries.iter().filter(|query| query.row.as_deref() == Some(name));
    let owners: Vec<String> = owners.map(|query| format!("[`{}`]", rust_name(&query.name))).collect();
    let (mut fields, mut reads) = (String::new(), String::new());
    for (index, column) in columns.iter().enumerate() {
        let field = rust_name(&column.name);
        let r#type = owned_type(column.r#type);
        let r#type = if column.nullable { format!("Option<{type}>") } else { r#type };
        // Writing to a String cannot fail.
        let _ = writeln!(fields, "        pub(crate) {field}: {type},");
        let _ = write!(reads, "{}{field}: row.take({index})?", if index == 0 { " " } else { ", " });
    }
    format!(
        "    /// A row of {}.\n    #[derive(Debug, Clone)]\n    pub(crate) struct {name} {{\n{fields}    }}\n\n    \
             impl port::typed::FromRow for {name} {{\n        \
                 fn from_row(mut row: port::Row) -> Result<Self, port::Error> {{\n            \
                     Ok(Self {{{reads} }})\n        }}\n    }}\n\n",
        owners.join(", ")
    )
}

fn function(query: &Query) -> String {
    let docs: String = query.docs.iter().map(|line| format!("    /// {line}\n")).collect();
    let count = query.parameters.len();
    let (argument, values) = match (query.parameters.as_slice(), query.arguments()) {
        (_, Some(name)) => {
            let from = |parameter: &Parameter| format!("arguments.{}", rust_name(&parameter.name));
            let elided = lifetime(query).replace("'a", "'_");
            (format!("arguments: {name}{elided}"), values(query, from))
        }
        ([one], None) => (format!("{}: {}", argument_name(one), argument_type(one, "")), values(query, argument_name)),
        _ => (String::new(), "[]".into()),
    };
    let row = query.row.as_deref().unwrap_or_default();
    let (call, answer) = match query.kind {
        Kind::One => ("one", row.to_owned()),
        Kind::Optional => ("optional", format!("Option<{row}>")),
        Kind::Many => ("many", format!("port::typed::Rows<{row}>")),
        Kind::Exec => ("exec", "()".to_owned()),
        Kind::Statement => ("", String::new()),
    };
    let (name, sql) = (rust_name(&query.name), &query.sql);
    let text = format!("        const SQL: port::Sql = port::Sql::new({sql:?});\n");
    if query.kind == Kind::Statement {
        let bound = format!("port::typed::Bound<{count}>");
        return format!(
            "{docs}    pub(crate) fn {name}({argument}) -> {bound} {{\n{text}        \
                 port::typed::Bound {{ sql: SQL, params: {values} }}\n    }}\n\n"
        );
    }
    let argument = if argument.is_empty() { argument } else { format!(", {argument}") };
    format!(
        "{docs}    pub(crate) fn {name}(database: &impl port::Database{argument}) -> \
             Result<{answer}, port::Error> {{\n{text}        \
             port::typed::{call}(database, SQL, &{values})\n    }}\n\n"
    )
}

/// The parameters as an array of the port's values.
fn values(query: &Query, from: impl Fn(&Parameter) -> String) -> String {
    let values = query.parameters.iter().map(|parameter| format!("port::Value::from({})", from(parameter)));
    format!("[{}]", values.collect::<Vec<_>>().join(", "))
}

/// The one parameter as an argument, which may not be called as the other argument is.
fn argument_name(parameter: &Parameter) -> String {
    if parameter.name == "database" { "database_".into() } else { rust_name(&parameter.name) }
}

fn argument_type(parameter: &Parameter, lifetime: &str) -> String {
    let r#type = match parameter.r#type {
        Type::Text => format!("&{lifetime}str"),
        Type::Blob => format!("&{lifetime}[u8]"),
        Type::Any => format!("&{lifetime}port::Value"),
        Type::Integer | Type::Real | Type::Boolean => parameter.r#type.name().into(),
    };
    if parameter.nullable { format!("Option<{type}>") } else { r#type }
}

fn owned_type(r#type: Type) -> String {
    if r#type == Type::Any { "port::Value".into() } else { r#type.name().into() }
}
