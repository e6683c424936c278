//! Makes the folder that Cloudflare's tools upload and workerd serves: JavaScript bindings for the compiled wasm, the wasm
//! made small, and the Worker's own files beside them.
//!
//! wasm-bindgen is used as a library, so no program of the same version has to be installed. `wasm-opt` is optional: the
//! Worker works without it and is larger. What would be uploaded is packed as gzip does and must stay under 1 MB, a third
//! of what Cloudflare takes on its free plan.
//!
//! It neither compiles nor uploads. Prints one line; exits 1 with one line that begins with `error: `.

mod bindings;
mod optimise;
mod size;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;

/// Makes what is uploaded of a Worker's compiled wasm.
#[derive(Debug, Parser)]
struct Flags {
    /// The wasm that cargo built; its name is that of the bindings
    #[arg(long, value_name = "FILE")]
    wasm: PathBuf,
    /// Taken along as it is; repeatable
    #[arg(long, value_name = "FILE")]
    file: Vec<PathBuf>,
    /// binaryen's wasm-opt; without it the wasm stays as large as it is
    #[arg(long, value_name = "PROGRAM")]
    wasm_opt: Option<PathBuf>,
    /// Made if missing; what has the same name in it is written over
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
}

fn main() -> ExitCode {
    match run(&Flags::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(flags: &Flags) -> anyhow::Result<()> {
    std::fs::create_dir_all(&flags.out).with_context(|| format!("cannot make {}", flags.out.display()))?;
    let name = flags.wasm.file_stem().context("--wasm names no file")?.to_string_lossy();
    let made = bindings::make(&flags.wasm, &name, &flags.out)?;
    optimise::run(flags.wasm_opt.as_deref(), &made.wasm)?;
    let mut uploaded = vec![made.wasm, made.javascript];
    for file in &flags.file {
        let copy = flags.out.join(file.file_name().context("--file names no file")?);
        std::fs::copy(file, &copy).with_context(|| format!("cannot copy {} to {}", file.display(), copy.display()))?;
        uploaded.extend(Some(copy).filter(|copy| copy.extension().is_some_and(|ending| ending == "js")));
    }
    let size = size::of(&uploaded)?;
    println!("{}: {size}", flags.out.display());
    size.check()
}
