//! Checks the migrations with SQLite and embeds them, for `src/` to include.

use std::env;
use std::path::PathBuf;

use anyhow::Context;

fn main() -> anyhow::Result<()> {
    println!("cargo:rerun-if-env-changed=OWNBASE_MIGRATIONS");
    let migrations = env::var_os("OWNBASE_MIGRATIONS").unwrap_or_else(|| "migrations".into());
    let out = PathBuf::from(env::var_os("OUT_DIR").context("cargo sets OUT_DIR")?).join("migrations.rs");
    Ok(ownbase_sql::embed_migrations(migrations.as_ref(), &out)?)
}
