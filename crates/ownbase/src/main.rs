//! `ownbase`: serves Spin applications in which every user has an SQLite database of their own.
//!
//! This file is the table of contents.
//!
//! - `cli` names every command and flag; `up`, `build` and `migrate` are the commands (`migration` is `ownbase-sql`'s).
//! - `manifest`, `runtime_config` and `variables` read what the operator wrote, and gather its faults.
//! - `engine`, `compiled`, `app` and `instance` turn components into running instances, on wasmtime.
//! - `server` accepts connections and answers requests; `problem` is what it answers in a component's place,
//!   `request_id` what every answer carries; `admin` is the second listener, which tells of `health`.
//! - `control` is how other commands reach the server that holds the state directory (`state_dir`).
//! - `telemetry`, `request_log`, `guest_output` and `console` speak; `shutdown` listens.
//!
//! Exit codes: 0, 2 for a wrong flag, 1 for everything else, with one line that says what to do.

mod admin;
mod app;
mod build;
mod cli;
mod compiled;
mod console;
mod control;
mod engine;
mod guest_output;
mod health;
mod instance;
mod manifest;
mod migrate;
mod problem;
mod request_id;
mod request_log;
mod runtime_config;
mod server;
mod shutdown;
mod state_dir;
mod telemetry;
mod up;
mod variables;

use clap::Parser;
use mimalloc::MiMalloc;
use std::process::ExitCode;

// A request allocates some hundred times on its way through hyper and wasmtime.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let result = match cli::Cli::parse().command {
        cli::Command::Up(flags) => up::run(&flags).map(|()| true),
        cli::Command::Build(flags) => build::run(&flags).map(|()| true),
        cli::Command::Migrate(flags) => migrate::run(&flags),
        cli::Command::Migration(arguments) => ownbase_sql::cli::run(&arguments).map(|()| true).map_err(Into::into),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        // It has said what is wrong.
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            console::error(&error);
            ExitCode::FAILURE
        }
    }
}
