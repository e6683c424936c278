//! One bit of an image turned over, anywhere in any file that has one.

use super::disk::Image;
use super::folder;
use fastrand::Rng;
use std::fmt;
use std::path::PathBuf;

/// A bit that was turned over.
pub(crate) struct Flip {
    /// The file.
    pub(crate) path: PathBuf,
    offset: usize,
    bit: u32,
    /// The file's contents before and after.
    pub(crate) sound: Vec<u8>,
    pub(crate) damaged: Vec<u8>,
}

impl Flip {
    /// Turns over a bit of an image, if there is one: often of what is no database, of which there is less, and often near
    /// a file's beginning, where formats keep what all else hangs on.
    pub(crate) fn one(image: &mut Image, chance: &mut Rng) -> Option<Self> {
        let of = |is_one: fn(&[u8]) -> bool| -> Vec<PathBuf> {
            let files = image.iter().filter(|(_, contents)| contents.as_deref().is_some_and(is_one));
            files.map(|(path, _)| path.clone()).collect()
        };
        let logs = of(|contents| contents.len() >= 512 && !folder::is_database(contents));
        let all = of(|contents| !contents.is_empty());
        let from = if chance.bool() && !logs.is_empty() { logs } else { all };
        let path = chance.choice(from)?;
        let contents = image.get_mut(&path)?.as_mut()?;
        let within = match chance.u32(..3) {
            0 => 100,
            1 => 8 << 10,
            _ => contents.len(),
        };
        let (offset, bit) = (chance.usize(..within.min(contents.len())), chance.u32(..8));
        let sound = contents.clone();
        if let Some(byte) = contents.get_mut(offset) {
            *byte ^= 1 << bit;
        }
        Some(Self { path, offset, bit, sound, damaged: contents.clone() })
    }

    /// Whether the damage is in a database itself. SQLite keeps no sums of its pages, so it may well not see it.
    pub(crate) fn is_in_database(&self) -> bool {
        folder::is_database(&self.sound)
    }

    /// Whether the damaged file is still there, under any name, be it that some of it was written anew.
    pub(crate) fn is_kept(&self, image: &Image) -> bool {
        let sectors = |bytes: &[u8]| bytes.chunks(512).map(<[u8]>::to_vec).collect::<Vec<_>>();
        let damaged = sectors(&self.damaged);
        image.values().flatten().any(|contents| {
            let same = sectors(contents).iter().zip(&damaged).filter(|(one, other)| one == other).count();
            2 * same >= damaged.len()
        })
    }
}

impl fmt::Display for Flip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bit {} of byte {} of {} bytes in {}", self.bit, self.offset, self.sound.len(), self.path.display())
    }
}
