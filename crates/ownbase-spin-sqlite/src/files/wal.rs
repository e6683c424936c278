//! SQLite's write-ahead log as bytes: which frames of a log hold, and where the first one is that does not.
//!
//! SQLite itself drops whatever follows the first frame that fails, without a word. This module tells a damaged log
//! from one that a power cut left half written. The module only reads bytes: it opens no file and knows no label.
//!
//! A log is a header of 32 bytes, then frames of 24 bytes and one page each. Every frame carries the header's two
//! salts and a checksum over all that precedes it. After a checkpoint SQLite writes a new header with other salts and
//! writes frames over the old ones from the beginning, so frames of the generation before may follow.
//!
//! <https://sqlite.org/fileformat2.html#the_write_ahead_log>

use std::io::{self, Read};

/// Bytes of a log's header.
pub(crate) const HEADER_BYTES: usize = 32;

const FRAME_HEADER_BYTES: usize = 24;
/// The first four bytes, but for the lowest bit, which says how words are summed.
const MAGIC: u32 = 0x377f_0682;

/// The two numbers that all frames of one generation of a log share.
pub(crate) type Salts = [u8; 8];

/// What a log's first bytes are.
#[derive(Debug, PartialEq)]
pub(super) enum Start {
    /// Nothing was ever written there, as far as the disk knows.
    Blank,
    /// A header that holds.
    Header(Header),
    /// Something else.
    Damaged,
}

/// A header that holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Header {
    pub(super) salts: Salts,
    page_bytes: usize,
    is_big_endian: bool,
    sum: Sum,
}

/// What stands where a frame could.
#[derive(Debug, PartialEq)]
pub(super) enum Slot {
    /// A frame of this generation that holds.
    Sound,
    /// A frame of the generation before, or zeros: SQLite stops here, and nothing is lost.
    Old,
    /// A frame of this generation that does not hold, or a part of one.
    Torn,
    /// The log ends here.
    End,
}

/// The checksum of a log so far.
type Sum = (u32, u32);

/// Reads a log frame by frame.
pub(super) struct Frames<R> {
    log: R,
    header: Header,
    /// As of the last frame that holds.
    sum: Sum,
    frame: Vec<u8>,
}

impl Start {
    /// What a log begins with; fewer bytes than a header are passed as they are.
    pub(super) fn of(bytes: &[u8]) -> Start {
        if bytes.iter().all(|byte| *byte == 0) {
            return Start::Blank;
        }
        header(bytes).map_or(Start::Damaged, Start::Header)
    }
}

fn header(bytes: &[u8]) -> Option<Header> {
    let page_bytes = word(bytes, 8)?;
    if word(bytes, 0)? & !1 != MAGIC || !page_bytes.is_power_of_two() || !(512..=65_536).contains(&page_bytes) {
        return None;
    }
    let is_big_endian = word(bytes, 0)? & 1 == 1;
    let sum = summed(is_big_endian, (0, 0), bytes.get(..24)?);
    let salts = bytes.get(16..24)?.try_into().ok()?;
    let holds = sum == (word(bytes, 24)?, word(bytes, 28)?);
    holds.then_some(Header { salts, page_bytes: usize::try_from(page_bytes).ok()?, is_big_endian, sum })
}

impl<R: Read> Frames<R> {
    /// Goes on behind a header that was read.
    pub(super) fn after(header: Header, log: R) -> Frames<R> {
        Frames { log, header, sum: header.sum, frame: vec![0; FRAME_HEADER_BYTES + header.page_bytes] }
    }

    /// Bytes of one frame.
    pub(super) fn frame_bytes(&self) -> usize {
        FRAME_HEADER_BYTES + self.header.page_bytes
    }

    /// Looks at the next slot. Only after `Sound` is the slot after it held against the right checksum.
    pub(super) fn next(&mut self) -> io::Result<Slot> {
        self.frame.resize(self.frame_bytes(), 0);
        let mut length = 0;
        while length < self.frame.len() {
            match self.log.read(self.frame.get_mut(length..).unwrap_or_default()) {
                Ok(0) => break,
                Ok(more) => length += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let is_whole = length == self.frame.len();
        self.frame.truncate(length);
        if length == 0 {
            return Ok(Slot::End);
        }
        match self.sum_if_sound().filter(|_| is_whole) {
            Some(sum) => {
                self.sum = sum;
                Ok(Slot::Sound)
            }
            None if self.is_old() => Ok(Slot::Old),
            None => Ok(Slot::Torn),
        }
    }

    /// The bytes of the slot that `next` looked at.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.frame
    }

    fn sum_if_sound(&self) -> Option<Sum> {
        let (head, page) = self.frame.split_at_checked(FRAME_HEADER_BYTES)?;
        let sum = summed(self.header.is_big_endian, self.sum, head.get(..8)?);
        let sum = summed(self.header.is_big_endian, sum, page);
        let holds =
            head.get(8..16)? == self.header.salts && word(head, 0)? != 0 && sum == (word(head, 16)?, word(head, 20)?);
        holds.then_some(sum)
    }

    /// Whether the slot is of an earlier generation, or blank. SQLite adds one to the first salt for each generation and
    /// draws the second at random, so one bit that flips in a frame of this generation does not make it an old one.
    fn is_old(&self) -> bool {
        if self.frame.iter().all(|byte| *byte == 0) {
            return true;
        }
        let salts = |bytes: &[u8], at| Some((word(bytes, at)?, word(bytes, at + 4)?));
        let (Some(own), Some(found)) = (salts(&self.header.salts, 0), salts(&self.frame, 8)) else { return false };
        let generations = own.0.wrapping_sub(found.0);
        generations != 0 && generations < 1 << 16 && own.1 != found.1
    }
}

/// Goes on with a checksum over `bytes`, whose length is a multiple of eight.
fn summed(is_big_endian: bool, (mut first, mut second): Sum, bytes: &[u8]) -> Sum {
    let word = |bytes: [u8; 4]| if is_big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) };
    let (pairs, _) = bytes.as_chunks::<8>();
    for &[a, b, c, d, e, f, g, h] in pairs {
        first = first.wrapping_add(word([a, b, c, d])).wrapping_add(second);
        second = second.wrapping_add(word([e, f, g, h])).wrapping_add(first);
    }
    (first, second)
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;
    use rusqlite::Connection;
    use std::sync::OnceLock;

    /// The log of a database into which rows were written, one commit each, beyond a checkpoint if so wanted.
    fn log(commits: usize, after_checkpoint: bool) -> Vec<u8> {
        let dir = tempfile::tempdir().unwrap();
        let sqlite = Connection::open(dir.path().join("a.db")).unwrap();
        sqlite.pragma_update(None, "page_size", 512).unwrap();
        sqlite.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(())).unwrap();
        sqlite.execute_batch("CREATE TABLE a (b)").unwrap();
        if after_checkpoint {
            for _ in 0..2 * commits {
                sqlite.execute("INSERT INTO a VALUES (randomblob(300))", []).unwrap();
            }
            sqlite.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())).unwrap();
        }
        for _ in 0..commits {
            sqlite.execute("INSERT INTO a VALUES (randomblob(300))", []).unwrap();
        }
        std::fs::read(dir.path().join("a.db-wal")).unwrap()
    }

    fn slots(log: &[u8]) -> Vec<Slot> {
        let Start::Header(header) = Start::of(log.get(..HEADER_BYTES).unwrap_or(log)) else { return vec![] };
        let mut frames = Frames::after(header, &log[HEADER_BYTES..]);
        std::iter::from_fn(|| frames.next().ok().filter(|slot| *slot != Slot::End)).collect()
    }

    #[test]
    fn all_that_sqlite_wrote_holds() {
        let slots = slots(&log(9, false));
        assert!(slots.len() >= 10 && slots.iter().all(|slot| *slot == Slot::Sound), "{slots:?}");
    }

    #[test]
    fn frames_of_the_generation_before_are_no_loss() {
        let slots = slots(&log(3, true));
        let sound = slots.iter().take_while(|slot| **slot == Slot::Sound).count();
        assert!(sound >= 3 && sound < slots.len(), "{slots:?}");
        assert!(slots.iter().skip(sound).all(|slot| *slot == Slot::Old), "{slots:?}");
    }

    #[test]
    fn what_was_never_written_is_blank() {
        assert_eq!(Start::of(&[]), Start::Blank);
        assert_eq!(Start::of(&[0; 32]), Start::Blank);
        assert_eq!(Start::of(b"no log of SQLite's, by any means"), Start::Damaged);
        assert_eq!(Start::of(&log(1, false)[..20]), Start::Damaged);
    }

    #[test]
    fn a_part_of_a_frame_is_torn() {
        let mut log = log(3, false);
        log.truncate(log.len() - 100);
        let slots = slots(&log);
        assert_eq!(slots.last(), Some(&Slot::Torn));
        assert_eq!(slots.iter().filter(|slot| **slot == Slot::Torn).count(), 1);
    }

    fn sample() -> &'static Vec<u8> {
        static LOG: OnceLock<Vec<u8>> = OnceLock::new();
        LOG.get_or_init(|| log(6, false))
    }

    proptest! {
        #[test]
        fn no_bit_flips_unseen(byte in 0..sample().len(), bit in 0..8u8) {
            let mut log = sample().clone();
            log[byte] ^= 1u8 << bit;
            if byte < HEADER_BYTES {
                prop_assert_eq!(Start::of(&log[..HEADER_BYTES]), Start::Damaged);
            } else {
                let frame = (byte - HEADER_BYTES) / (FRAME_HEADER_BYTES + 512);
                let found = slots(&log);
                let sound = found.iter().take_while(|slot| **slot == Slot::Sound).count();
                prop_assert_eq!(sound, frame);
                prop_assert_eq!(&found[sound], &Slot::Torn);
            }
        }

        #[test]
        fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
            slots(&bytes);
            let mut log = sample().clone();
            log.truncate(HEADER_BYTES);
            log.extend(bytes);
            slots(&log);
        }
    }
}
