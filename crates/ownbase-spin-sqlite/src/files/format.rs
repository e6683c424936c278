//! The number of the state directory's layout: `STATE_DIR/format`.
//!
//! A build refuses a directory with a number that it does not know: a newer build may keep things where this one would
//! not look. An older directory is brought to this build's number in place.
//!
//! | number | what is new |
//! | --- | --- |
//! | 1 | `users/`, without a number |
//! | 2 | `format`, `marks`, `quarantine/`; files are made and erased under other names |

use super::permissions;
use crate::state_error::StateError;
use std::{
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

/// The layout that this build makes.
const NUMBER: u32 = 2;
/// The layout of a directory without a number.
const FIRST: u32 = 1;

const NAME: &str = "format";

/// Refuses a directory of a newer build, and brings an older one to this build's layout. `is_used` if it holds databases.
pub(super) fn settle(state_dir: &Path, is_used: bool) -> Result<(), StateError> {
    let unusable = |source| StateError::Unusable { path: state_dir.to_owned(), source };
    let found = match fs::read(state_dir.join(NAME)) {
        Ok(bytes) => parse(&bytes).ok_or_else(|| StateError::Format { path: state_dir.to_owned() })?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => FIRST,
        Err(error) => return Err(unusable(error)),
    };
    if found > NUMBER {
        return Err(StateError::Newer { path: state_dir.to_owned(), found, known: NUMBER });
    }
    if found < NUMBER {
        write(state_dir).map_err(unusable)?;
        if is_used {
            tracing::info!("the state directory was brought from format {found} to format {NUMBER}");
        }
    }
    Ok(())
}

fn parse(bytes: &[u8]) -> Option<u32> {
    str::from_utf8(bytes).ok()?.trim_end().parse().ok()
}

fn write(state_dir: &Path) -> io::Result<()> {
    let anew = state_dir.join("format.anew");
    let mut file = File::options().create(true).write(true).truncate(true).mode(permissions::FILE).open(&anew)?;
    writeln!(file, "{NUMBER}")?;
    file.sync_all()?;
    fs::rename(&anew, state_dir.join(NAME))?;
    File::open(state_dir)?.sync_all()
}
