//! A place in a list of tokens, moved forward by whoever reads it.

use super::text::unquoted;
use crate::tokens::{Kind, Token};

/// What a constraint can begin with, and so what ends a column's type.
const CLAUSES: [&str; 11] =
    ["constraint", "primary", "not", "null", "unique", "check", "default", "collate", "references", "generated", "as"];

/// Tokens, and how many of them have been read.
#[derive(Debug, Clone)]
pub(crate) struct Cursor<'a, 's> {
    tokens: &'a [Token<'s>],
    at: usize,
}

impl<'a, 's> Cursor<'a, 's> {
    pub(crate) fn new(tokens: &'a [Token<'s>]) -> Self {
        Self { tokens, at: 0 }
    }

    pub(crate) fn peek(&self) -> Option<&'a Token<'s>> {
        self.tokens.get(self.at)
    }

    pub(crate) fn next(&mut self) -> Option<&'a Token<'s>> {
        let token = self.peek()?;
        self.at += 1;
        Some(token)
    }

    /// Passes these words if they come next, all of them.
    pub(crate) fn eat(&mut self, words: &[&str]) -> bool {
        let next = self.tokens.get(self.at..self.at + words.len());
        let found = next.is_some_and(|tokens| tokens.iter().zip(words).all(|(token, word)| token.is_word(word)));
        self.at += if found { words.len() } else { 0 };
        found
    }

    /// A name, without quotes.
    pub(crate) fn name(&mut self) -> String {
        self.next().map(unquoted).unwrap_or_default()
    }

    /// What stands in the parentheses that come next; empty, and nothing passed, where none do.
    pub(crate) fn parentheses(&mut self) -> &'a [Token<'s>] {
        if self.peek().is_none_or(|token| token.text != "(") {
            return &[];
        }
        let start = self.at + 1;
        let mut depth = 0_usize;
        while let Some(token) = self.next() {
            match token.text {
                "(" => depth += 1,
                ")" => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
        self.tokens.get(start..self.at.saturating_sub(1)).unwrap_or_default()
    }

    /// Moves to the first `(`.
    pub(crate) fn skip_to_parentheses(&mut self) {
        while self.peek().is_some_and(|token| token.text != "(") {
            self.at += 1;
        }
    }

    /// A column's type: all before its first constraint.
    pub(crate) fn until_clause(&mut self) -> &'a [Token<'s>] {
        let start = self.at;
        while self.peek().is_some_and(|token| !CLAUSES.iter().any(|clause| token.is_word(clause))) {
            self.next();
        }
        self.tokens.get(start..self.at).unwrap_or_default()
    }

    /// A number with its sign, a string, a word, or an expression with its parentheses.
    pub(crate) fn default_value(&mut self) -> &'a [Token<'s>] {
        let start = self.at;
        if self.peek().is_some_and(|token| token.text == "(") {
            self.parentheses();
        } else {
            self.at += literal_length(self.tokens.get(start..).unwrap_or_default()).max(1);
        }
        self.tokens.get(start..self.at).unwrap_or_default()
    }
}

/// How many tokens the literal at the beginning has; 0 where there is none.
pub(crate) fn literal_length(tokens: &[Token<'_>]) -> usize {
    let sign = usize::from(tokens.first().is_some_and(|token| ["+", "-"].contains(&token.text)));
    let rest = tokens.get(sign..).unwrap_or_default();
    let is_digits =
        |token: &Token<'_>| token.kind == Kind::Word && token.text.starts_with(|c: char| c.is_ascii_digit());
    let words = ["null", "true", "false", "current_time", "current_date", "current_timestamp"];
    match rest {
        // `1.5`, `.5` and `1e-5` are several tokens here.
        [whole, ..] if is_digits(whole) || whole.text == "." => {
            let mut length = 1;
            while let Some(token) = rest.get(length) {
                let after_exponent = ["+", "-"].contains(&token.text)
                    && rest.get(length - 1).is_some_and(|before| before.text.ends_with(['e', 'E']))
                    && adjoin(rest, length);
                if !(adjoin(rest, length) && (is_digits(token) || token.text == "." || is_exponent(token))
                    || after_exponent)
                {
                    break;
                }
                length += 1;
            }
            sign + length
        }
        // A blob.
        [x, bytes, ..] if x.is_word("x") && bytes.text.starts_with('\'') && adjoin(rest, 1) => sign + 2,
        [text, ..] if text.kind == Kind::Quoted => sign + 1,
        [word, ..] if words.iter().any(|known| word.is_word(known)) => sign + 1,
        _ => 0,
    }
}

fn is_exponent(token: &Token<'_>) -> bool {
    token.kind == Kind::Word && token.text.starts_with(['e', 'E'])
}

/// Whether nothing stands between a token and the one before it.
fn adjoin(tokens: &[Token<'_>], at: usize) -> bool {
    let end = |token: &Token<'_>| token.start + token.text.len();
    at.checked_sub(1).and_then(|before| Some(end(tokens.get(before)?) == tokens.get(at)?.start)).unwrap_or_default()
}
