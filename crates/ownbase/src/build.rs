//! `ownbase build`: runs the build command of each component, as `spin build` does.
//!
//! Commands run by the shell, one after the other, in the component's `workdir` (the manifest's folder unless given);
//! their output is the terminal's. The first that fails ends the build.

use crate::cli::BuildFlags;
use crate::console;
use crate::manifest::component::{Build, Component};
use crate::manifest::faults::{Faults, Source};
use crate::manifest::{self, Manifest};
use anyhow::{Context, Result, bail};
use std::path::Path;
use std::process::Command;

/// Builds every component of the manifest that says how.
pub(crate) fn run(flags: &BuildFlags) -> Result<()> {
    let (file, folder) = manifest::locate(&flags.from);
    let text = manifest::read_text(&file, "say where it is by --from").map_err(anyhow::Error::msg)?;
    let mut faults = Faults::default();
    let manifest = Manifest::parse(&Source::new(manifest::shown_name(&file), &text), &mut faults);
    faults.into_result()?;
    let builds: Vec<(&Component, &Build)> =
        manifest.components.values().filter_map(|component| Some((component, component.build.as_ref()?))).collect();
    if builds.is_empty() {
        console::line("No component has a build command (add [component.<id>.build] with `command` to the manifest).");
    }
    for (component, build) in builds {
        for command in &build.commands {
            build_component(&component.id, command, build, &folder)?;
        }
    }
    Ok(())
}

fn build_component(id: &str, command: &str, build: &Build, folder: &Path) -> Result<()> {
    let workdir = build.workdir.as_ref().map_or_else(|| folder.to_owned(), |workdir| folder.join(workdir));
    console::line(&format!("Building {id}: {command}"));
    let status =
        Command::new("/bin/sh").arg("-c").arg(command).current_dir(&workdir).status().with_context(|| {
            format!("cannot run the build of {id} in {} (does the folder exist?)", workdir.display())
        })?;
    if !status.success() {
        bail!("the build of {id} failed: `{command}` ended with {status} (its output is above)");
    }
    Ok(())
}
