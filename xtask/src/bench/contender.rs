//! The servers that are measured, and how each is built and started.

use super::Ready;
use super::server::Server;
use crate::node::Programs as Node;
use crate::up::workerd;
use crate::{artifacts, repository::Repository, setup};
use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Contender {
    Ownbase,
    Native,
    Workerd,
}

impl Contender {
    pub(crate) const ALL: [Self; 3] = [Self::Ownbase, Self::Native, Self::Workerd];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ownbase => "ownbase",
            Self::Native => "native",
            Self::Workerd => "workerd",
        }
    }
}

/// `ownbase`, ready to be started.
pub(crate) struct Ownbase {
    program: PathBuf,
    manifest: PathBuf,
}

impl Ownbase {
    /// Builds the component, and the server as it is shipped, unless there is one already.
    pub(crate) fn build(repository: &Repository, ready: &Ready) -> anyhow::Result<Self> {
        setup::ensure(&[setup::COMPONENT])?;
        artifacts::component(repository)?;
        let program = match &ready.ownbase {
            Some(program) => {
                ensure!(program.is_file(), "--ownbase: there is no file {}", program.display());
                // A name without a folder would be searched for elsewhere.
                std::path::absolute(program)?
            }
            None => {
                eprintln!("building ownbase as it is shipped (some ten minutes the first time) …");
                artifacts::shipped(repository)?;
                artifacts::shipped_path(repository)
            }
        };
        Ok(Self { program, manifest: repository.root.join("spin.toml") })
    }

    /// Serves the databases of `state`. It never is the first start there, which alone compiles the component, and keeps
    /// some of the memory that took.
    pub(crate) fn start(&self, state: &Path) -> anyhow::Result<Server> {
        if !state.exists() {
            self.serve(state)?.stop()?;
        }
        self.serve(state)
    }

    fn serve(&self, state: &Path) -> anyhow::Result<Server> {
        let mut command = Command::new(&self.program);
        command.args(["up", "--from"]).arg(&self.manifest);
        Server::announced(command.args(["--listen", "127.0.0.1:0", "--state-dir"]).arg(state), state)
    }
}

/// All of them.
pub(crate) struct Programs {
    ownbase: Ownbase,
    native: PathBuf,
    workerd: PathBuf,
    worker: PathBuf,
}

impl Programs {
    pub(crate) fn build(repository: &Repository, ready: &Ready) -> anyhow::Result<Self> {
        setup::ensure(&[setup::DURABLE_OBJECT])?;
        let workerd = Node::install(repository)?.workerd()?;
        let ownbase = Ownbase::build(repository, ready)?;
        artifacts::native(repository)?;
        artifacts::worker(repository)?;
        let worker = artifacts::worker_path(repository);
        Ok(Self { ownbase, native: artifacts::native_path(repository), workerd, worker })
    }

    /// Returns once the server answers, or will as soon as it can.
    pub(crate) fn start(&self, contender: Contender, state: &Path) -> anyhow::Result<Server> {
        match contender {
            Contender::Ownbase => self.ownbase.start(state),
            Contender::Native => {
                let mut command = Command::new(&self.native);
                Server::announced(command.args(["--listen", "127.0.0.1:0", "--state-dir"]).arg(state), state)
            }
            Contender::Workerd => {
                std::fs::create_dir_all(state).with_context(|| format!("cannot make {}", state.display()))?;
                let listener = TcpListener::bind("127.0.0.1:0")?;
                let address = listener.local_addr()?;
                let command = workerd::server(&self.workerd, &self.worker, listener, state)?;
                Server::at(address, command, state)
            }
        }
    }
}
