//! Checks the migrations and the queries with SQLite and turns them into Rust.

use std::env;
use std::path::PathBuf;

use anyhow::Context;

fn main() -> anyhow::Result<()> {
    let out = PathBuf::from(env::var_os("OUT_DIR").context("cargo sets OUT_DIR")?);
    ownbase_sql::embed_migrations("migrations".as_ref(), &out.join("migrations.rs"))?;
    Ok(ownbase_sql::embed_queries("migrations".as_ref(), "queries".as_ref(), &out.join("queries.rs"))?)
}
