//! `trim`, `ltrim` and `rtrim`: what is taken off the ends of a text.
//!
//! SQLite compares the end with each character of the list in the list's order, and takes off the first that fits. In text
//! that is no valid UTF-8, a "character" may be any byte from 0xc0 on with all that continue it. Of several that fit, the
//! order decides; so the order is kept. A list of ordinary characters costs one look-up for each character of the text. Where
//! a list holds characters of very many lengths, which no valid text does, it costs one for each length.

use super::{
    Answer,
    argument::{continues, text, until_nul},
    pace::Pace,
};
use rusqlite::functions::Context;
use std::collections::{BTreeSet, HashMap};

pub(super) fn left(context: &Context<'_>, pace: &Pace) -> rusqlite::Result<Answer> {
    trim(context, pace, true, false)
}

pub(super) fn right(context: &Context<'_>, pace: &Pace) -> rusqlite::Result<Answer> {
    trim(context, pace, false, true)
}

pub(super) fn both(context: &Context<'_>, pace: &Pace) -> rusqlite::Result<Answer> {
    trim(context, pace, true, true)
}

fn trim(context: &Context<'_>, pace: &Pace, from_left: bool, from_right: bool) -> rusqlite::Result<Answer> {
    let Some(whole) = text(context, 0)? else { return Ok(Answer::Null) };
    let listed = match context.len() {
        1 => Some(b" ".as_slice().into()),
        _ => text(context, 1)?,
    };
    let Some(listed) = listed else { return Ok(Answer::Null) };
    let list = List::of(until_nul(&listed), pace)?;
    let mut rest = &*whole;
    if from_left {
        while let Some(length) = list.begins(rest, pace)? {
            rest = rest.get(length..).unwrap_or_default();
        }
    }
    if from_right {
        while let Some(length) = list.ends(rest, pace)? {
            rest = rest.get(..rest.len() - length).unwrap_or_default();
        }
    }
    Ok(Answer::Text(rest.to_vec()))
}

/// The characters to take off, and which of them comes first.
struct List<'a> {
    /// Of one byte each; by that byte.
    bytes: [Option<usize>; 256],
    longer: HashMap<&'a [u8], usize>,
    lengths: BTreeSet<usize>,
}

impl<'a> List<'a> {
    fn of(mut listed: &'a [u8], pace: &Pace) -> rusqlite::Result<List<'a>> {
        let mut list = List { bytes: [None; 256], longer: HashMap::new(), lengths: BTreeSet::new() };
        let mut place = 0;
        while let Some(first) = listed.first() {
            let (character, rest) = listed.split_at(character_bytes(listed));
            pace.work(character.len() + size_of::<usize>())?;
            match character.len() {
                1 => {
                    list.bytes[usize::from(*first)].get_or_insert(place);
                }
                length => {
                    list.longer.entry(character).or_insert(place);
                    list.lengths.insert(length);
                }
            }
            (listed, place) = (rest, place + 1);
        }
        Ok(list)
    }

    /// How many bytes to take off the left end.
    fn begins(&self, text: &[u8], pace: &Pace) -> rusqlite::Result<Option<usize>> {
        let Some(first) = text.first() else { return Ok(None) };
        let mut found = self.one(*first);
        if *first >= 0xc0 {
            for length in &self.lengths {
                let Some(character) =
                    text.get(..*length).filter(|bytes| bytes.last().is_some_and(|last| continues(*last)))
                else {
                    break;
                };
                found = self.earlier(found, character);
                pace.work(*length)?;
            }
        }
        pace.work(1)?;
        Ok(found.map(|(_, length)| length))
    }

    /// How many bytes to take off the right end.
    fn ends(&self, text: &[u8], pace: &Pace) -> rusqlite::Result<Option<usize>> {
        let Some(last) = text.last() else { return Ok(None) };
        let mut found = self.one(*last);
        if continues(*last) {
            for length in &self.lengths {
                let Some(character) = text.len().checked_sub(*length).and_then(|start| text.get(start..)) else {
                    break;
                };
                pace.work(1)?;
                if character.first().is_some_and(|first| continues(*first)) {
                    continue;
                }
                found = self.earlier(found, character);
                pace.work(*length)?;
                break;
            }
        }
        pace.work(1)?;
        Ok(found.map(|(_, length)| length))
    }

    /// The place and the length of a character of one byte.
    fn one(&self, byte: u8) -> Option<(usize, usize)> {
        self.bytes.get(usize::from(byte)).copied().flatten().map(|place| (place, 1))
    }

    fn earlier(&self, found: Option<(usize, usize)>, character: &[u8]) -> Option<(usize, usize)> {
        let other = self.longer.get(character).map(|place| (*place, character.len()));
        found.into_iter().chain(other).min()
    }
}

/// How many bytes the first character has.
fn character_bytes(text: &[u8]) -> usize {
    match text.split_first() {
        Some((0xc0.., rest)) => 1 + rest.iter().take_while(|byte| continues(**byte)).count(),
        _ => 1,
    }
}
