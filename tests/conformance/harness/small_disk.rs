//! A disk of some megabytes that a case may fill: a file system in memory, mounted where only the case looks.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

/// Goes when dropped, with all that is on it.
#[derive(Debug)]
pub(crate) struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Makes a folder and mounts a disk of so many MiB there. `None`, which it says, where nobody may mount one: only root may.
    pub(crate) fn mount(folder: &Path, mib: u32) -> Result<Option<Self>> {
        fs::create_dir_all(folder)?;
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", &format!("size={mib}m,mode=0700"), "ownbase-test"]).arg(folder);
        if command.output().is_ok_and(|output| output.status.success()) {
            return Ok(Some(Self(folder.to_owned())));
        }
        eprintln!("not run: no disk can be mounted here (run it as root)");
        Ok(None)
    }

    /// Writes until there is no room for another byte.
    pub(crate) fn fill(&self) -> Result<()> {
        let mut filler = File::options().create(true).append(true).open(self.filler())?;
        for piece in [1 << 16, 1] {
            loop {
                match filler.write_all(&vec![0; piece]) {
                    Ok(()) => {}
                    Err(error) if error.kind() == ErrorKind::StorageFull => break,
                    Err(error) => return Err(error).context("cannot fill the disk"),
                }
            }
        }
        Ok(())
    }

    /// Gives back what [`SmallDisk::fill`] took.
    pub(crate) fn free(&self) -> Result<()> {
        Ok(fs::remove_file(self.filler())?)
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Also while something on it is still open.
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).output();
    }
}
