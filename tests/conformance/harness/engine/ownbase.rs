//! `ownbase up` on a component.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::{file_named_by, file_needed_with};
use crate::harness::home::Home;

/// What the server prints to stdout, and then its address, once it listens.
const SERVING: &str = "Serving http://";

#[derive(Debug, Clone)]
pub(crate) struct Ownbase {
    bin: PathBuf,
    component: PathBuf,
    component_next: Option<PathBuf>,
    sabotage_bin: Option<PathBuf>,
    /// Value of `OWNBASE_SABOTAGE`.
    sabotage: Option<&'static str>,
}

impl Ownbase {
    /// `OWNBASE_BIN` and `OWNBASE_COMPONENT`, with what `OWNBASE_COMPONENT_NEXT` and `OWNBASE_SABOTAGE_BIN` add;
    /// `None` without the first.
    pub(super) fn from_environment() -> Result<Option<Self>> {
        let Some(bin) = file_named_by("OWNBASE_BIN")? else { return Ok(None) };
        let component = file_needed_with("OWNBASE_BIN", "OWNBASE_COMPONENT")?;
        let component_next = file_named_by("OWNBASE_COMPONENT_NEXT")?;
        let sabotage_bin = file_named_by("OWNBASE_SABOTAGE_BIN")?;
        Ok(Some(Self { bin, component, component_next, sabotage_bin, sabotage: None }))
    }

    pub(super) fn next_build(&self) -> Option<Self> {
        Some(Self { component: self.component_next.clone()?, ..self.clone() })
    }

    pub(super) fn sabotage_build(&self) -> Option<Self> {
        Some(Self { bin: self.sabotage_bin.clone()?, ..self.clone() })
    }

    pub(super) fn asked_to_fail(&self, sabotage: &'static str) -> Self {
        Self { sabotage: Some(sabotage), ..self.clone() }
    }

    /// `ownbase migrate` with this build.
    pub(super) fn migrate(&self, home: &Home, flags: &[&str]) -> Result<Command> {
        let mut command = Command::new(&self.bin);
        command.arg("migrate").arg("--from").arg(home.manifest(&self.component)?);
        command.arg("--state-dir").arg(home.state_dir()).args(flags);
        command.current_dir(home.path()).env_remove("OWNBASE_SABOTAGE");
        Ok(command)
    }

    /// The same engine with another component.
    pub(super) fn with_component(&self, component: PathBuf) -> Self {
        Self { component, ..self.clone() }
    }

    pub(super) fn component(&self) -> &Path {
        &self.component
    }

    pub(super) fn command(&self, home: &Home, flags: &[&str]) -> Result<Command> {
        let mut command = Command::new(&self.bin);
        command.arg("up").arg("--from").arg(home.manifest(&self.component)?);
        command.args(["--listen", "127.0.0.1:0"]).arg("--state-dir").arg(home.state_dir()).args(flags);
        command
            .current_dir(home.path())
            .env_remove("OWNBASE_SABOTAGE")
            .envs(self.sabotage.map(|sabotage| ("OWNBASE_SABOTAGE", sabotage)));
        Ok(command)
    }
}

pub(super) fn address_in(line: &str) -> Option<String> {
    Some(line.strip_prefix(SERVING)?.trim().trim_end_matches('/').to_owned())
}
