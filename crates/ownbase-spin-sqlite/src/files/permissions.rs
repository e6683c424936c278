//! Who may read and write what lies in a state directory: the user of this process alone.
//!
//! Files have the mode 0600 and folders 0700 from their first moment on, whatever the umask. An earlier build, a copy or a
//! umask may have left more: a start takes that back from folders, and an open takes it back from a database's file. Only
//! what belongs to this process's user is changed, and nothing behind a symbolic link. SQLite gives a log the mode of its
//! database, and its temporary files 0600.
//!
//! What this does not do: it does not look at the folders in which the state directory is, nor at access control lists.

use rustix::{
    fs::{Mode, OFlags, open},
    process::geteuid,
};
use std::{
    fs::{self, DirBuilder, File, Metadata, Permissions},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::Path,
};

/// What the owner may do with a file.
pub(crate) const FILE: u32 = 0o600;
/// What the owner may do with a folder.
pub(super) const FOLDER: u32 = 0o700;

/// Bits of a mode that let group and others do something.
const OTHERS: u32 = 0o077;
/// The bit that lets the group write.
const GROUP_WRITES: u32 = 0o020;

/// Everything that Ownbase keeps in a state directory, by name.
const OURS: [&str; 17] = [
    "compiled",
    "control.new",
    "control.sock",
    "dry-run",
    "format",
    "format.anew",
    "health-probe",
    "lock",
    "marks",
    "marks.anew",
    "migrate",
    "quarantine",
    "rollout.json",
    "rollout.json.new",
    "settled",
    "tmp",
    "users",
];

/// Makes the state directory, and what it is in, if it is missing.
pub(super) fn make_state_dir(path: &Path) -> io::Result<()> {
    let is_new = !path.exists();
    DirBuilder::new().recursive(true).mode(FOLDER).create(path)?;
    if is_new {
        // A umask may have taken something from the owner.
        fs::set_permissions(path, Permissions::from_mode(FOLDER))?;
    }
    Ok(())
}

/// Makes a folder, or takes back from others what they may do with it. Says whether it was made.
pub(super) fn make_folder(path: &Path) -> io::Result<bool> {
    match DirBuilder::new().mode(FOLDER).create(path) {
        Ok(()) => fs::set_permissions(path, Permissions::from_mode(FOLDER)).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {
            tighten_folder(path, FOLDER).map(|()| false)
        }
        Err(error) => Err(error),
    }
}

/// Makes an empty file, unless there is one.
pub(crate) fn make_file(path: &Path) -> io::Result<()> {
    File::options().create(true).truncate(false).write(true).mode(FILE).open(path).map(drop)
}

/// Opens a file, to be read and synced, and takes back from others what they may do with it.
pub(super) fn open_tightened(path: &Path) -> io::Result<File> {
    let file = File::open(path)?;
    tighten_file(&file, path)?;
    Ok(file)
}

/// Takes back from others what they may do with a file that was opened by its path.
pub(super) fn tighten_file(file: &File, path: &Path) -> io::Result<()> {
    let found = file.metadata()?;
    // Behind a link there may be anything.
    if is_loose(&found) && fs::symlink_metadata(path)?.ino() == found.ino() {
        file.set_permissions(Permissions::from_mode(FILE))?;
    }
    Ok(())
}

/// The same for the state directory. Somebody may keep other things in it, for others to reach: then the group may write
/// to it no more, and that is all.
pub(super) fn tighten_state_dir(path: &Path) -> io::Result<()> {
    let mode = fs::metadata(path)?.mode();
    let is_ours_alone =
        fs::read_dir(path)?.all(|entry| entry.is_ok_and(|entry| OURS.iter().any(|name| entry.file_name() == *name)));
    tighten_folder(path, if is_ours_alone { FOLDER } else { mode & 0o7777 & !GROUP_WRITES })
}

fn tighten_folder(path: &Path, mode: u32) -> io::Result<()> {
    let found = fs::symlink_metadata(path)?;
    if is_loose(&found) && found.is_dir() && found.mode() & 0o7777 != mode {
        // By a handle, so that nobody puts a link in its place meanwhile.
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::RDONLY | OFlags::CLOEXEC;
        let folder = File::from(open(path, flags, Mode::empty())?);
        if is_loose(&folder.metadata()?) {
            folder.set_permissions(Permissions::from_mode(mode))?;
        }
    }
    Ok(())
}

/// Whether others may do something with what this user owns.
fn is_loose(found: &Metadata) -> bool {
    found.mode() & OTHERS != 0 && found.uid() == geteuid().as_raw()
}
