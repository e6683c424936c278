//! The command line: every command and flag, with its default and unit.
//!
//! Names are Spin's where Spin has the thing. A wrong flag ends the process with exit code 2 and clap's message.

mod limits;

use crate::migrate::plan::{Canary, OnError};
use crate::server::authority::HostName;
use crate::variables::{Given, GivenParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
pub(crate) use limits::LimitFlags;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Serves Spin applications in which every user has an SQLite database of their own.
#[derive(Parser, Debug)]
#[command(version, max_term_width = 100)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Serve the application
    Up(Box<UpFlags>),
    /// Run the build command of each component
    Build(BuildFlags),
    /// Bring every user's database to the newest version
    ///
    /// The migrations are those that the built component carries. Where `ownbase up` serves the databases, it does the
    /// work, beside its requests; else `ownbase up` does not start until the roll-out has ended. Stopped or killed, it
    /// goes on when it is run again. Exit code 0 if all is well, 1 if a database failed or was not reached.
    Migrate(MigrateFlags),
    /// Write, check and release migrations
    Migration(ownbase_sql::cli::Args),
}

/// Flags of `ownbase migrate`.
#[derive(Args, Debug)]
pub(crate) struct MigrateFlags {
    /// The application's manifest, or the folder that holds a spin.toml
    #[arg(long, short = 'f', value_name = "FILE", default_value = "spin.toml")]
    pub(crate) from: PathBuf,
    /// Folder of the users' databases [default: .ownbase beside the manifest]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) state_dir: Option<PathBuf>,
    /// Databases worked on at once [default: 4 for each core; in a server 2, and 16 at most]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) jobs: Option<u16>,
    /// Only try, on a private copy of each database: say what would fail, and change nothing (then run it without)
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Databases that go first, a number or a share of all; unless all of them succeed no other is begun
    #[arg(long, value_name = "N|P%")]
    pub(crate) canary: Option<Canary>,
    /// What follows on a failure
    #[arg(long, value_enum, value_name = "WHAT", default_value_t = OnError::Stop)]
    pub(crate) on_error: OnError,
    /// Time that one SQL statement may run, in milliseconds [default: 5000]. In a server the server's own limit holds
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u64).range(1..=3_600_000))]
    pub(crate) statement_timeout_ms: Option<u64>,
    /// Print the outcome as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    /// Say how many databases are at each version, and which failed when last tried; change nothing
    #[arg(long, conflicts_with_all = ["dry_run", "canary", "on_error"])]
    pub(crate) status: bool,
}

/// Flags of `ownbase build`.
#[derive(Args, Debug)]
pub(crate) struct BuildFlags {
    /// The application's manifest, or the folder that holds a spin.toml
    #[arg(long, short = 'f', value_name = "FILE", default_value = "spin.toml")]
    pub(crate) from: PathBuf,
}

/// Flags of `ownbase up`.
#[derive(Args, Debug)]
pub(crate) struct UpFlags {
    /// The application's manifest, or the folder that holds a spin.toml
    #[arg(long, short = 'f', value_name = "FILE", default_value = "spin.toml")]
    pub(crate) from: PathBuf,
    /// Address to serve HTTP/1.1 and, to clients that begin with it, HTTP/2 on, without TLS; port 0 takes any free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:3000", value_parser = address)]
    pub(crate) listen: SocketAddr,
    /// Serve on an address that other machines reach, though there is no authentication: whoever can connect can read and
    /// erase every user. Meant for a server behind a proxy or a firewall that lets in only whom it should
    #[arg(long)]
    pub(crate) insecure_no_auth: bool,
    /// Name or address, without a port, by which clients may call the server beside localhost, *.localhost, 127.0.0.0/8
    /// and ::1; repeatable. A request with another Host gets 421. Off loopback any Host is answered unless this is given
    #[arg(long, value_name = "NAME", value_parser = HostName::parse)]
    pub(crate) host: Vec<HostName>,
    /// Address of the admin listener, which answers GET /health over HTTP/1.1; off unless given. It tells of no user and
    /// changes nothing, so it may be reached from other machines without --insecure-no-auth
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub(crate) admin_listen: Option<SocketAddr>,
    /// Folder for the users' databases, made if missing [default: .ownbase beside the manifest]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) state_dir: Option<PathBuf>,
    /// Spin's runtime configuration; its [sqlite_database.*] tables are checked
    #[arg(long, value_name = "FILE")]
    pub(crate) runtime_config_file: Option<PathBuf>,
    /// Value of an application variable, or with @ the name of a file that holds the value (64 KiB; one newline at its end
    /// is left out; a value that begins with @ is written @@…); repeatable. Other users of the machine see flags: a secret
    /// belongs in a file, or in the environment as SPIN_VARIABLE_NAME, the name in upper case. The flag goes before the
    /// environment, and the environment before the manifest's default
    #[arg(long, value_name = "NAME=VALUE|NAME=@FILE", value_parser = GivenParser)]
    pub(crate) variable: Vec<Given>,
    /// Form of the log lines on stderr; OWNBASE_LOG (or RUST_LOG) filters them, "info" unless set
    #[arg(long, value_enum, value_name = "FORM", default_value_t = LogFormat::Text)]
    pub(crate) log_format: LogFormat,
    /// When an answer may leave: once all that its request wrote or read is on disk, or earlier
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = DurabilityFlag::Full)]
    pub(crate) durability: DurabilityFlag,
    /// With --durability relaxed: a power cut may take back what was answered within so many milliseconds
    #[arg(long, value_name = "MS", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=60_000))]
    pub(crate) relaxed_window_ms: u64,
    /// Limits.
    #[command(flatten)]
    pub(crate) limits: LimitFlags,
}

/// When an answer may leave.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq)]
pub(crate) enum DurabilityFlag {
    /// Once all that its request wrote or read is on disk.
    Full,
    /// Up to --relaxed-window-ms earlier.
    Relaxed,
}

/// Form of the log lines.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

fn address(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse().map_err(|_| "write an IP address and a port, as in 127.0.0.1:3000 or [::]:3000")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    fn up(flags: &[&str]) -> Result<UpFlags, clap::Error> {
        let cli = Cli::try_parse_from(["ownbase", "up"].iter().chain(flags))?;
        match cli.command {
            Command::Up(flags) => Ok(*flags),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_definition_holds_together() {
        <Cli as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn defaults_are_what_the_help_says() {
        let flags = up(&[]).unwrap();
        assert_eq!(flags.listen.to_string(), "127.0.0.1:3000");
        assert_eq!(flags.limits.max_body_bytes, 131_072);
        assert_eq!(flags.limits.max_instance_reuse_count, 1024);
        assert_eq!((flags.limits.max_database_bytes, flags.limits.max_temp_bytes), (1 << 30, 256 << 20));
        assert_eq!((flags.limits.max_users, flags.limits.max_state_bytes), (1_000_000, None));
        assert_eq!((flags.admin_listen, flags.state_dir), (None, None));
    }

    #[test]
    fn variables_are_names_and_values() {
        let flags = up(&["--variable", "a=1", "--variable", "b=x=y"]).unwrap();
        assert_eq!(flags.variable, ["a=1", "b=x=y"].map(|text| Given::parse(text).unwrap()));
        let error = up(&["--variable", "hunter2"]).unwrap_err().to_string();
        assert!(error.starts_with("error: --variable needs NAME=VALUE or NAME=@FILE"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn wrong_flags_are_refused() {
        for flags in [
            ["--listen", "3000"],
            ["--listen", "localhost:3000"],
            ["--admin-listen", "127.0.0.1"],
            ["--max-instances", "0"],
            ["--max-body-bytes", "-1"],
            ["--threads", "many"],
            ["--log-format", "xml"],
            ["--from", ""],
            ["--port", "1"],
            ["--host", "notes.example:3000"],
        ] {
            assert!(up(&flags).is_err(), "{flags:?}");
        }
    }
}
