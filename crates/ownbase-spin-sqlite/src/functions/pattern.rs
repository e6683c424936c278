//! `LIKE` and `GLOB`, by the same rules and limits as SQLite's.
//!
//! A pattern of at most 50 bytes is read once into what each place of it may be. Where a text does not fit, only the latest
//! `%` or `*` takes one character more: an earlier one need not, since whatever it could take the latest can take too. So a
//! text costs at most its length times the pattern's.
//!
//! Both end at the first NUL. Bytes that are no valid UTF-8 are read as SQLite reads them.
//!
//! <https://sqlite.org/lang_expr.html#the_like_glob_regexp_match_and_extract_operators>

use super::{
    Answer,
    argument::{Characters, first, text, until_nul},
    pace::Pace,
};
use crate::policy;
use rusqlite::{Error, ffi, functions::Context};

/// What a place of a pattern may be.
#[derive(Debug, PartialEq)]
enum Place {
    /// Any number of characters.
    Many,
    One,
    This(u32),
    /// The same in either case, if it is one of ASCII's letters.
    Letter(u8),
    OneOf {
        ranges: Vec<(u32, u32)>,
        is_inverted: bool,
    },
    /// The pattern is broken off here.
    Nothing,
}

/// `text LIKE pattern [ESCAPE escape]`, as `like(pattern, text, escape)`.
pub(super) fn like(context: &Context<'_>, pace: &Pace) -> rusqlite::Result<Answer> {
    let pattern = checked_pattern(context)?;
    let escape = match context.len() {
        2 => None,
        _ => match text(context, 2)? {
            None => return Ok(Answer::Null),
            Some(escape) => Some(only_character(until_nul(&escape))?),
        },
    };
    matched(context, pattern.map(|pattern| places_of_like(&pattern, escape)), pace)
}

/// `text GLOB pattern`, as `glob(pattern, text)`.
pub(super) fn glob(context: &Context<'_>, pace: &Pace) -> rusqlite::Result<Answer> {
    let pattern = checked_pattern(context)?;
    matched(context, pattern.map(|pattern| places_of_glob(&pattern)), pace)
}

fn matched(context: &Context<'_>, places: Option<Vec<Place>>, pace: &Pace) -> rusqlite::Result<Answer> {
    let (Some(places), Some(whole)) = (places, text(context, 1)?) else { return Ok(Answer::Null) };
    Ok(Answer::Integer(fits(&places, until_nul(&whole), pace)?.into()))
}

fn checked_pattern(context: &Context<'_>) -> rusqlite::Result<Option<Vec<u8>>> {
    let Some(pattern) = text(context, 0)? else { return Ok(None) };
    if pattern.len() > policy::MAX_PATTERN_BYTES as usize {
        return Err(failure("LIKE or GLOB pattern too complex"));
    }
    Ok(Some(until_nul(&pattern).to_vec()))
}

fn only_character(escape: &[u8]) -> rusqlite::Result<u32> {
    match first(escape) {
        Some((character, bytes)) if bytes == escape.len() => Ok(character),
        _ => Err(failure("ESCAPE expression must be a single character")),
    }
}

fn failure(message: &str) -> Error {
    Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_ERROR), Some(message.to_owned()))
}

fn places_of_like(pattern: &[u8], escape: Option<u32>) -> Vec<Place> {
    let mut characters = Characters(pattern);
    let mut places = Vec::new();
    while let Some(character) = characters.next() {
        places.push(match character {
            _ if Some(character) == escape => characters.next().map_or(Place::Nothing, in_either_case),
            PERCENT => Place::Many,
            UNDERSCORE => Place::One,
            other => in_either_case(other),
        });
    }
    places
}

const PERCENT: u32 = '%' as u32;
const UNDERSCORE: u32 = '_' as u32;

fn in_either_case(character: u32) -> Place {
    match u8::try_from(character) {
        Ok(letter) if letter.is_ascii_alphabetic() => Place::Letter(letter.to_ascii_lowercase()),
        _ => Place::This(character),
    }
}

fn places_of_glob(pattern: &[u8]) -> Vec<Place> {
    let mut characters = Characters(pattern);
    let mut places = Vec::new();
    while let Some(character) = characters.next() {
        places.push(match character {
            STAR => Place::Many,
            QUESTION => Place::One,
            OPEN => one_of(&mut characters),
            other => Place::This(other),
        });
    }
    places
}

const STAR: u32 = '*' as u32;
const QUESTION: u32 = '?' as u32;
const OPEN: u32 = '[' as u32;
const CLOSE: u32 = ']' as u32;
const CARET: u32 = '^' as u32;
const MINUS: u32 = '-' as u32;

/// What follows `[`, up to its `]`, which stands for itself where it comes first.
fn one_of(characters: &mut Characters<'_>) -> Place {
    let (mut ranges, mut before) = (Vec::new(), None);
    let mut next = characters.next();
    let is_inverted = next == Some(CARET);
    if is_inverted {
        next = characters.next();
    }
    if next == Some(CLOSE) {
        ranges.push((CLOSE, CLOSE));
        next = characters.next();
    }
    loop {
        match (next, before) {
            (None, _) => return Place::Nothing,
            (Some(CLOSE), _) => return Place::OneOf { ranges, is_inverted },
            (Some(MINUS), Some(from)) if !characters.0.is_empty() && characters.0.first() != Some(&b']') => {
                ranges.extend(characters.next().map(|to| (from, to)));
                before = None;
            }
            (Some(character), _) => {
                ranges.push((character, character));
                before = Some(character);
            }
        }
        next = characters.next();
    }
}

/// Whether a whole text fits the places of a pattern.
fn fits(places: &[Place], text: &[u8], pace: &Pace) -> rusqlite::Result<bool> {
    // The place after the latest `Many`, and the first byte that it may still be at.
    let mut again: Option<(usize, usize)> = None;
    let (mut place, mut at) = (0, 0);
    loop {
        let rest = text.get(at..).unwrap_or_default();
        match places.get(place) {
            Some(Place::Many) if place + 1 == places.len() => return Ok(true),
            Some(Place::Many) => {
                place += 1;
                let Some(next) = seek(places.get(place), text, at, pace)? else { return Ok(false) };
                (again, at) = (Some((place, next)), next);
                continue;
            }
            None if rest.is_empty() => return Ok(true),
            Some(one) => match first(rest) {
                Some((character, bytes)) => {
                    pace.work(bytes)?;
                    if one.admits(character) {
                        (place, at) = (place + 1, at + bytes);
                        continue;
                    }
                }
                // Whatever the latest `Many` takes more leaves less.
                None => return Ok(false),
            },
            None => {}
        }
        let Some((from, start)) = again else { return Ok(false) };
        let Some((_, bytes)) = text.get(start..).and_then(first) else { return Ok(false) };
        let Some(next) = seek(places.get(from), text, start + bytes, pace)? else { return Ok(false) };
        (again, place, at) = (Some((from, next)), from, next);
    }
}

/// The first byte from one on at which a text may fit a place; it need not.
fn seek(place: Option<&Place>, text: &[u8], from: usize, pace: &Pace) -> rusqlite::Result<Option<usize>> {
    let rest = text.get(from..).unwrap_or_default();
    let found = match place {
        Some(Place::Letter(letter)) => memchr::memchr2(*letter, letter.to_ascii_uppercase(), rest),
        // A byte of ASCII is never a part of another character.
        Some(Place::This(character @ 0..0x80)) => memchr::memchr(*character as u8, rest),
        _ => Some(0),
    };
    pace.work(found.unwrap_or(rest.len()) / 16)?;
    Ok(found.map(|at| from + at))
}

impl Place {
    fn admits(&self, character: u32) -> bool {
        match self {
            Place::Many | Place::Nothing => false,
            Place::One => true,
            Place::This(this) => character == *this,
            Place::Letter(letter) => u8::try_from(character).is_ok_and(|other| other.eq_ignore_ascii_case(letter)),
            Place::OneOf { ranges, is_inverted } => {
                ranges.iter().any(|(from, to)| (*from..=*to).contains(&character)) != *is_inverted
            }
        }
    }
}
