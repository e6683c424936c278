//! The engines that run the application. A run of the suite is a run of one of them, chosen by the environment.

use std::env;
use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use super::home::Home;
use super::server::Server;

mod ownbase;
mod workerd;

use ownbase::Ownbase;
use workerd::Workerd;

/// What runs the application, with all that is needed to start it.
#[derive(Debug, Clone)]
pub(crate) enum Engine {
    /// `ownbase up`.
    Ownbase(Ownbase),
    /// Cloudflare's, with a Durable Object for every user.
    Workerd(Workerd),
}

/// An engine's name alone: whom a case is meant for, whose files a [`Home`] holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EngineName {
    Ownbase,
    Workerd,
}

impl Engine {
    /// The engine whose variables are set, if there is one.
    pub(crate) fn from_environment() -> Result<Option<Self>> {
        match (Ownbase::from_environment()?, Workerd::from_environment()?) {
            (Some(_), Some(_)) => bail!("OWNBASE_BIN and OWNBASE_WORKERD are both set, and a run is of one engine"),
            (ownbase, workerd) => Ok(ownbase.map(Self::Ownbase).or(workerd.map(Self::Workerd))),
        }
    }

    pub(crate) fn name(&self) -> EngineName {
        match self {
            Self::Ownbase(_) => EngineName::Ownbase,
            Self::Workerd(_) => EngineName::Workerd,
        }
    }

    /// The same engine with the next build of the application, if there is one.
    pub(crate) fn next_build(&self) -> Option<Self> {
        match self {
            Self::Ownbase(ownbase) => ownbase.next_build().map(Self::Ownbase),
            Self::Workerd(workerd) => workerd.next_build().map(Self::Workerd),
        }
    }

    /// The build that fails when asked to, if there is one.
    pub(crate) fn sabotage_build(&self) -> Option<Self> {
        match self {
            Self::Ownbase(ownbase) => ownbase.sabotage_build().map(Self::Ownbase),
            Self::Workerd(workerd) => workerd.sabotage_build().map(Self::Workerd),
        }
    }

    /// The same build, asked from its start on to fail in one way. Only ownbase can be; workerd's is asked by requests.
    pub(crate) fn asked_to_fail(&self, sabotage: &'static str) -> Result<Self> {
        match self {
            Self::Ownbase(ownbase) => Ok(Self::Ownbase(ownbase.asked_to_fail(sabotage))),
            Self::Workerd(_) => bail!("workerd cannot be asked to fail by {sabotage}"),
        }
    }

    /// The command that rolls this build out to all users. Only ownbase has one.
    pub(crate) fn migrate(&self, home: &Home, flags: &[&str]) -> Result<Command> {
        match self {
            Self::Ownbase(ownbase) => ownbase.migrate(home, flags),
            Self::Workerd(_) => bail!("workerd rolls nothing out"),
        }
    }

    /// The same engine with a component that has `from` replaced by `to`, of the same length, wherever it occurs.
    pub(crate) fn with_edited_component(&self, home: &Home, from: &str, to: &str) -> Result<Self> {
        let Self::Ownbase(ownbase) = self else { bail!("only ownbase has one component") };
        ensure!(from.len() == to.len(), "{from} and {to} differ in length");
        let mut wasm = fs::read(ownbase.component())?;
        let length = wasm.len();
        let found: Vec<usize> =
            (0..length).filter(|at| wasm.get(*at..).is_some_and(|rest| rest.starts_with(from.as_bytes()))).collect();
        ensure!(!found.is_empty(), "the component has no {from}");
        for at in found {
            wasm.splice(at..at + from.len(), to.bytes());
        }
        let path = home.path().join("edited.wasm");
        fs::write(&path, wasm)?;
        Ok(Self::Ownbase(ownbase.with_component(path)))
    }

    /// Starts a server on a free port and waits until it serves.
    pub(crate) fn start(&self, home: &Home, flags: &[&str]) -> Result<Server> {
        Server::start(self.name(), self.command(home, flags)?, home)
    }

    /// The command that [`Engine::start`] runs.
    pub(crate) fn command(&self, home: &Home, flags: &[&str]) -> Result<Command> {
        match self {
            Self::Ownbase(ownbase) => ownbase.command(home, flags),
            Self::Workerd(workerd) => workerd.command(home, flags),
        }
    }
}

impl EngineName {
    /// The address that a server serves on, if this line of its stdout says so.
    pub(crate) fn address_in(self, line: &str) -> Option<String> {
        match self {
            Self::Ownbase => ownbase::address_in(line),
            Self::Workerd => workerd::address_in(line),
        }
    }
}

impl fmt::Display for EngineName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Ownbase => "ownbase",
            Self::Workerd => "workerd",
        })
    }
}

/// The absolute path of a file that is there, if the variable is set.
fn file_named_by(variable: &str) -> Result<Option<PathBuf>> {
    let Some(path) = env::var_os(variable).map(PathBuf::from) else { return Ok(None) };
    ensure!(path.is_absolute(), "{variable} must be an absolute path, not {}", path.display());
    ensure!(path.is_file(), "{variable}: there is no file {}", path.display());
    Ok(Some(path))
}

/// The file that goes with the engine that `engine`'s variable names.
fn file_needed_with(engine: &str, variable: &str) -> Result<PathBuf> {
    file_named_by(variable)?.with_context(|| format!("{engine} is set, {variable} is not"))
}
