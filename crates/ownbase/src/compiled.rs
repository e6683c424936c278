//! Compiled components, kept in the state directory from one start to the next.
//!
//! The cache is wasmtime's own: its key is the component's content, wasmtime's version and the engine's settings. What it
//! holds runs as this process does, so it is used only in a folder that nobody but this user and root can have written,
//! and only while its files are those that were left there: `sums` has the SHA-256 of each. Anything else is removed and
//! compiled anew. A folder that cannot be used costs half a second at each start and nothing else. wasmtime's part is a
//! folder within, from which it removes what it does not know, at times of its own.

use rustix::process::geteuid;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use wasmtime::{Cache, CacheConfig};

/// Bits of a mode that let group and others write.
const OTHERS_WRITE: u32 = 0o022;
/// In such a folder, others cannot rename or remove what is not theirs.
const STICKY: u32 = 0o1000;

/// The compiled components of one state directory.
pub(crate) struct Compiled {
    folder: PathBuf,
    cache: Cache,
}

impl Compiled {
    /// What is kept in `state_dir`, which is made if it is missing; `None` where it cannot be kept safely, which the log
    /// says, or where there can be no state directory, which others say.
    pub(crate) fn open(state_dir: &Path) -> Option<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(state_dir).ok()?;
        let opened = prepare(state_dir).map_err(|error| error.to_string()).and_then(|folder| {
            let mut config = CacheConfig::new();
            // Files are never compressed anew, which would change their sums.
            config.with_directory(cached(&folder)).with_optimized_compression_usage_counter_threshold(u64::MAX);
            let cache = Cache::new(config).map_err(|error| error.to_string())?;
            Ok(Self { folder, cache })
        });
        opened.inspect_err(|error| tracing::info!("components are compiled at every start: {error}")).ok()
    }

    /// For the engine.
    pub(crate) fn cache(&self) -> Cache {
        self.cache.clone()
    }

    /// Writes down what is there, for the next start. To be called once all is compiled.
    pub(crate) fn keep(&self) {
        // Found as it was left: the sums of that are written down already.
        if self.cache.cache_misses() == 0 {
            return;
        }
        let kept = sums(&self.folder).and_then(|sums| fs::write(self.folder.join("sums"), listed(&sums)));
        if let Err(error) = kept {
            tracing::info!("compiled components are not kept: {error}");
        }
    }
}

/// The folder, safe and with nothing in it but what was left there.
fn prepare(state_dir: &Path) -> io::Result<PathBuf> {
    let folder = state_dir.canonicalize()?.join("compiled");
    // Before anything is made there.
    folder.ancestors().skip(1).try_for_each(refuse_if_unsafe)?;
    match DirBuilder::new().mode(0o700).create(&folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => refuse_if_unsafe(&folder)?,
    }
    // A umask, or a copy, may have let others read it.
    fs::set_permissions(&folder, Permissions::from_mode(0o700))?;
    let found = sums(&folder)?;
    if fs::read_to_string(folder.join("sums")).ok() != Some(listed(&found)) {
        found.keys().try_for_each(fs::remove_file)?;
    }
    Ok(folder)
}

/// Where wasmtime keeps what it compiled.
fn cached(folder: &Path) -> PathBuf {
    folder.join("cache")
}

fn refuse_if_unsafe(folder: &Path) -> io::Result<()> {
    match is_safe(folder) {
        true => Ok(()),
        false => Err(io::Error::other(format!("others can write {} (take that from them)", folder.display()))),
    }
}

/// Whether only this user and root can put something into a folder, or something else in its place.
fn is_safe(folder: &Path) -> bool {
    fs::symlink_metadata(folder).is_ok_and(|found| {
        let is_ours = found.uid() == geteuid().as_raw() || found.uid() == 0;
        found.is_dir() && is_ours && (found.mode() & OTHERS_WRITE == 0 || found.mode() & STICKY != 0)
    })
}

/// The sum of each compiled component, by the path of its file.
fn sums(folder: &Path) -> io::Result<BTreeMap<PathBuf, String>> {
    let mut sums = BTreeMap::new();
    for version in entries(&cached(folder).join("modules"))? {
        for file in entries(&version)? {
            // A component's file has no extension. What has one is a counter beside it, which a thread of wasmtime's
            // writes when it likes, under a passing name first.
            if file.extension().is_none() {
                let digest = Sha256::digest(fs::read(&file)?);
                sums.insert(file, digest.iter().map(|byte| format!("{byte:02x}")).collect());
            }
        }
    }
    Ok(sums)
}

fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries?.map(|entry| Ok(entry?.path())).collect(),
    }
}

fn listed(sums: &BTreeMap<PathBuf, String>) -> String {
    sums.iter().map(|(file, sum)| format!("{sum}  {}\n", file.display())).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::time::{Duration, Instant};
    use wasmtime::component::Component;
    use wasmtime::{Config, Engine};

    /// Compiles a component as a start of the server does; whether it was found compiled.
    fn is_found(state_dir: &Path) -> bool {
        let compiled = Compiled::open(state_dir).unwrap();
        let mut config = Config::new();
        config.cache(Some(compiled.cache()));
        let engine = Engine::new(&config).unwrap();
        Component::new(&engine, wat::parse_str("(component (core module (func (export \"f\"))))").unwrap()).unwrap();
        compiled.keep();
        assert_eq!(compiled.cache.cache_hits() + compiled.cache.cache_misses(), 1);
        compiled.cache.cache_hits() == 1
    }

    fn file(state_dir: &Path) -> PathBuf {
        sums(&state_dir.canonicalize().unwrap().join("compiled")).unwrap().into_keys().next().unwrap()
    }

    #[test]
    fn the_second_start_finds_what_the_first_compiled() {
        let state = tempfile::tempdir().unwrap();
        assert_eq!([(); 3].map(|()| is_found(state.path())), [false, true, true]);
    }

    #[test]
    fn what_was_changed_is_compiled_anew() {
        let state = tempfile::tempdir().unwrap();
        is_found(state.path());
        let mut bytes = fs::read(file(state.path())).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(file(state.path()), bytes).unwrap();
        assert_eq!([(); 2].map(|()| is_found(state.path())), [false, true]);
    }

    #[test]
    fn what_wasmtime_tidies_away_is_not_what_is_trusted() {
        let state = tempfile::tempdir().unwrap();
        let folder = state.path().join("compiled");
        let unknown = cached(&folder).join("unknown");
        fs::create_dir_all(cached(&folder)).unwrap();
        fs::write(&unknown, "").unwrap();
        assert!(!is_found(state.path()));
        // A thread of wasmtime's does it once it has compiled something.
        let until = Instant::now() + Duration::from_secs(60);
        while unknown.exists() {
            assert!(Instant::now() < until, "nothing is tidied away any more");
            std::thread::yield_now();
        }
        assert!(folder.join("sums").exists());
        assert!(is_found(state.path()));
    }

    #[test]
    fn counters_that_come_and_go_change_nothing() {
        let state = tempfile::tempdir().unwrap();
        is_found(state.path());
        let component = file(state.path());
        // Nothing can be read from it, as from a file that is gone by then.
        std::os::unix::fs::symlink("nothing", component.with_extension("passing")).unwrap();
        assert!(is_found(state.path()));
    }

    #[test]
    fn what_nobody_here_compiled_is_not_trusted() {
        let state = tempfile::tempdir().unwrap();
        is_found(state.path());
        fs::remove_file(state.path().join("compiled/sums")).unwrap();
        assert_eq!([(); 2].map(|()| is_found(state.path())), [false, true]);
    }

    #[test]
    fn a_folder_that_others_can_write_is_not_used() {
        let state = tempfile::tempdir().unwrap();
        is_found(state.path());
        for folder in [state.path().join("compiled"), state.path().to_owned()] {
            for mode in [0o777, 0o770] {
                fs::set_permissions(&folder, Permissions::from_mode(mode)).unwrap();
                assert!(Compiled::open(state.path()).is_none(), "{mode:o}");
            }
            fs::set_permissions(&folder, Permissions::from_mode(0o700)).unwrap();
        }
        assert!(is_found(state.path()));
    }
}
