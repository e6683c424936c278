//! Writes the checked migrations as Rust.
//!
//! The code names `::ownbase_database` by path only, so that this crate needs nothing of it. In a build for wasm it
//! also puts them into the module as a custom section ([`MIGRATIONS_SECTION`]), which wit-component leaves where it
//! is: whoever has the component can roll out what the component expects. A section takes no memory of an instance.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::check::{Migration, Statement, read_migrations};
use crate::fault::Error;

/// The custom section of a wasm module that holds its migrations: a JSON array of objects with `version`, `name`,
/// `checksum`, `compatible_with` and `statements`, in order.
pub const MIGRATIONS_SECTION: &str = "ownbase:migrations";

/// Checks the migrations in `dir` and writes them to the file `out` as `pub(crate) static MIGRATIONS`.
/// In a module for wasm they stand a second time, in its custom section [`MIGRATIONS_SECTION`].
///
/// For a build script: it tells cargo to run it again when anything in `dir` changes. The application includes the
/// file and depends on `ownbase-database`.
///
/// ```no_run
/// let out = std::path::PathBuf::from(std::env::var_os("OUT_DIR").unwrap()).join("migrations.rs");
/// ownbase_sql::embed_migrations("migrations".as_ref(), &out)?;
/// # Ok::<(), ownbase_sql::Error>(())
/// ```
///
/// # Errors
/// [`Error::Faults`] where a migration is wrong; [`Error::Read`], [`Error::Write`] where the machine is.
pub fn embed_migrations(dir: &Path, out: &Path) -> Result<(), Error> {
    println!("cargo:rerun-if-changed={}", dir.display());
    let code = rust(&read_migrations(dir)?);
    fs::write(out, code).map_err(|source| Error::Write { path: out.into(), source })
}

fn rust(migrations: &[Migration]) -> String {
    let mut code = String::from(
        "/// The application's migrations in order, checked when it was built.\n\
         pub(crate) static MIGRATIONS: &[::ownbase_database::migration::Migration] = &[\n",
    );
    for Migration { version, name, checksum, compatible_with, statements } in migrations {
        let statements: String = statements.iter().map(sql).collect();
        // Writing to a String cannot fail.
        let _ = write!(
            code,
            "    ::ownbase_database::migration::Migration {{\n        \
                 version: {version},\n        \
                 name: {name:?},\n        \
                 checksum: {checksum:?},\n        \
                 compatible_with: {compatible_with},\n        \
                 statements: &[\n{statements}        ],\n    }},\n"
        );
    }
    code.push_str("];\n");
    code.push_str(&section(&json(migrations)));
    code
}

/// The custom section, whose attribute is `unsafe` since a wrong name could be a section that the loader interprets.
fn section(json: &str) -> String {
    let (length, escaped) = (json.len(), json.escape_default());
    format!(
        "/// The same for whoever has only the component.\n\
         #[cfg(target_arch = \"wasm32\")]\n\
         #[allow(unsafe_code)]\n\
         #[used]\n\
         #[unsafe(link_section = {MIGRATIONS_SECTION:?})]\n\
         static MIGRATIONS_SECTION: [u8; {length}] = *b\"{escaped}\";\n"
    )
}

/// Of a statement with two forms only the plain one: nothing is rolled out to where the other is needed.
fn json(migrations: &[Migration]) -> String {
    let migrations = migrations.iter().map(|Migration { version, name, checksum, compatible_with, statements }| {
        let statements: Vec<&str> = statements.iter().map(|statement| statement.plain.as_str()).collect();
        json!({
            "version": version,
            "name": name,
            "checksum": checksum,
            "compatible_with": compatible_with,
            "statements": statements,
        })
    });
    ascii(&Value::Array(migrations.collect()).to_string())
}

/// JSON without other characters than ASCII's, as a byte string of Rust wants it.
fn ascii(json: &str) -> String {
    let mut units = [0; 2];
    json.chars().fold(String::with_capacity(json.len()), |mut ascii, character| {
        if character.is_ascii() {
            ascii.push(character);
        } else {
            for unit in character.encode_utf16(&mut units) {
                // Writing to a String cannot fail.
                let _ = write!(ascii, "\\u{unit:04x}");
            }
        }
        ascii
    })
}

fn sql(Statement { plain, attached }: &Statement) -> String {
    match attached {
        Some(attached) => format!("            ::ownbase_database::Sql::create({plain:?}, {attached:?}),\n"),
        None => format!("            ::ownbase_database::Sql::new({plain:?}),\n"),
    }
}
