//! `workerd serve` on a Worker, with its objects' databases on disk.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, ensure};
use serde_json::Value;

use super::{file_named_by, file_needed_with};
use crate::harness::home::Home;

#[derive(Debug, Clone)]
pub(crate) struct Workerd {
    bin: PathBuf,
    /// The Worker's workerd.capnp, which stands beside its modules.
    worker: PathBuf,
    worker_next: Option<PathBuf>,
    worker_sabotage: Option<PathBuf>,
}

impl Workerd {
    /// `OWNBASE_WORKERD` and `OWNBASE_WORKER`, with what `OWNBASE_WORKER_NEXT` and `OWNBASE_WORKER_SABOTAGE` add;
    /// `None` without the first.
    pub(super) fn from_environment() -> Result<Option<Self>> {
        let Some(bin) = file_named_by("OWNBASE_WORKERD")? else { return Ok(None) };
        let worker = file_needed_with("OWNBASE_WORKERD", "OWNBASE_WORKER")?;
        let worker_next = file_named_by("OWNBASE_WORKER_NEXT")?;
        let worker_sabotage = file_named_by("OWNBASE_WORKER_SABOTAGE")?;
        Ok(Some(Self { bin, worker, worker_next, worker_sabotage }))
    }

    pub(super) fn next_build(&self) -> Option<Self> {
        Some(Self { worker: self.worker_next.clone()?, ..self.clone() })
    }

    pub(super) fn sabotage_build(&self) -> Option<Self> {
        Some(Self { worker: self.worker_sabotage.clone()?, ..self.clone() })
    }

    pub(super) fn command(&self, home: &Home, flags: &[&str]) -> Result<Command> {
        ensure!(flags.is_empty(), "workerd has no {flags:?}");
        std::fs::create_dir_all(home.state_dir())?;
        let mut folder = OsString::from("--directory-path=users=");
        folder.push(home.state_dir());
        let mut command = Command::new(&self.bin);
        command.arg("serve").arg(&self.worker).args(["--socket-addr=http=127.0.0.1:0", "--control-fd=1"]).arg(folder);
        command.current_dir(home.path()).env_remove("INSECURE_NO_AUTH");
        Ok(command)
    }
}

/// workerd reports in JSON which port it took; what else it prints to stdout is the Worker's log.
pub(super) fn address_in(line: &str) -> Option<String> {
    let event: Value = serde_json::from_str(line).ok()?;
    let port = (event["event"] == "listen").then(|| event["port"].as_u64())??;
    Some(format!("127.0.0.1:{port}"))
}
