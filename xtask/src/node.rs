//! What the Worker needs of Node.js: npm, and by it the programs that crates/notes-worker/package-lock.json pins.
//!
//! They are installed into `node_modules` beside that file, 340 MB, and again whenever what is there is not what the file
//! pins. Their install scripts are not run: npm brings the programs themselves.

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
        if !is_installed(&folder)? {
            let manifest = json(&folder.join("package.json"))?;
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
            bail!(
                "there is no {}: delete {} if it was installed on another machine; workerd is made for Linux, macOS and \
                 Windows on x64 and for the first two on arm64",
                program.display(),
                self.folder.display()
            );
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
}

/// binaryen's optimiser, if it is installed. Asks for no installation, since `wrangler`, which has this build the Worker,
/// runs from the folder that would be replaced.
pub(crate) fn wasm_opt(repository: &Repository) -> Option<PathBuf> {
    let program = repository.root.join("crates/notes-worker/node_modules/.bin/wasm-opt");
    program.is_file().then_some(program)
}

/// Whether npm has finished with just the packages that package-lock.json pins, but for those of other machines.
fn is_installed(folder: &Path) -> anyhow::Result<bool> {
    // npm writes down there, at the very end, what it has installed.
    let Ok(installed) = json(&folder.join("node_modules/.package-lock.json")) else { return Ok(false) };
    let lock = json(&folder.join("package-lock.json"))?;
    let pinned = lock["packages"].as_object().context("package-lock.json pins nothing")?;
    Ok(pinned.iter().filter(|(path, _)| !path.is_empty()).all(|(path, package)| {
        let version = &installed["packages"][path]["version"];
        *version == package["version"] || version.is_null() && package["optional"] == true
    }))
}

fn json(file: &Path) -> anyhow::Result<Value> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is no JSON", file.display()))
}

/// `wanted` is what wrangler asks for: `>=20.18.1`.
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

/// Compares what `node --version` prints, `v20.20.2`, with `>=20.18.1`.
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
        for version in ["v20.18.1", "v20.20.2", "v22.0.0", "v100.0.0"] {
            assert!(is_new_enough(version, ">=20.18.1"), "{version}");
        }
        for version in ["v20.18.0", "v20.3.0", "v18.20.4", "v9.99.0", "", "v20", "node"] {
            assert!(!is_new_enough(version, ">=20.18.1"), "{version}");
        }
    }

    #[test]
    fn only_what_npm_has_finished_as_pinned_is_installed() {
        let folder = std::env::temp_dir().join(format!("ownbase-node-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("node_modules")).unwrap();
        let write = |file: &str, packages: Value| {
            std::fs::write(folder.join(file), serde_json::json!({ "packages": packages }).to_string()).unwrap();
        };
        let entry = |version: &str| serde_json::json!({ "version": version });
        let elsewhere = serde_json::json!({ "version": "1.2.3", "optional": true });
        write("package-lock.json", serde_json::json!({ "": {}, "a": entry("1.2.3"), "b": elsewhere }));
        assert!(!is_installed(&folder).unwrap(), "cut short");
        for (packages, expected) in [
            (serde_json::json!({ "a": entry("1.2.4") }), false),
            (serde_json::json!({ "b": entry("1.2.3") }), false),
            (serde_json::json!({ "a": entry("1.2.3"), "b": entry("1.2.4") }), false),
            (serde_json::json!({ "a": entry("1.2.3") }), true),
            (serde_json::json!({ "a": entry("1.2.3"), "b": entry("1.2.3") }), true),
        ] {
            write("node_modules/.package-lock.json", packages.clone());
            assert_eq!(is_installed(&folder).unwrap(), expected, "{packages}");
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
