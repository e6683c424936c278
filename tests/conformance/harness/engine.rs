//! The engines that run the application, and how each is started.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::home::Home;
use super::server::Server;

/// What runs the application.
#[derive(Debug, Clone)]
pub(crate) enum Engine {
    /// `ownbase up`.
    Ownbase(Ownbase),
}

/// The programs of the engine `ownbase`.
#[derive(Debug, Clone)]
pub(crate) struct Ownbase {
    bin: PathBuf,
    component: PathBuf,
    component_next: Option<PathBuf>,
    sabotage_bin: Option<PathBuf>,
    /// Value of `OWNBASE_SABOTAGE`.
    sabotage: Option<&'static str>,
}

impl Engine {
    /// The engine named by `OWNBASE_BIN` and `OWNBASE_COMPONENT`, with what `OWNBASE_COMPONENT_NEXT` and
    /// `OWNBASE_SABOTAGE_BIN` add; `None` without the first.
    pub(crate) fn from_environment() -> Result<Option<Self>> {
        let Some(bin) = file_named_by("OWNBASE_BIN")? else { return Ok(None) };
        let component = file_named_by("OWNBASE_COMPONENT")?.context("OWNBASE_BIN is set, OWNBASE_COMPONENT is not")?;
        let component_next = file_named_by("OWNBASE_COMPONENT_NEXT")?;
        let sabotage_bin = file_named_by("OWNBASE_SABOTAGE_BIN")?;
        Ok(Some(Self::Ownbase(Ownbase { bin, component, component_next, sabotage_bin, sabotage: None })))
    }

    /// The same engine with the next build of the application, if there is one.
    pub(crate) fn next_build(&self) -> Option<Self> {
        let Self::Ownbase(ownbase) = self;
        let component = ownbase.component_next.clone()?;
        Some(Self::Ownbase(Ownbase { component, ..ownbase.clone() }))
    }

    /// Whether there is a build that fails when asked to.
    pub(crate) fn has_sabotage_build(&self) -> bool {
        let Self::Ownbase(ownbase) = self;
        ownbase.sabotage_bin.is_some()
    }

    /// The engine built to fail, told in which way.
    pub(crate) fn sabotaged(&self, sabotage: &'static str) -> Result<Self> {
        let Self::Ownbase(ownbase) = self;
        let bin = ownbase.sabotage_bin.clone().context("OWNBASE_SABOTAGE_BIN is not set")?;
        Ok(Self::Ownbase(Ownbase { bin, sabotage: Some(sabotage), ..ownbase.clone() }))
    }

    /// The released engine, asked to fail in one way, which it must refuse.
    pub(crate) fn released_but_sabotaged(&self, sabotage: &'static str) -> Self {
        let Self::Ownbase(ownbase) = self;
        Self::Ownbase(Ownbase { sabotage: Some(sabotage), ..ownbase.clone() })
    }

    /// Starts a server on a free port and waits until it serves.
    pub(crate) fn start(&self, home: &Home, flags: &[&str]) -> Result<Server> {
        Server::start(self.command(home, flags)?, home)
    }

    /// The command that [`Engine::start`] runs.
    pub(crate) fn command(&self, home: &Home, flags: &[&str]) -> Result<Command> {
        let Self::Ownbase(ownbase) = self;
        let mut command = Command::new(&ownbase.bin);
        command.arg("up").arg("--from").arg(home.manifest(&ownbase.component)?);
        command.args(["--listen", "127.0.0.1:0"]).arg("--state-dir").arg(home.state_dir()).args(flags);
        command
            .current_dir(home.path())
            .env_remove("OWNBASE_SABOTAGE")
            .envs(ownbase.sabotage.map(|s| ("OWNBASE_SABOTAGE", s)));
        Ok(command)
    }
}

/// The absolute path of a file that is there, if the variable is set.
fn file_named_by(variable: &str) -> Result<Option<PathBuf>> {
    let Some(path) = env::var_os(variable).map(PathBuf::from) else { return Ok(None) };
    ensure!(path.is_absolute(), "{variable} must be an absolute path, not {}", path.display());
    ensure!(path.is_file(), "{variable}: there is no file {}", path.display());
    Ok(Some(path))
}
