//! What a server's files take of the disk.

use anyhow::Context;
use std::fs::{DirEntry, read_dir};
use std::path::Path;

/// What a folder holds, with all folders in it.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Usage {
    /// Allocated by files and folders, which is more than their lengths.
    pub(super) bytes: u64,
    /// Files beside a database that a closed one does not need: a write-ahead log, its index, a journal.
    pub(super) left_over: u64,
}

pub(super) fn usage(folder: &Path) -> anyhow::Result<Usage> {
    let mut usage = Usage::default();
    for entry in read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let entry = entry?;
        usage.bytes += allocated(&entry)?;
        if entry.file_type()?.is_dir() {
            let inside = self::usage(&entry.path())?;
            usage.bytes += inside.bytes;
            usage.left_over += inside.left_over;
        }
        let name = entry.file_name();
        let name = name.to_string_lossy();
        usage.left_over += u64::from(["-wal", "-shm", "-journal"].iter().any(|end| name.ends_with(end)));
    }
    Ok(usage)
}

#[cfg(unix)]
fn allocated(entry: &DirEntry) -> std::io::Result<u64> {
    use std::os::unix::fs::MetadataExt;
    // In units of 512 bytes, whatever the file system's own are.
    Ok(entry.metadata()?.blocks() * 512)
}

#[cfg(not(unix))]
fn allocated(entry: &DirEntry) -> std::io::Result<u64> {
    Ok(entry.metadata()?.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{create_dir_all, remove_dir_all, write};

    #[test]
    fn folders_are_searched_and_left_overs_counted() -> anyhow::Result<()> {
        let root = std::env::temp_dir().join(format!("ownbase-disk-{}", std::process::id()));
        create_dir_all(root.join("3f"))?;
        assert_eq!(usage(&root)?.left_over, 0);
        let before = usage(&root)?.bytes;
        write(root.join("3f/user-a.db"), [1; 20_000])?;
        write(root.join("3f/user-a.db-wal"), [])?;
        write(root.join("user-b.db-shm"), [])?;
        let after = usage(&root)?;
        assert_eq!(after.left_over, 2);
        assert!(after.bytes >= before + 20_000, "{after:?} after {before}");
        remove_dir_all(&root)?;
        Ok(())
    }
}
