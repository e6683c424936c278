//! What the build needs beyond cargo: the standard library for the wasm targets, and a C compiler for SQLite.
//!
//! Only rustup's targets are installed by themselves, since they stay inside rustup's own folder; for everything else
//! the error says what to type.

use anyhow::{Context, bail};
use std::path::Path;
use std::process::{Command, Stdio};

/// The target of a component.
pub(crate) const COMPONENT: &str = "wasm32-wasip2";
/// The target of a Durable Object.
pub(crate) const DURABLE_OBJECT: &str = "wasm32-unknown-unknown";

/// Adds those of `targets` that rustc lacks, and checks that there is a C compiler.
pub(crate) fn ensure(targets: &[&str]) -> anyhow::Result<()> {
    check_c_compiler()?;
    for target in targets {
        if !has_standard_library(target)? {
            add(target)?;
        }
    }
    Ok(())
}

/// SQLite is compiled from C. On Windows the build finds Microsoft's compiler in ways of its own.
fn check_c_compiler() -> anyhow::Result<()> {
    if cfg!(windows) {
        return Ok(());
    }
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    // CC may carry arguments, or a wrapper before the compiler.
    let program = compiler.split_whitespace().next().unwrap_or("cc");
    let found = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if found.is_err() {
        bail!(
            "no C compiler `{program}`, which SQLite is built with: `apt-get install gcc libc6-dev` on Debian, \
             `xcode-select --install` on macOS, or set CC"
        );
    }
    Ok(())
}

fn has_standard_library(target: &str) -> anyhow::Result<bool> {
    let output = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", target])
        .output()
        .context("cannot start rustc: install Rust from https://rustup.rs")?;
    if !output.status.success() {
        bail!("this rustc does not know {target}: run `rustup update stable`");
    }
    Ok(Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir())
}

fn add(target: &str) -> anyhow::Result<()> {
    eprintln!("adding the standard library for {target} (a few seconds) …");
    match Command::new("rustup").args(["target", "add", target]).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => bail!("`rustup target add {target}` failed: mend what it says above, then try again"),
        Err(_) => bail!(
            "the standard library for {target} is missing and there is no rustup to add it: \
             install Rust from https://rustup.rs instead of a distribution's package"
        ),
    }
}
