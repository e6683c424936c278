//! Where servers run while they are recorded and while images are recovered: in memory, where the machine has such a
//! folder, since a start after a power cut syncs some 260 folders. The power is cut in a model only, so it need not be a
//! disk. It takes some 30 MB.

use anyhow::Context;
use std::fs;
use std::path::{Path, PathBuf};

const MEMORY: &str = "/dev/shm";
const PREFIX: &str = "ownbase-prove-";

/// Removed when dropped; what a process that was killed has left, the next one removes.
pub(crate) struct Workplace(PathBuf);

impl Workplace {
    /// In memory, or else within a folder.
    pub(crate) fn open(folder: &Path) -> anyhow::Result<Self> {
        let memory = Path::new(MEMORY);
        let parent = if memory.is_dir() { memory } else { folder };
        fs::create_dir_all(parent)?;
        for entry in fs::read_dir(parent)? {
            let entry = entry?;
            let name = entry.file_name();
            let process = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
            if process.is_some_and(|process| !Path::new("/proc").join(process).exists()) {
                fs::remove_dir_all(entry.path())?;
            }
        }
        let own = parent.join(format!("{PREFIX}{}", std::process::id()));
        fs::create_dir_all(&own).with_context(|| format!("cannot make {}", own.display()))?;
        Ok(Self(own))
    }

    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Workplace {
    fn drop(&mut self) {
        // The next one tries again.
        let _ = fs::remove_dir_all(&self.0);
    }
}
