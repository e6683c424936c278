//! Who may read what: files for their owner alone (0600), folders too (0700).

use std::{
    fs::{self, DirBuilder, Permissions},
    io,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::Path,
};

/// The mode of every file that this crate makes.
pub(crate) const OWNER_ONLY: u32 = 0o600;

const OWNER_ONLY_FOLDER: u32 = 0o700;

/// Makes a folder that only its owner can enter, whatever the umask. Says whether the folder is new.
pub(super) fn make_private_folder(path: &Path) -> io::Result<bool> {
    match DirBuilder::new().mode(OWNER_ONLY_FOLDER).create(path) {
        // A umask may have taken rights from the owner.
        Ok(()) => fs::set_permissions(path, Permissions::from_mode(OWNER_ONLY_FOLDER)).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(false),
        Err(error) => Err(error),
    }
}
