//! `instr` and `replace`: a text within a text, found in time that grows with their lengths' sum.

use super::{
    Answer,
    argument::{continues, text},
    pace::{Pace, check_size},
};
use memchr::memmem::Finder;
use rusqlite::{functions::Context, types::ValueRef};

/// Bytes searched between two looks at the clock; more where the pattern is longer.
const WINDOW: usize = 64 << 10;

/// `instr(text, part)`: where the part begins, counted from 1: in characters, or in bytes if both are blobs. 0 if nowhere.
pub(super) fn instr(context: &Context<'_>, pace: &Pace) -> rusqlite::Result<Answer> {
    let is_blob = |argument| matches!(context.get_raw(argument), ValueRef::Blob(_));
    let (Some(whole), Some(part)) = (text(context, 0)?, text(context, 1)?) else { return Ok(Answer::Null) };
    let counts_bytes = is_blob(0) && is_blob(1);
    let Some(first) = part.first() else { return Ok(Answer::Integer(1)) };
    let found = match !counts_bytes && continues(*first) {
        // The part begins within a character: only at the text's start is there such a place.
        true => whole.starts_with(&part).then_some(0),
        false => Search::of(&part).first(&whole, 0, pace)?,
    };
    let Some(at) = found else { return Ok(Answer::Integer(0)) };
    let before = match counts_bytes {
        true => at,
        false => characters(whole.get(1..=at).unwrap_or_default(), pace)?,
    };
    Ok(Answer::Integer(i64::try_from(before).unwrap_or(i64::MAX).saturating_add(1)))
}

/// `replace(text, part, other)`: every place where the part is, from the left, by the other.
pub(super) fn replace(context: &Context<'_>, pace: &Pace) -> rusqlite::Result<Answer> {
    let (Some(whole), Some(part)) = (text(context, 0)?, text(context, 1)?) else { return Ok(Answer::Null) };
    // SQLite takes a part that begins with NUL for an empty one.
    if matches!(part.first(), None | Some(0)) {
        return Ok(Answer::Text(whole.into_owned()));
    }
    let Some(other) = text(context, 2)? else { return Ok(Answer::Null) };
    let search = Search::of(&part);
    let (mut replaced, mut from) = (Vec::new(), 0);
    while let Some(at) = search.first(&whole, from, pace)? {
        let kept = whole.get(from..at).unwrap_or_default();
        check_size(replaced.len() + kept.len() + other.len())?;
        replaced.extend_from_slice(kept);
        replaced.extend_from_slice(&other);
        pace.work(other.len())?;
        from = at + part.len();
    }
    let kept = whole.get(from..).unwrap_or_default();
    check_size(replaced.len() + kept.len())?;
    replaced.extend_from_slice(kept);
    Ok(Answer::Text(replaced))
}

struct Search<'a> {
    finder: Finder<'a>,
    part_bytes: usize,
}

impl Search<'_> {
    fn of(part: &[u8]) -> Search<'_> {
        Search { finder: Finder::new(part), part_bytes: part.len() }
    }

    /// Where the part is next, from a byte on. Windows overlap by less than a part, so none is missed between two.
    fn first(&self, whole: &[u8], from: usize, pace: &Pace) -> rusqlite::Result<Option<usize>> {
        let (step, mut start) = (WINDOW.max(self.part_bytes), from);
        loop {
            let end = whole.len().min(start + step + self.part_bytes - 1);
            let window = whole.get(start..end).unwrap_or_default();
            if window.len() < self.part_bytes {
                return Ok(None);
            }
            let found = self.finder.find(window);
            pace.work(found.map_or(window.len(), |at| at + self.part_bytes))?;
            match found {
                Some(at) => return Ok(Some(start + at)),
                None => start += step,
            }
        }
    }
}

/// How many characters begin in these bytes.
fn characters(bytes: &[u8], pace: &Pace) -> rusqlite::Result<usize> {
    let mut count = 0;
    for chunk in bytes.chunks(WINDOW) {
        count += chunk.iter().filter(|byte| !continues(**byte)).count();
        pace.work(chunk.len())?;
    }
    Ok(count)
}
