//! Where each engine keeps users' databases, and under which names.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::engine::EngineName;

/// The Worker's objects: `uniqueKey` in workerd.capnp, and thereby the name of their folder.
const UNIQUE_KEY: &str = "users";

/// All files that belong to users, below the state directory.
pub(crate) fn of_users(engine: EngineName, state_dir: &Path) -> Result<Vec<PathBuf>> {
    match engine {
        // A folder for each first byte of a hash.
        EngineName::Ownbase => {
            let folders = entries(&state_dir.join("users"))?;
            Ok(folders.iter().map(|folder| entries(folder)).collect::<Result<Vec<_>>>()?.concat())
        }
        // One folder, in which workerd keeps the objects' alarms too; it makes it with the first object.
        EngineName::Workerd => {
            let folder = state_dir.join(UNIQUE_KEY);
            let mut paths = if folder.exists() { entries(&folder)? } else { Vec::new() };
            paths.retain(|path| !path.to_string_lossy().contains("/metadata.sqlite"));
            Ok(paths)
        }
    }
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect()
}

/// Whether this is a database, and not what SQLite keeps beside one.
pub(crate) fn is_database(engine: EngineName, path: &Path) -> bool {
    let expected = match engine {
        EngineName::Ownbase => "db",
        EngineName::Workerd => "sqlite",
    };
    path.extension().is_some_and(|extension| extension == expected)
}

/// The file name of the database with this label, if it has at most 200 bytes.
pub(crate) fn database_of(engine: EngineName, label: &str) -> Result<String> {
    Ok(match engine {
        EngineName::Ownbase => format!("{label}.db"),
        EngineName::Workerd => format!("{}.sqlite", object_id(label)?),
    })
}

/// Where the database with this label is, whether there is one or not, if it has at most 200 bytes.
pub(crate) fn place_of(engine: EngineName, state_dir: &Path, label: &str) -> Result<PathBuf> {
    let folder = match engine {
        EngineName::Ownbase => {
            let first = Sha256::digest(label).first().copied().unwrap_or_default();
            state_dir.join("users").join(format!("{first:02x}"))
        }
        EngineName::Workerd => state_dir.join(UNIQUE_KEY),
    };
    Ok(folder.join(database_of(engine, label)?))
}

/// What `idFromName` makes of a name: 16 bytes that stand for the name, and 16 by which workerd knows its own ids.
/// <https://github.com/cloudflare/workerd/blob/main/src/workerd/server/actor-id-impl.c++>
fn object_id(name: &str) -> Result<String> {
    let key = Sha256::digest(UNIQUE_KEY);
    let half = |of: &[u8]| -> Result<Vec<u8>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).map_err(|error| anyhow!("{error}"))?;
        mac.update(of);
        Ok(mac.finalize().into_bytes().into_iter().take(16).collect())
    };
    let first = half(name.as_bytes())?;
    Ok(first.iter().chain(&half(&first)?).map(|byte| format!("{byte:02x}")).collect())
}
