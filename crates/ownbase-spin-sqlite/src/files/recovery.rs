//! What a crash or a failed sync left in a database's log: kept where it holds, set aside where it does not.
//!
//! SQLite drops without a word whatever follows the first frame that fails. So a log is looked at before SQLite sees it:
//!
//! - A header that is neither blank nor valid, or a frame that fails below the mark up to which the log was synced
//!   (`marks.rs`), is damage: no power cut leaves that. All files of the database are set aside whole.
//! - Above the mark a power cut may leave anything. The frames that hold stand; what follows them is copied to quarantine
//!   and dropped, with a warning.
//!
//! A log that holds is written anew, since the kernel takes what it failed to write for written: a sync of the old file
//! could succeed for nothing. On a full disk that fails, and the database cannot be used before there is room again: what
//! it holds could not be promised.

use super::{
    location::{Location, WAL, WAL_ANEW, remove_if_there},
    marks::{Key, Mark},
    permissions,
    wal::{Frames, HEADER_BYTES, Header, Slot, Start},
};
use std::{
    fmt,
    fs::{self, File},
    io::{self, BufReader, Read, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
};

/// What a look at a log found.
pub(crate) enum Wal {
    /// There is none.
    Missing,
    /// Its frames stand; there may be none. Its last use had no orderly end.
    Sound,
    /// It has lost what was synced.
    Damaged(Damage),
}

/// What is wrong with a log.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Damage {
    Header,
    /// Frame number `frame` fails, and `synced` were on disk.
    Frame {
        frame: u64,
        synced: u64,
    },
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Damage::Header => f.write_str("the header of the log is damaged"),
            Damage::Frame { frame, synced } => {
                write!(f, "frame {frame} of the log is damaged, and {synced} frames were on disk")
            }
        }
    }
}

/// How much of a log stands.
struct Extent {
    /// Up to the end of the last frame that holds.
    sound_bytes: u64,
    /// What follows holds something of this generation that a power cut has torn.
    is_torn: bool,
}

impl Location {
    /// Whether a crash or a failed sync left something in the log. For a database that is not open.
    pub(crate) fn has_wal(&self) -> bool {
        self.beside(WAL).metadata().is_ok_and(|wal| wal.len() > 0)
    }

    /// Looks at the log, and brings what stands of it onto the disk. Where the log is damaged, the files stay as they are.
    pub(crate) fn renew_wal(&self) -> io::Result<Wal> {
        #[cfg(feature = "sabotage")]
        if crate::sabotage::trusts_logs() && self.has_wal() {
            return Ok(Wal::Sound);
        }
        let (wal, anew) = (self.beside(WAL), self.beside(WAL_ANEW));
        let mut old = match File::open(&wal) {
            Ok(old) if old.metadata()?.len() > 0 => old,
            Ok(_) => return Ok(Wal::Sound),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Wal::Missing),
            Err(error) => return Err(error),
        };
        let written = self.write_anew(&mut old, &anew);
        if !matches!(written, Ok(Wal::Sound)) {
            // It would take room that the next attempt needs, and may be removed later too.
            let _ = fs::remove_file(&anew);
            return written;
        }
        fs::rename(&anew, &wal)?;
        self.sync_folder()?;
        written
    }

    /// What a look at the log finds, which changes nothing.
    pub(crate) fn look_at_wal(&self) -> io::Result<Wal> {
        match File::open(self.beside(WAL)) {
            Ok(mut old) => Ok(match self.extent(&mut old, &mut io::sink())? {
                Ok(_) => Wal::Sound,
                Err(damage) => Wal::Damaged(damage),
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Wal::Missing),
            Err(error) => Err(error),
        }
    }

    fn write_anew(&self, old: &mut File, anew: &PathBuf) -> io::Result<Wal> {
        remove_if_there(anew)?;
        let mut new = File::options().write(true).create_new(true).mode(permissions::FILE).open(anew)?;
        let extent = match self.extent(old, &mut new)? {
            Ok(extent) => extent,
            Err(damage) => return Ok(Wal::Damaged(damage)),
        };
        self.shared.disk.sync_file(&new)?;
        if extent.is_torn {
            let folder = self.shared.quarantine.keep_tail(&self.file, old, extent.sound_bytes)?;
            tracing::warn!(
                database = %super::shown(&self.file),
                kept = %folder.display(),
                "the end of a log does not hold, as after a power cut; it was copied to quarantine and dropped"
            );
        }
        Ok(Wal::Sound)
    }

    /// Copies what stands of a log to `copy`.
    fn extent(&self, log: &mut File, copy: &mut impl Write) -> io::Result<Result<Extent, Damage>> {
        let first = first_bytes(log)?;
        match Start::of(&first) {
            Start::Damaged => Ok(Err(Damage::Header)),
            Start::Blank => Ok(Ok(Extent { sound_bytes: 0, is_torn: has_content(log)? })),
            Start::Header(header) => {
                copy.write_all(&first)?;
                extent(header, self.mark_of(&header), log, copy)
            }
        }
    }

    /// Brings a log that a process before left onto the disk, and says how far it holds. A process that was killed may have
    /// synced more of the log than it came to note.
    pub(super) fn settle_log(&self) -> io::Result<Option<(Key, Mark)>> {
        let log = File::open(self.beside(WAL))?;
        let Start::Header(header) = Start::of(&first_bytes(&log)?) else { return Ok(None) };
        let (frames, _) = copy_sound(&mut frames_of(header, &log), &mut io::sink())?;
        if frames <= self.mark_of(&header).map_or(0, |mark| mark.frames) {
            return Ok(None);
        }
        self.shared.disk.sync_file(&log)?;
        Ok(Some((self.key, Mark { salts: header.salts, frames })))
    }

    /// Up to where the generation of a log with this header is known to be on disk.
    fn mark_of(&self, header: &Header) -> Option<Mark> {
        self.shared.marks.of(&self.key).filter(|mark| mark.salts == header.salts)
    }

    /// Forgets how far the log was on disk: all that it held is in the database, or gone.
    pub(crate) fn forget_mark(&self) {
        self.shared.marks.forget(&self.key);
    }

    #[cfg(test)]
    pub(crate) fn marked(&self) -> u64 {
        self.shared.marks.of(&self.key).map_or(0, |mark| mark.frames)
    }

    /// Sets all files of a damaged database aside, durably. The caller has closed it.
    pub(crate) fn set_aside(&self) -> io::Result<PathBuf> {
        let mut files = vec![self.file.clone()];
        files.extend([WAL, "-shm", "-journal"].map(|suffix| self.beside(suffix)));
        let folder = self.shared.quarantine.take_in(&self.file, &files)?;
        // The database first, and durably: without its log it would look sound.
        self.remove_file(&self.file)?;
        self.sync_folder()?;
        files.iter().skip(1).try_for_each(|file| self.remove_file(file))?;
        self.count_moved();
        self.settle()?;
        Ok(folder)
    }

    /// Sets a log aside that has no database, durably.
    pub(super) fn set_log_aside(&self) -> io::Result<()> {
        let wal = self.beside(WAL);
        let folder = self.shared.quarantine.keep_tail(&self.file, &mut File::open(&wal)?, 0)?;
        tracing::warn!(
            database = %super::shown(&self.file),
            kept = %folder.display(),
            "a log was found without its database; it was set aside"
        );
        self.remove_file(&wal)?;
        self.settle()
    }
}

fn extent(header: Header, mark: Option<Mark>, log: &File, copy: &mut impl Write) -> io::Result<Result<Extent, Damage>> {
    let mut frames = frames_of(header, log);
    let (sound, mut slot) = copy_sound(&mut frames, copy)?;
    if let Some(mark) = mark.filter(|mark| sound < mark.frames) {
        return Ok(Err(Damage::Frame { frame: sound + 1, synced: mark.frames }));
    }
    let mut is_torn = false;
    while slot != Slot::End {
        // One that holds by itself after one that does not was of this generation too.
        is_torn |= slot != Slot::Old;
        slot = frames.next()?;
    }
    let sound_bytes = HEADER_BYTES as u64 + sound * frames.frame_bytes() as u64;
    Ok(Ok(Extent { sound_bytes, is_torn }))
}

/// What a log begins with, up to a header's length.
fn first_bytes(mut log: &File) -> io::Result<Vec<u8>> {
    let mut first = Vec::with_capacity(HEADER_BYTES);
    log.seek(SeekFrom::Start(0))?;
    log.take(HEADER_BYTES as u64).read_to_end(&mut first)?;
    Ok(first)
}

/// The frames of a log whose header was read.
fn frames_of(header: Header, log: &File) -> Frames<BufReader<&File>> {
    Frames::after(header, BufReader::with_capacity(256 << 10, log))
}

/// Copies the frames that hold; returns how many there are, and what comes after them.
fn copy_sound(frames: &mut Frames<impl Read>, copy: &mut impl Write) -> io::Result<(u64, Slot)> {
    let mut sound = 0;
    loop {
        match frames.next()? {
            Slot::Sound => copy.write_all(frames.bytes())?,
            slot => return Ok((sound, slot)),
        }
        sound += 1;
    }
}

/// Whether anything but zeros is left to read.
fn has_content(log: &mut File) -> io::Result<bool> {
    let mut piece = vec![0; 64 << 10];
    loop {
        match log.read(&mut piece)? {
            0 => return Ok(false),
            read if piece.iter().take(read).any(|byte| *byte != 0) => return Ok(true),
            _ => {}
        }
    }
}
