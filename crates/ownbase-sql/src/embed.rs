//! Writes the checked migrations as Rust.
//!
//! The code names `::ownbase_database` by path only, so that this crate needs nothing of it.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use crate::check::{Migration, Statement, read_migrations};
use crate::fault::Error;

/// Checks the migrations in `dir` and writes them to the file `out` as `pub(crate) static MIGRATIONS`.
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
    code
}

fn sql(Statement { plain, attached }: &Statement) -> String {
    match attached {
        Some(attached) => format!("            ::ownbase_database::Sql::create({plain:?}, {attached:?}),\n"),
        None => format!("            ::ownbase_database::Sql::new({plain:?}),\n"),
    }
}
