//! Where the repository and its build directory are, and `cargo` run on it.

use anyhow::{Context, bail};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The repository that this program was started in.
pub(crate) struct Repository {
    /// The folder with the workspace's Cargo.toml.
    pub(crate) root: PathBuf,
    /// Where cargo puts what it builds (`target`, unless CARGO_TARGET_DIR or a cargo configuration says otherwise).
    pub(crate) target: PathBuf,
    metadata: Value,
}

impl Repository {
    /// Asks cargo, since it alone knows all the ways in which a target directory can be set.
    pub(crate) fn find() -> anyhow::Result<Self> {
        let manifest = std::env::var_os("CARGO_MANIFEST_DIR")
            .context("start this program as `cargo xtask`: cargo tells it where the repository is")?;
        let root = Path::new(&manifest).parent().context("xtask's folder stands in no repository")?.to_owned();
        let output = cargo(&root)
            .args(["metadata", "--no-deps", "--format-version", "1"])
            .output()
            .context("cannot start cargo")?;
        if !output.status.success() {
            bail!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        let metadata: Value = serde_json::from_slice(&output.stdout).context("cargo metadata wrote no JSON")?;
        let target = metadata["target_directory"].as_str().context("cargo metadata names no target directory")?.into();
        Ok(Self { root, target, metadata })
    }

    /// `cargo`, to be run in the repository's root.
    pub(crate) fn cargo(&self) -> Command {
        cargo(&self.root)
    }

    /// The names of a package's integration tests.
    pub(crate) fn integration_tests(&self, package: &str) -> Vec<String> {
        let members = self.metadata["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
        members
            .iter()
            .filter(|member| member["name"] == package)
            .flat_map(|member| member["targets"].as_array().map(Vec::as_slice).unwrap_or_default())
            .filter(|target| target["kind"][0] == "test")
            .filter_map(|target| target["name"].as_str().map(str::to_owned))
            .collect()
    }
}

/// The very cargo that started this program, so that one toolchain builds everything.
fn cargo(root: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root);
    command
}

/// Runs a command to its end; anything but success is an error that names it.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    let status = command.status().with_context(|| format!("cannot start {}", command.get_program().display()))?;
    if !status.success() {
        bail!("{status}: {}", line(command));
    }
    Ok(())
}

/// Ends this process as the command, so that a signal meant for it reaches it and its exit code is ours.
#[cfg(unix)]
pub(crate) fn become_(mut server: Command) -> anyhow::Result<()> {
    use std::os::unix::process::CommandExt;
    Err(server.exec()).with_context(|| format!("cannot start {}", server.get_program().display()))
}

#[cfg(not(unix))]
pub(crate) fn become_(mut server: Command) -> anyhow::Result<()> {
    let status = server.status().with_context(|| format!("cannot start {}", server.get_program().display()))?;
    std::process::exit(status.code().unwrap_or(1))
}

/// The command as it would be typed.
fn line(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_stem().unwrap_or_default();
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
