//! What is in one file: on the disk for sure, and written but not synced.
//!
//! A power cut keeps any part of what is not synced, by sectors of 512 bytes. A file's length is what the changes that
//! are kept make it, or what the last of all changes made it: then what was lost of it is zeros.

use super::calls::Moment;
use fastrand::Rng;
use std::sync::Arc;

/// What a disk writes whole or not at all, in bytes.
pub(crate) const SECTOR_BYTES: usize = 512;

/// One file's contents.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Contents {
    synced: Vec<u8>,
    unsynced: Vec<Unsynced>,
}

#[derive(Debug, Clone, PartialEq)]
struct Unsynced {
    /// When the change was there for every sync that began later; `None` if nobody knows.
    end: Option<Moment>,
    change: Change,
}

/// A change of a file's contents.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Change {
    Write {
        offset: usize,
        data: Arc<[u8]>,
    },
    /// Cut, or lengthened by zeros, to so many bytes.
    Length(usize),
    /// Lengthened by zeros to at least so many bytes.
    AtLeast(usize),
}

/// Which of the changes that are not synced a power cut keeps.
#[derive(Debug, Clone, Copy)]
enum Kept {
    Nothing,
    Everything,
    /// The first ones, and of the next one its first sectors.
    First,
    /// Each change as a whole or not at all.
    SomeChanges,
    SomeSectors,
}

impl Contents {
    pub(crate) fn change(&mut self, change: Change, end: Option<Moment>) {
        self.unsynced.push(Unsynced { end, change });
    }

    /// A sync that began then has come to its end.
    pub(crate) fn sync(&mut self, began: Moment) {
        let (covered, open) =
            std::mem::take(&mut self.unsynced).into_iter().partition(|kept| kept.end.is_some_and(|end| end < began));
        let covered: Vec<Unsynced> = covered;
        covered.iter().for_each(|kept| kept.change.apply(&mut self.synced));
        self.unsynced = open;
    }

    /// What every program sees while the power is on.
    pub(crate) fn now(&self) -> Vec<u8> {
        let mut bytes = self.synced.clone();
        self.unsynced.iter().for_each(|kept| kept.change.apply(&mut bytes));
        bytes
    }

    /// What a power cut leaves.
    pub(crate) fn after_cut(&self, chance: &mut Rng) -> Vec<u8> {
        let kinds = [Kept::Nothing, Kept::Everything, Kept::First, Kept::SomeChanges, Kept::SomeSectors];
        let kept = kinds.get(chance.usize(..kinds.len())).copied().unwrap_or(Kept::Nothing);
        let first = chance.usize(..=self.unsynced.len());
        let mut bytes = self.synced.clone();
        for (index, unsynced) in self.unsynced.iter().enumerate() {
            let change = &unsynced.change;
            match kept {
                Kept::Nothing => {}
                Kept::Everything => change.apply(&mut bytes),
                Kept::First if index < first => change.apply(&mut bytes),
                Kept::First if index == first => {
                    let sectors = chance.usize(..=change.sectors());
                    change.apply_some(&mut bytes, |sector| sector < sectors);
                }
                Kept::First => {}
                Kept::SomeChanges if chance.bool() => change.apply(&mut bytes),
                Kept::SomeChanges => {}
                Kept::SomeSectors => change.apply_some(&mut bytes, |_| chance.bool()),
            }
        }
        let length = self.now().len();
        if length > bytes.len() && !matches!(kept, Kept::Nothing) && chance.bool() {
            bytes.resize(length, 0);
        }
        bytes
    }
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        self.apply_some(bytes, |_| true);
    }

    /// As far as `keeps` says so of each sector, counted from the first that it touches.
    fn apply_some(&self, bytes: &mut Vec<u8>, mut keeps: impl FnMut(usize) -> bool) {
        match self {
            Self::Length(length) if keeps(0) => bytes.resize(*length, 0),
            Self::AtLeast(length) if *length > bytes.len() && keeps(0) => bytes.resize(*length, 0),
            Self::Length(_) | Self::AtLeast(_) => {}
            Self::Write { offset, data } => {
                let mut from = 0;
                for sector in 0..self.sectors() {
                    let at = offset + from;
                    let to = data.len().min(from + SECTOR_BYTES - at % SECTOR_BYTES);
                    if keeps(sector) {
                        bytes.resize(bytes.len().max(offset + to), 0);
                        if let (Some(old), Some(new)) = (bytes.get_mut(at..offset + to), data.get(from..to)) {
                            old.copy_from_slice(new);
                        }
                    }
                    from = to;
                }
            }
        }
    }

    fn sectors(&self) -> usize {
        match self {
            Self::Write { offset, data } => {
                (offset + data.len()).div_ceil(SECTOR_BYTES).saturating_sub(offset / SECTOR_BYTES)
            }
            Self::Length(_) | Self::AtLeast(_) => 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(offset: usize, byte: u8, length: usize) -> Change {
        Change::Write { offset, data: vec![byte; length].into() }
    }

    #[test]
    fn a_sync_covers_what_had_ended_before_it_began() {
        let mut contents = Contents::default();
        contents.change(write(0, 1, 10), Some(1));
        contents.change(write(10, 2, 10), Some(7));
        contents.change(write(20, 3, 10), None);
        contents.sync(4);
        assert_eq!(contents.synced, [1; 10]);
        assert_eq!(contents.now(), [[1; 10], [2; 10], [3; 10]].concat());
        contents.sync(8);
        assert_eq!(contents.synced, [[1; 10], [2; 10]].concat());
    }

    #[test]
    fn a_cut_loses_by_sectors_what_is_not_synced_and_nothing_else() {
        let mut contents = Contents::default();
        contents.change(write(0, 1, 2048), Some(1));
        contents.sync(2);
        contents.change(write(500, 2, 1000), Some(3));
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..500 {
            let bytes = contents.after_cut(&mut Rng::with_seed(seed));
            assert_eq!(
                (bytes.len(), bytes.get(..500), bytes.get(1500..)),
                (2048, Some(&[1; 500][..]), Some(&[1; 548][..]))
            );
            // 12 bytes of the first sector, the second, and 476 bytes of the third.
            let sectors = [500..512, 512..1024, 1024..1500].map(|range| bytes.get(range).unwrap_or_default().to_vec());
            assert!(sectors.iter().all(|sector| sector.iter().all(|byte| Some(byte) == sector.first())));
            seen.insert(sectors.map(|sector| sector.first().copied()));
        }
        assert_eq!(seen.len(), 8, "{seen:?}");
    }

    #[test]
    fn a_length_may_outlive_what_was_written() {
        let mut contents = Contents::default();
        contents.change(write(0, 1, 600), Some(1));
        let images: Vec<_> = (0..200).map(|seed| contents.after_cut(&mut Rng::with_seed(seed))).collect();
        for image in [vec![], vec![1; 600], vec![1; 512], vec![0; 600]] {
            assert!(images.contains(&image), "{} bytes", image.len());
        }
        contents.sync(9);
        contents.change(Change::Length(0), Some(10));
        contents.change(Change::AtLeast(512), Some(10));
        assert_eq!(contents.now(), [0; 512]);
        let images: Vec<_> = (0..200).map(|seed| contents.after_cut(&mut Rng::with_seed(seed))).collect();
        assert!([vec![], vec![1; 600], vec![0; 512]].iter().all(|image| images.contains(image)));
    }
}
