//! Counting what is in a state directory, beside what goes on in it.
//!
//! A thread goes from folder to folder, and pauses as long as each has taken, so that it uses half of a disk at most. Of a
//! database that is used before its folder is counted, the count takes what its use says, and not what the listing
//! says, which may be older or newer.

use super::{Size, Usage, signed};
use crate::files::folders;
use std::{
    ffi::OsStr,
    fs::{self, DirEntry},
    io,
    path::{Path, PathBuf},
    sync::{Arc, Weak, atomic::Ordering::SeqCst},
    thread,
    time::{Duration, Instant},
};

/// What a file's length is rounded up to.
const BLOCK_BYTES: u64 = 4_096;

/// The longest pause.
const MAX_PAUSE: Duration = Duration::from_secs(1);

/// Starts the thread, which ends when all is counted or nobody wants the count any more.
pub(super) fn start(usage: &Arc<Usage>, state_dir: &Path) -> io::Result<()> {
    let (usage, state_dir) = (Arc::downgrade(usage), state_dir.to_owned());
    thread::Builder::new().name("ownbase-count".to_owned()).spawn(move || count(&usage, &state_dir)).map(drop)
}

/// What a file of so many bytes takes.
pub(super) fn on_disk(bytes: u64) -> u64 {
    bytes.checked_next_multiple_of(BLOCK_BYTES).unwrap_or(u64::MAX)
}

fn count(usage: &Weak<Usage>, state_dir: &Path) {
    let start = Instant::now();
    let users = state_dir.join("users");
    let counted = count_beside_users(usage, state_dir)
        .and_then(|()| (0..=u8::MAX).try_for_each(|byte| count_folder(usage, &users, byte)));
    let Some(usage) = usage.upgrade() else { return };
    match counted {
        Ok(()) => {
            usage.is_known.store(true, SeqCst);
            let (users, bytes, took_ms) = (usage.users.load(SeqCst), usage.bytes(), start.elapsed().as_millis());
            tracing::info!(users, bytes, took_ms, "the state directory is counted");
        }
        Err(error) => tracing::error!(%error, "the state directory cannot be counted, and is not bounded"),
    }
}

fn count_folder(usage: &Weak<Usage>, users: &Path, byte: u8) -> io::Result<()> {
    let start = Instant::now();
    let Some(usage) = usage.upgrade() else { return Ok(()) };
    let mut listed = Vec::new();
    for entry in fs::read_dir(folders::folder(users, byte))? {
        let entry = entry?;
        listed.push((entry.path(), bytes_of(&entry)));
    }
    let mut uncounted = usage.uncounted();
    let used = uncounted.get_mut(usize::from(byte)).and_then(Option::take).unwrap_or_default();
    let (mut found, mut bytes) = (0, 0);
    for (path, length) in listed {
        if !used.contains_key(&database_of(&path)) {
            found += i64::from(is_database(&path));
            bytes += length;
        }
    }
    for size in used.into_values() {
        found += i64::from(size.exists);
        bytes += Size::bytes(size);
    }
    // Before the lock goes: what is done from now on is added to this.
    usage.add(found, signed(bytes));
    drop(uncounted);
    drop(usage);
    thread::sleep(start.elapsed().min(MAX_PAUSE));
    Ok(())
}

/// What is in quarantine, compiled components, records.
fn count_beside_users(usage: &Weak<Usage>, state_dir: &Path) -> io::Result<()> {
    let mut bytes = 0;
    let mut folders = vec![state_dir.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            // Some of it comes and goes.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            // Copies that are tried come and go; SQLite's temporary files are counted elsewhere.
            let is_counted_elsewhere = ["users", "tmp", "dry-run"].iter().any(|name| entry.file_name() == *name);
            if !entry.file_type()?.is_dir() {
                bytes += bytes_of(&entry);
            } else if !(is_counted_elsewhere && folder == state_dir) {
                folders.push(entry.path());
            }
        }
    }
    if let Some(usage) = usage.upgrade() {
        usage.add(0, signed(bytes));
    }
    Ok(())
}

/// Nothing for what is no file, or gone meanwhile.
fn bytes_of(entry: &DirEntry) -> u64 {
    entry.metadata().ok().filter(|found| found.is_file()).map_or(0, |found| on_disk(found.len()))
}

fn is_database(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "db")
}

/// The database to which a file belongs, if it is one or lies beside one: a log, or what is being made or erased.
fn database_of(path: &Path) -> PathBuf {
    match path.extension().and_then(OsStr::to_str) {
        Some(extension) if extension.starts_with("db-") => path.with_extension("db"),
        _ => path.to_owned(),
    }
}
