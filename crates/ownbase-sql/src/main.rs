//! The command `migration` by itself: what `cargo xtask migration` runs.

use clap::Parser;
use std::process::ExitCode;

/// Writes and checks migrations of an application in which every user has an SQLite database.
#[derive(Parser)]
#[command(name = "migration", max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    migration: ownbase_sql::cli::Args,
}

fn main() -> ExitCode {
    match ownbase_sql::cli::run(&Cli::parse().migration) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
