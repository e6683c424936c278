//! How far each log is known to be on disk: `STATE_DIR/marks`.
//!
//! A log that was synced up to some frame must still hold up to that frame, whatever happens to the machine. The gate
//! hands over such marks twice a second at most (`gate/marker.rs`), and this file keeps them: records of 40 bytes, one
//! appended for each log that has moved on, and one sync for all of them. So a mark is a second behind at most, and no
//! commit waits for one. A record that does not hold is passed over; the marks before it stand.
//!
//! A mark names its log by the log's salts. A mark of an earlier generation of the log says nothing about a later one.

use super::{folders, location::remove_if_there, permissions, wal::Salts};
use sha2::{Digest, Sha256};
use std::{
    collections::HashMap,
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The first bytes of the SHA-256 of a label.
pub(crate) type Key = [u8; 16];

/// The file is written anew once it is larger than this and more than half of it is out of date, in bytes.
const MAX_BYTES: u64 = 1 << 20;

const RECORD_BYTES: usize = 40;
const SUM_BYTES: usize = 8;

/// Up to where a log is on disk.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Mark {
    /// Of the generation of the log.
    pub(crate) salts: Salts,
    /// Frames, counted from the log's beginning.
    pub(crate) frames: u64,
}

/// The marks of all logs that may still be there.
pub(crate) struct Marks {
    latest: Mutex<HashMap<Key, Mark>>,
    /// Locked on its own, so that nobody who asks for a mark waits for the disk.
    file: Mutex<Kept>,
}

struct Kept {
    path: PathBuf,
    /// Open once there is something to write.
    file: Option<File>,
    bytes: u64,
}

impl Marks {
    /// Reads what the process before has left.
    pub(super) fn open(path: PathBuf) -> io::Result<Marks> {
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        let (records, rest) = bytes.as_chunks::<RECORD_BYTES>();
        let latest: HashMap<Key, Mark> = records.iter().filter_map(parse).collect();
        let mut kept = Kept { path, file: None, bytes: bytes.len() as u64 };
        // What does not end on a record would put all that is appended out of step.
        if !rest.is_empty() {
            kept.write_anew(&latest)?;
        }
        Ok(Marks { latest: Mutex::new(latest), file: Mutex::new(kept) })
    }

    /// Up to where the log of a label was on disk, in one of its generations.
    pub(crate) fn of(&self, key: &Key) -> Option<Mark> {
        self.latest().get(key).copied()
    }

    /// The label's log is gone: all that it held is in the database.
    pub(crate) fn forget(&self, key: &Key) {
        self.latest().remove(key);
    }

    /// Keeps marks; they are on disk when this returns.
    pub(crate) fn keep(&self, marks: &[(Key, Mark)]) -> io::Result<()> {
        self.latest().extend(marks.iter().copied());
        self.kept().append(marks, || self.latest().clone())
    }

    /// Keeps the marks of logs that a process before left and nobody has opened since; all other logs are gone.
    pub(super) fn settle(&self) -> io::Result<()> {
        let latest = self.latest().clone();
        let mut kept = self.kept();
        if !latest.is_empty() {
            return kept.write_anew(&latest);
        }
        (kept.file, kept.bytes) = (None, 0);
        remove_if_there(&kept.path).map(drop)
    }

    fn latest(&self) -> MutexGuard<'_, HashMap<Key, Mark>> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// Appends marks, or writes `latest` where too much of the file is out of date.
    fn append(&mut self, marks: &[(Key, Mark)], latest: impl FnOnce() -> HashMap<Key, Mark>) -> io::Result<()> {
        if self.bytes > MAX_BYTES {
            let latest = latest();
            if self.bytes > 2 * (latest.len() * RECORD_BYTES) as u64 {
                return self.write_anew(&latest);
            }
        }
        let records: Vec<u8> = marks.iter().flat_map(|(key, mark)| record(key, mark)).collect();
        let done = self.open().and_then(|file| file.write_all(&records).and_then(|()| file.sync_data()));
        match done {
            Ok(()) => self.bytes += records.len() as u64,
            // A part of a record may stand there now. The next call writes the file anew.
            Err(_) => self.bytes = u64::MAX,
        }
        done
    }

    fn open(&mut self) -> io::Result<&mut File> {
        let file = match self.file.take() {
            Some(file) => file,
            None => {
                let file = File::options().create(true).append(true).mode(permissions::FILE).open(&self.path)?;
                self.sync_name()?;
                file
            }
        };
        Ok(self.file.insert(file))
    }

    /// Writes the file anew; it is on disk when this returns.
    fn write_anew(&mut self, latest: &HashMap<Key, Mark>) -> io::Result<()> {
        let anew = self.path.with_extension("anew");
        remove_if_there(&anew)?;
        let mut file = File::options().create_new(true).append(true).mode(permissions::FILE).open(&anew)?;
        let records: Vec<u8> = latest.iter().flat_map(|(key, mark)| record(key, mark)).collect();
        file.write_all(&records)?;
        file.sync_data()?;
        fs::rename(&anew, &self.path)?;
        self.sync_name()?;
        (self.file, self.bytes) = (Some(file), records.len() as u64);
        Ok(())
    }

    fn sync_name(&self) -> io::Result<()> {
        File::open(folders::of(&self.path))?.sync_all()
    }
}

fn record(key: &Key, mark: &Mark) -> [u8; RECORD_BYTES] {
    let mut record = [0; RECORD_BYTES];
    let (content, sum) = record.split_at_mut(RECORD_BYTES - SUM_BYTES);
    let fields = key.iter().chain(&mark.salts).copied().chain(mark.frames.to_be_bytes());
    content.iter_mut().zip(fields).for_each(|(byte, field)| *byte = field);
    sum.copy_from_slice(&sum_of(content));
    record
}

fn parse(record: &[u8; RECORD_BYTES]) -> Option<(Key, Mark)> {
    let (content, sum) = record.split_at(RECORD_BYTES - SUM_BYTES);
    let (key, rest) = content.split_first_chunk()?;
    let (salts, frames) = rest.split_first_chunk()?;
    let mark = Mark { salts: *salts, frames: u64::from_be_bytes(frames.try_into().ok()?) };
    (sum == sum_of(content)).then_some((*key, mark))
}

fn sum_of(content: &[u8]) -> [u8; SUM_BYTES] {
    let hash: [u8; 32] = Sha256::digest(content).into();
    let mut sum = [0; SUM_BYTES];
    sum.iter_mut().zip(hash).for_each(|(sum, byte)| *sum = byte);
    sum
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const JOHN: Key = *b"john john john 1";
    const JANE: Key = *b"jane jane jane 2";

    fn mark(frames: u64) -> Mark {
        Mark { salts: [7; 8], frames }
    }

    fn place() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("marks");
        (dir, path)
    }

    #[test]
    fn the_latest_mark_of_a_log_is_found_again() {
        let (_dir, path) = place();
        let marks = Marks::open(path.clone()).unwrap();
        marks.keep(&[(JOHN, mark(1)), (JANE, mark(2))]).unwrap();
        marks.keep(&[(JOHN, mark(3))]).unwrap();
        let found = Marks::open(path.clone()).unwrap();
        assert_eq!((found.of(&JOHN), found.of(&JANE)), (Some(mark(3)), Some(mark(2))));
        found.forget(&JOHN);
        assert_eq!(found.of(&JOHN), None);
        found.settle().unwrap();
        let left = Marks::open(path.clone()).unwrap();
        assert_eq!((left.of(&JOHN), left.of(&JANE)), (None, Some(mark(2))));
        left.forget(&JANE);
        left.settle().unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn a_record_that_does_not_hold_is_passed_over() {
        for damaged in 0..RECORD_BYTES {
            let (_dir, path) = place();
            Marks::open(path.clone()).unwrap().keep(&[(JOHN, mark(1)), (JOHN, mark(2)), (JANE, mark(3))]).unwrap();
            let mut bytes = fs::read(&path).unwrap();
            bytes[RECORD_BYTES + damaged] ^= 1;
            fs::write(&path, bytes).unwrap();
            let found = Marks::open(path).unwrap();
            assert_eq!((found.of(&JOHN), found.of(&JANE)), (Some(mark(1)), Some(mark(3))));
        }
    }

    #[test]
    fn a_record_that_was_cut_short_puts_nothing_out_of_step() {
        let (_dir, path) = place();
        Marks::open(path.clone()).unwrap().keep(&[(JOHN, mark(1)), (JANE, mark(2))]).unwrap();
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, bytes.get(..RECORD_BYTES + 9).unwrap()).unwrap();
        Marks::open(path.clone()).unwrap().keep(&[(JANE, mark(3))]).unwrap();
        let found = Marks::open(path).unwrap();
        assert_eq!((found.of(&JOHN), found.of(&JANE)), (Some(mark(1)), Some(mark(3))));
    }

    #[test]
    fn the_file_stays_small() {
        let (_dir, path) = place();
        let marks = Marks::open(path.clone()).unwrap();
        let many = vec![(JOHN, mark(5)); 10_000];
        for _ in 0..8 {
            marks.keep(&many).unwrap();
        }
        assert!(fs::metadata(&path).unwrap().len() <= MAX_BYTES + 10_000 * RECORD_BYTES as u64);
        assert_eq!(Marks::open(path).unwrap().of(&JOHN), Some(mark(5)));
    }
}
