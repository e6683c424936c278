//! Checks the migrations and the queries with SQLite and embeds them, for `src/` to include.

use std::env;
use std::path::PathBuf;

use anyhow::Context;

fn main() -> anyhow::Result<()> {
    println!("cargo:rerun-if-env-changed=OWNBASE_MIGRATIONS");
    let migrations = PathBuf::from(env::var_os("OWNBASE_MIGRATIONS").unwrap_or_else(|| "migrations".into()));
    let out = PathBuf::from(env::var_os("OUT_DIR").context("cargo sets OUT_DIR")?);
    ownbase_sql::embed_migrations(&migrations, &out.join("migrations.rs"))?;
    Ok(ownbase_sql::embed_queries(&migrations, "queries".as_ref(), &out.join("queries.rs"))?)
}
