//! `ownbase`: serves Spin applications in which every user has an SQLite database of their own.
//!
//! This file is the table of contents.
//!
//! - `cli` names every command and flag; `up` and `build` are the commands.
//! - `manifest`, `runtime_config` and `variables` read what the operator wrote, and gather its faults.
//! - `engine`, `app` and `instance` turn components into running instances, on wasmtime.
//! - `server` accepts connections and answers requests; `problem` is what it answers in a component's place,
//!   `request_id` what every answer carries; `admin` is the second listener.
//! - `telemetry`, `guest_output` and `console` speak; `shutdown` listens.
//!
//! Exit codes: 0, 2 for a wrong flag, 1 for everything else, with one line that says what to do.

mod admin;
mod app;
mod build;
mod cli;
mod console;
mod engine;
mod guest_output;
mod instance;
mod manifest;
mod problem;
mod request_id;
mod runtime_config;
mod server;
mod shutdown;
mod telemetry;
mod up;
mod variables;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let result = match cli::Cli::parse().command {
        cli::Command::Up(flags) => up::run(&flags),
        cli::Command::Build(flags) => build::run(&flags),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            console::error(&error);
            ExitCode::FAILURE
        }
    }
}
