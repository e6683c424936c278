//! What is kept of a damaged database: `STATE_DIR/quarantine/LABEL-TIME/`.
//!
//! A damaged database is set aside whole: each of its files is there under its own name. From then on the database is
//! refused, until somebody puts the files back (with the server running or not), removes the folder, or erases the
//! user. A log's end that a power cut left half written is kept there too, as `LABEL.db-wal-tail`; so is a log without a
//! database. Those two refuse nothing.
//!
//! Every folder is new: nothing in quarantine is ever overwritten. Only an erase removes something from quarantine.

use super::permissions;
use chrono::{DateTime, SecondsFormat};
use std::{
    collections::HashMap,
    ffi::OsStr,
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

/// Folders of one name within a second; past it there is an error.
const MAX_SAME_NAME: u32 = 1_000;

/// The folder of damaged databases, and which users have one there.
pub(crate) struct Quarantine {
    folder: PathBuf,
    /// By the name of the database's file, which stands for the label: where it lies.
    whole: Mutex<HashMap<String, PathBuf>>,
}

impl Quarantine {
    /// Reads which databases were set aside before.
    pub(super) fn open(folder: PathBuf) -> io::Result<Quarantine> {
        let mut whole = HashMap::new();
        for entry in entries(&folder)? {
            let files = if entry.is_dir() { entries(&entry)? } else { Vec::new() };
            let database = files.iter().find(|file| file.extension() == Some(OsStr::new("db")));
            if let Some(name) = database.and_then(|file| name(file)) {
                whole.insert(name, entry);
            }
        }
        Ok(Quarantine { folder, whole: Mutex::new(whole) })
    }

    /// How many databases were set aside and not put back, as far as anybody has looked.
    pub(crate) fn count(&self) -> usize {
        self.whole().len()
    }

    /// Whether the database of that name was set aside whole, and lies there still.
    pub(super) fn has(&self, database: &Path) -> bool {
        let Some(name) = name(database) else { return false };
        let mut whole = self.whole();
        match whole.get(&name).map(|folder| folder.join(&name).exists()) {
            Some(true) => true,
            Some(false) => {
                whole.remove(&name);
                false
            }
            None => false,
        }
    }

    /// The database of that name is in its place again.
    pub(super) fn note_return(&self, database: &Path) {
        let mut whole = self.whole();
        // Most directories have none, and this is asked at every open.
        if whole.is_empty() {
            return;
        }
        if let Some(name) = name(database) {
            whole.remove(&name);
        }
    }

    /// Gives all files of a database a second name in a new folder, durably. The caller removes the first ones.
    pub(super) fn take_in(&self, database: &Path, files: &[PathBuf]) -> io::Result<PathBuf> {
        let folder = self.new_folder(database)?;
        for file in files {
            let Some(name) = file.file_name() else { continue };
            match fs::hard_link(file, folder.join(name)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                // Where the file system has no second names.
                Err(error) if error.kind() == io::ErrorKind::Unsupported => drop(fs::copy(file, folder.join(name))?),
                other => other?,
            }
        }
        self.sync(&folder)?;
        if let Some(name) = name(database) {
            self.whole().insert(name, folder.clone());
        }
        Ok(folder)
    }

    /// Copies what follows `offset` in a log to a new folder, durably.
    pub(super) fn keep_tail(&self, database: &Path, log: &mut File, offset: u64) -> io::Result<PathBuf> {
        let folder = self.new_folder(database)?;
        let copied = name(database).map_or(Ok(()), |name| {
            log.seek(SeekFrom::Start(offset))?;
            let path = folder.join(format!("{name}-wal-tail"));
            let mut tail = File::options().write(true).create_new(true).mode(permissions::FILE).open(path)?;
            copy(log, &mut tail)?;
            tail.sync_all()
        });
        match copied.and_then(|()| self.sync(&folder)) {
            Ok(()) => Ok(folder),
            Err(error) => {
                // It holds a part of what is still in its place, and takes room.
                let _ = fs::remove_dir_all(&folder);
                Err(error)
            }
        }
    }

    /// Removes all that was ever set aside of a database. Says whether there was something.
    pub(super) fn erase(&self, database: &Path) -> io::Result<bool> {
        let Some(name) = name(database) else { return Ok(false) };
        let label = name.strip_suffix(".db").unwrap_or(&name);
        let mut has_removed = false;
        for entry in entries(&self.folder)? {
            let is_its = entry.file_name().and_then(OsStr::to_str).is_some_and(|entry| is_folder_of(entry, label));
            if is_its {
                fs::remove_dir_all(&entry)?;
                has_removed = true;
            }
        }
        if has_removed {
            File::open(&self.folder)?.sync_all()?;
        }
        self.whole().remove(&name);
        Ok(has_removed)
    }

    fn new_folder(&self, database: &Path) -> io::Result<PathBuf> {
        permissions::make_folder(&self.folder)?;
        let name = name(database).unwrap_or_default();
        let label = name.strip_suffix(".db").unwrap_or(&name);
        let time = now();
        for number in 1..MAX_SAME_NAME {
            let suffix = if number == 1 { String::new() } else { format!("-{number}") };
            let folder = self.folder.join(format!("{label}-{time}{suffix}"));
            if permissions::make_folder(&folder)? {
                return Ok(folder);
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// Makes sure that a folder and what is in it are found again.
    fn sync(&self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()?;
        File::open(&self.folder)?.sync_all()?;
        self.folder.parent().map_or(Ok(()), |state_dir| File::open(state_dir)?.sync_all())
    }

    fn whole(&self) -> MutexGuard<'_, HashMap<String, PathBuf>> {
        self.whole.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a folder holds something of a label: its name is the label, a time, and perhaps a number.
fn is_folder_of(folder: &str, label: &str) -> bool {
    folder.strip_prefix(label).and_then(|rest| rest.strip_prefix('-')).is_some_and(|rest| {
        let (time, number) = rest.split_once('-').unwrap_or((rest, "2"));
        is_time(time) && !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// As in `20261127T200347Z`: no label ends so, since labels have no capitals.
fn is_time(text: &str) -> bool {
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    shape == "00000000T000000Z"
}

fn now() -> String {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let seconds = i64::try_from(since.as_secs()).unwrap_or_default();
    let time = DateTime::from_timestamp_secs(seconds).unwrap_or_default();
    time.to_rfc3339_opts(SecondsFormat::Secs, true).replace(['-', ':'], "")
}

fn copy(from: &mut File, to: &mut File) -> io::Result<()> {
    let mut piece = vec![0; 64 << 10];
    loop {
        match from.read(&mut piece)? {
            0 => return Ok(()),
            read => to.write_all(piece.get(..read).unwrap_or_default())?,
        }
    }
}

fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn name(path: &Path) -> Option<String> {
    path.file_name()?.to_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_folder_is_of_one_label_only() {
        assert!(is_folder_of(&format!("user-john-{}", now()), "user-john"));
        assert!(is_folder_of("user-john-20261127T200347Z-2", "user-john"));
        assert!(!is_folder_of("user-john-20261127T200347Z", "user"));
        assert!(!is_folder_of("user-john-x-20261127T200347Z", "user-john"));
        assert!(!is_folder_of("user-john-20261127t200347z", "user-john"));
        assert!(!is_folder_of("user-john-20261127T200347Z-", "user-john"));
    }

    #[test]
    fn nothing_is_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let quarantine = Quarantine::open(dir.path().join("quarantine")).unwrap();
        let database = dir.path().join("user-john.db");
        let folders: Vec<PathBuf> = (0..3)
            .map(|number| {
                fs::write(&database, [number]).unwrap();
                let folder = quarantine.take_in(&database, std::slice::from_ref(&database)).unwrap();
                fs::remove_file(&database).unwrap();
                folder
            })
            .collect();
        for (number, folder) in (0..).zip(&folders) {
            assert_eq!(fs::read(folder.join("user-john.db")).unwrap(), [number]);
        }
        assert!(quarantine.has(&database) && quarantine.count() == 1);
        let again = Quarantine::open(dir.path().join("quarantine")).unwrap();
        assert!(again.has(&database) && again.erase(&database).unwrap() && !again.has(&database));
        assert_eq!(fs::read_dir(dir.path().join("quarantine")).unwrap().count(), 0);
    }
}
