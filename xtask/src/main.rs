//! `cargo xtask`: what is done with this repository, one file a command.
//!
//! It is compiled before anything else can happen, so it depends on little and starts `cargo` for all that is heavy.
//! Every command works from any directory inside the repository and exits 0 or 1, or 2 for a wrong flag.

mod artifacts;
mod bench;
mod embedding;
mod http;
mod migration;
mod node;
mod prove;
mod repository;
mod serving;
mod setup;
mod test;
mod tidy;
mod up;
mod worker;
mod wrangler;

use clap::{Parser, Subcommand};
use repository::Repository;
use std::process::ExitCode;

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about = "Set up, serve, test, check and measure Ownbase.")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Set up what is missing, build, and serve the notes on http://127.0.0.1:3000; with `--engine workerd` on
    /// Cloudflare's engine instead.
    Up {
        /// Passed on to `ownbase up`; `cargo xtask up -- --help` lists them, with `--engine workerd` those it takes.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Set up, build, and run every test.
    Test {
        /// Run only the tests whose name contains this.
        filter: Option<String>,
    },
    /// Build the Worker that Cloudflare runs, and check its size.
    Worker,
    /// Write, check and release the migrations of this service, from schema.sql.
    Migration {
        /// Passed on; `cargo xtask migration -- --help` lists them.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Check the rules of ARCHITECTURE.md and CONTRIBUTING.md that a program can check.
    Tidy,
    /// Measure `ownbase up` beside the native server and workerd, or with many users, and draw the figures: Linux, needs
    /// `wrk` and a quiet machine.
    Bench(Box<bench::Arguments>),
    /// Show by long runs that what is promised holds: after a power cut, and among clients that mean no good.
    Prove(prove::Arguments),
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    let repository = Repository::find()?;
    match command {
        Command::Up { arguments } => up::run(&repository, &arguments),
        Command::Test { filter } => test::run(&repository, filter.as_deref()),
        Command::Worker => worker::run(&repository),
        Command::Migration { arguments } => migration::run(&repository, &arguments),
        Command::Tidy => tidy::run(&repository),
        Command::Bench(arguments) => bench::run(&repository, &arguments),
        Command::Prove(arguments) => prove::run(&repository, &arguments),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_up_is_passed_on() {
        let command = Arguments::try_parse_from(["xtask", "up", "--listen", "127.0.0.1:0", "--from"]);
        let Ok(Arguments { command: Command::Up { arguments } }) = command else { unreachable!() };
        assert_eq!(arguments, ["--listen", "127.0.0.1:0", "--from"]);
    }
}
