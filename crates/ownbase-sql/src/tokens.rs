//! SQL cut into tokens, just far enough to tell words, quoted names, comments and punctuation apart.
//!
//! Follows SQLite's lexical rules (<https://www.sqlite.org/lang_expr.html>, <https://www.sqlite.org/lang_comment.html>):
//! quotes are doubled inside themselves, `[…]` ends at the first `]`, comments do not nest, and what is left open
//! runs to the end. It never fails, since SQLite has read the text before or will read it after; it judges nothing.

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// White space.
    Space,
    /// `-- …` up to the end of the line, or `/* … */`.
    Comment,
    /// A keyword, a bare name or a number.
    Word,
    /// A string or a quoted name: `'…'`, `"…"`, `` `…` `` or `[…]`.
    Quoted,
    /// One character of anything else.
    Mark,
}

/// A token and where it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) kind: Kind,
    /// Bytes from the beginning of the text.
    pub(crate) start: usize,
    pub(crate) text: &'a str,
}

impl Token<'_> {
    /// Whether this is the keyword, whichever way it is written.
    pub(crate) fn is_word(&self, keyword: &str) -> bool {
        self.kind == Kind::Word && self.text.eq_ignore_ascii_case(keyword)
    }

    /// Whether SQLite passes over it.
    pub(crate) fn is_blank(&self) -> bool {
        matches!(self.kind, Kind::Space | Kind::Comment)
    }

    /// A name without its quotes, in lower case as SQLite compares names.
    pub(crate) fn name(&self) -> String {
        let inner =
            if self.kind == Kind::Quoted { self.text.trim_matches(['\'', '"', '`', '[', ']']) } else { self.text };
        inner.to_ascii_lowercase()
    }
}

/// All tokens of `sql` in order; their texts joined are `sql`.
pub(crate) fn tokens(sql: &str) -> impl Iterator<Item = Token<'_>> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let rest = sql.get(start..)?;
        let (kind, length) = first(rest)?;
        let token = Token { kind, start, text: rest.get(..length)? };
        start += length;
        Some(token)
    })
}

/// The tokens that SQLite looks at.
pub(crate) fn significant(sql: &str) -> impl Iterator<Item = Token<'_>> {
    tokens(sql).filter(|token| !token.is_blank())
}

fn first(rest: &str) -> Option<(Kind, usize)> {
    let head = rest.chars().next()?;
    Some(match head {
        _ if is_space(head) => (Kind::Space, rest.find(|c| !is_space(c)).unwrap_or(rest.len())),
        '-' if rest.starts_with("--") => (Kind::Comment, rest.find('\n').unwrap_or(rest.len())),
        '/' if rest.starts_with("/*") => (Kind::Comment, past(rest, 2, "*/")),
        '\'' | '"' | '`' => (Kind::Quoted, quoted(rest, head)),
        '[' => (Kind::Quoted, past(rest, 1, "]")),
        _ if is_word(head) => (Kind::Word, rest.find(|c| !is_word(c)).unwrap_or(rest.len())),
        _ => (Kind::Mark, head.len_utf8()),
    })
}

/// The white space that SQLite knows; Rust's has more (and SQLite's has no vertical tab).
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\x0c' | '\r')
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '$' || !c.is_ascii()
}

/// The length up to and with the first `end` after `from` bytes.
fn past(rest: &str, from: usize, end: &str) -> usize {
    let inner = rest.get(from..).unwrap_or_default();
    inner.find(end).map_or(rest.len(), |at| from + at + end.len())
}

/// The length of a quoted token; a doubled quote stands for one inside.
fn quoted(rest: &str, quote: char) -> usize {
    let mut marks = rest.char_indices().skip(1).filter(|(_, c)| *c == quote).map(|(at, _)| at).peekable();
    while let Some(at) = marks.next() {
        if marks.next_if_eq(&(at + 1)).is_none() {
            return at + 1;
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Kind, significant, tokens};

    fn texts(sql: &str) -> Vec<&str> {
        significant(sql).map(|token| token.text).collect()
    }

    #[test]
    fn what_is_quoted_is_one_token() {
        for (sql, expected) in [
            ("'it''s; --' a", vec!["'it''s; --'", "a"]),
            ("\"a\"\"b\";", vec!["\"a\"\"b\"", ";"]),
            ("`a``b`c", vec!["`a``b`", "c"]),
            ("[a;]]", vec!["[a;]", "]"]),
            ("''''", vec!["''''"]),
            ("'' ''", vec!["''", "''"]),
            ("'open; --", vec!["'open; --"]),
            ("[open", vec!["[open"]),
        ] {
            assert_eq!(texts(sql), expected, "{sql}");
        }
    }

    #[test]
    fn comments_do_not_nest_and_run_to_the_end() {
        for (sql, expected) in [
            ("a--b\nc", vec!["a", "c"]),
            ("a/* -- */c/* /* */d", vec!["a", "c", "d"]),
            ("a/*/b*/c", vec!["a", "c"]),
            ("a - -b / *c", vec!["a", "-", "-", "b", "/", "*", "c"]),
            ("a/*open", vec!["a"]),
            ("a--open", vec!["a"]),
            ("--'\n'--'", vec!["'--'"]),
        ] {
            assert_eq!(texts(sql), expected, "{sql}");
        }
    }

    #[test]
    fn names_are_read_as_sqlite_reads_them() {
        for (sql, expected) in [("Ab$1é", "ab$1é"), ("\"A\"", "a"), ("[A b]", "a b"), ("`a``b`", "a``b")] {
            let names: Vec<String> = significant(sql).map(|token| token.name()).collect();
            assert_eq!(names, [expected], "{sql}");
        }
    }

    proptest! {
        #[test]
        fn nothing_is_lost(sql in "([-/*'\"`\\[\\];a-z \n]|\\PC){0,60}") {
            prop_assert_eq!(tokens(&sql).map(|token| token.text).collect::<String>(), sql.clone());
            for token in tokens(&sql) {
                prop_assert_eq!(sql.get(token.start..).and_then(|rest| rest.get(..token.text.len())), Some(token.text));
                prop_assert!(token.kind != Kind::Mark || token.text.chars().count() == 1);
            }
        }
    }
}
