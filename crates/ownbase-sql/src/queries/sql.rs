//! A query's text as engines get it: parameters numbered, comments gone, blanks made one space.
//!
//! Engines bind by position and one of them knows no named parameters, so `:id` becomes `?1` where it is the first
//! parameter named, wherever it stands. Names, strings and everything else stay as they are.

use crate::tokens::{Kind, Token, tokens};

/// A parameter where it stands in a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place<'a> {
    pub(super) name: &'a str,
    /// Bytes from the statement's beginning, of the `:`.
    pub(super) start: usize,
}

/// Every place at which a named parameter stands, in order.
pub(super) fn places(sql: &str) -> Vec<Place<'_>> {
    let mut colon: Option<Token<'_>> = None;
    let mut places = Vec::new();
    for token in tokens(sql) {
        if let Some(colon) = colon.filter(|_| token.kind == Kind::Word) {
            places.push(Place { name: token.text, start: colon.start });
        }
        colon = (token.text == ":").then_some(token);
    }
    places
}

/// The names of the parameters in the order of their positions.
pub(super) fn names(sql: &str) -> Vec<&str> {
    let mut names = Vec::new();
    for Place { name, .. } in places(sql) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// The text that is sent.
pub(super) fn sent(sql: &str) -> String {
    let names = names(sql);
    let places = places(sql);
    let mut sent = String::with_capacity(sql.len());
    for token in tokens(sql) {
        let is_name = places.iter().any(|place| place.start + 1 == token.start);
        match places.iter().find(|place| place.start == token.start) {
            Some(place) => {
                let position = names.iter().position(|name| *name == place.name).map_or(0, |index| index + 1);
                sent += &format!("?{position}");
            }
            None if is_name => {}
            None if token.is_blank() => {
                if !sent.ends_with(' ') {
                    sent.push(' ');
                }
            }
            None => sent += token.text,
        }
    }
    sent.trim().into()
}

#[cfg(test)]
mod tests {
    use super::{names, sent};

    #[test]
    fn parameters_are_numbered_by_their_first_place() {
        let sql = "SELECT :b, ':c', \":d\" -- :e\n  FROM t /* :f */ WHERE a=:a AND b IN (:b,:c)";
        assert_eq!(names(sql), ["b", "a", "c"]);
        assert_eq!(sent(sql), "SELECT ?1, ':c', \":d\" FROM t WHERE a=?2 AND b IN (?1,?3)");
    }

    #[test]
    fn a_comment_parts_words_and_strings_keep_their_blanks() {
        assert_eq!(sent("SELECT--\n'a  b'/**/  ,  1"), "SELECT 'a  b' , 1");
    }
}
