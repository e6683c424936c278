//! wasm-opt on a file, in its place. That it is missing, or fails, is a warning: what cargo built works as it is.

use std::path::Path;
use std::process::Command;

use anyhow::Context;

/// The features of WebAssembly that rustc uses for wasm32-unknown-unknown. Never all: wasm-opt would bring in some that a
/// runtime may lack.
const FEATURES: [&str; 6] = [
    "--enable-bulk-memory",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

pub(crate) fn run(wasm_opt: Option<&Path>, wasm: &Path) -> anyhow::Result<()> {
    let Some(program) = wasm_opt else {
        eprintln!(
            "warning: no wasm-opt, the Worker stays a tenth larger than it need be (`npm ci --ignore-scripts` in \
             crates/notes-worker installs it)"
        );
        return Ok(());
    };
    let smaller = wasm.with_extension("wasm.opt");
    let status = Command::new(program)
        .args(["-Oz", "--strip-debug", "--strip-producers"])
        .args(FEATURES)
        .arg(wasm)
        .arg("-o")
        .arg(&smaller)
        .status();
    match status {
        Ok(status) if status.success() => {
            std::fs::rename(&smaller, wasm).with_context(|| format!("cannot write {}", wasm.display()))
        }
        Ok(status) => warn(program, &status.to_string()),
        Err(error) => warn(program, &error.to_string()),
    }
}

fn warn(program: &Path, why: &str) -> anyhow::Result<()> {
    eprintln!("warning: {} failed ({why}): the Worker stays larger than it need be", program.display());
    Ok(())
}
