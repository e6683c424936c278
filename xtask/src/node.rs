//! What the Worker needs of Node.js: npm, and by it the programs that crates/notes-worker/package-lock.json pins.
//!
//! They are installed into `node_modules` beside that file, 340 MB, and again whenever the versions there are not those of
//! package.json. Their install scripts are not run: npm brings the programs themselves.

use crate::repository::{Repository, run};
use anyhow::{Context, bail};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The programs in one place.
pub(crate) struct Programs {
    folder: PathBuf,
}

impl Programs {
    /// Installs what is not there as pinned.
    pub(crate) fn install(repository: &Repository) -> anyhow::Result<Self> {
        let folder = repository.root.join("crates/notes-worker");
        let manifest = json(&folder.join("package.json"))?;
        if !is_installed(&folder, &manifest)? {
            check_node(manifest["engines"]["node"].as_str().context("package.json names no version of Node.js")?)?;
            eprintln!("installing workerd, wrangler and binaryen into crates/notes-worker/node_modules (340 MB) …");
            let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
            let arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
            run(Command::new(npm).args(arguments).current_dir(&folder))?;
        }
        Ok(Self { folder: folder.join("node_modules") })
    }

    /// Cloudflare's engine. Not npm's wrapper around it, which would stand between it and its signals.
    pub(crate) fn workerd(&self) -> anyhow::Result<PathBuf> {
        let system = match std::env::consts::OS {
            "macos" => "darwin",
            system => system,
        };
        let machine = if cfg!(target_arch = "aarch64") { "arm64" } else { "64" };
        let file = format!("@cloudflare/workerd-{system}-{machine}/bin/workerd{}", std::env::consts::EXE_SUFFIX);
        let program = self.folder.join(file);
        if !program.is_file() {
            bail!("there is no {}: workerd is not made for {system} on {}", program.display(), std::env::consts::ARCH);
        }
        Ok(program)
    }

    /// Cloudflare's command, in the folder that has its configuration. Not npx, which would stand in between too.
    pub(crate) fn wrangler(&self) -> Command {
        let mut command = Command::new("node");
        command.arg(self.folder.join("wrangler/bin/wrangler.js"));
        command.current_dir(self.folder.with_file_name(""));
        command
    }

    /// binaryen's optimiser.
    pub(crate) fn wasm_opt(&self) -> PathBuf {
        self.folder.join(".bin/wasm-opt")
    }
}

/// Whether each package that package.json pins is there in just that version.
fn is_installed(folder: &Path, manifest: &Value) -> anyhow::Result<bool> {
    let pinned = manifest["devDependencies"].as_object().context("package.json pins nothing")?;
    Ok(pinned.iter().all(|(name, version)| {
        let installed = json(&folder.join("node_modules").join(name).join("package.json"));
        installed.is_ok_and(|installed| &installed["version"] == version)
    }))
}

fn json(file: &Path) -> anyhow::Result<Value> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is no JSON", file.display()))
}

/// `wanted` is what wrangler asks for: `>=20.3.0`.
fn check_node(wanted: &str) -> anyhow::Result<()> {
    let install = format!("install Node.js {wanted} with npm, from https://nodejs.org");
    let Ok(output) = Command::new("node").arg("--version").output() else {
        bail!("there is no Node.js, which brings workerd and wrangler: {install}");
    };
    let version = String::from_utf8_lossy(&output.stdout);
    if !is_new_enough(version.trim(), wanted) {
        bail!("Node.js {} is too old for wrangler: {install}", version.trim());
    }
    Ok(())
}

/// Compares what `node --version` prints, `v20.20.2`, with `>=20.3.0`.
fn is_new_enough(version: &str, wanted: &str) -> bool {
    let numbers = |version: &str| -> Vec<u32> {
        version.trim_start_matches(['v', '>', '=']).split('.').map_while(|number| number.parse().ok()).collect()
    };
    numbers(version) >= numbers(wanted)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn old_versions_of_node_are_told() {
        for version in ["v20.3.0", "v20.20.2", "v22.0.0", "v100.0.0"] {
            assert!(is_new_enough(version, ">=20.3.0"), "{version}");
        }
        for version in ["v20.2.9", "v18.20.4", "v9.99.0", "", "v20", "node"] {
            assert!(!is_new_enough(version, ">=20.3.0"), "{version}");
        }
    }

    #[test]
    fn another_version_or_none_is_not_installed() {
        let folder = std::env::temp_dir().join(format!("ownbase-node-{}", std::process::id()));
        let write = |file: &str, text: &str| {
            let file = folder.join(file);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        };
        let manifest = serde_json::json!({"devDependencies": {"workerd": "1.2.3"}});
        assert!(!is_installed(&folder, &manifest).unwrap());
        write("node_modules/workerd/package.json", r#"{"version": "1.2.4"}"#);
        assert!(!is_installed(&folder, &manifest).unwrap());
        write("node_modules/workerd/package.json", r#"{"version": "1.2.3"}"#);
        assert!(is_installed(&folder, &manifest).unwrap());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
