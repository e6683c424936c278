//! Rust source reduced to what a rule looks at: without comments and literals, without tests.
//!
//! Not a parser: it knows just enough of the lexer to tell code from text, and tests from the rest by their braces.
//! Every line keeps its number and every character that stays its column.

/// Blanks comments and what stands between quotes.
pub(crate) fn without_literals(source: &str) -> String {
    let mut rest = source;
    let mut out = String::with_capacity(source.len());
    while let Some(first) = rest.chars().next() {
        let length = literal_length(rest, out.chars().next_back());
        let (token, after) = rest.split_at(length.unwrap_or(first.len_utf8()));
        if length.is_some() {
            blank(token, &mut out);
        } else {
            out.push_str(token);
        }
        rest = after;
    }
    out
}

/// The length of the comment or literal with which `rest` begins.
fn literal_length(rest: &str, before: Option<char>) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return Some(block_comment_length(rest));
    }
    if rest.starts_with('"') {
        return Some(quoted_length(rest, '"'));
    }
    if rest.starts_with('\'') {
        return char_length(rest);
    }
    let in_word = before.is_some_and(is_word);
    if !in_word && let Some(raw) = rest.trim_start_matches(['b', 'c']).strip_prefix('r') {
        return raw_string_length(raw).map(|length| rest.len() - raw.len() + length);
    }
    None
}

/// Block comments nest.
fn block_comment_length(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                break;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    at
}

fn quoted_length(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, character) in rest.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if character == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// A quote may begin a character or a lifetime; only a character is closed at once.
fn char_length(rest: &str) -> Option<usize> {
    let mut characters = rest.chars().skip(1);
    match (characters.next(), characters.next()) {
        (Some('\\'), _) | (Some(_), Some('\'')) => Some(quoted_length(rest, '\'')),
        _ => None,
    }
}

/// `raw` follows the `r`: hashes and a quote, or it is no raw string.
fn raw_string_length(raw: &str) -> Option<usize> {
    let hashes = raw.len() - raw.trim_start_matches('#').len();
    let body = raw[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", &raw[..hashes]);
    Some(body.find(&end).map_or(raw.len(), |at| hashes + 1 + at + end.len()))
}

/// Blanks every item that is compiled for tests alone: from its attribute to the brace or semicolon that ends it.
pub(crate) fn without_tests(code: &str) -> String {
    let mut out = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(at) = ["#[cfg(test)]", "#[cfg(all(test"].iter().filter_map(|start| rest.find(start)).min() {
        out.push_str(&rest[..at]);
        let (item, after) = rest[at..].split_at(item_length(&rest[at..]));
        blank(item, &mut out);
        rest = after;
    }
    out.push_str(rest);
    out
}

fn item_length(item: &str) -> usize {
    let mut depth = 0_usize;
    for (at, character) in item.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth <= 1 => return at + 1,
            '}' => depth -= 1,
            ';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    item.len()
}

fn blank(text: &str, out: &mut String) {
    out.extend(text.chars().map(|character| if character == '\n' { '\n' } else { ' ' }));
}

/// Whether `code` has `word` with no letter, digit or underscore at either side.
pub(crate) fn has_word(code: &str, word: &str) -> bool {
    code.match_indices(word).any(|(at, _)| {
        !code[..at].chars().next_back().is_some_and(is_word)
            && !code[at + word.len()..].chars().next().is_some_and(is_word)
    })
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is left, white space aside.
    fn check(source: &str, left: &str) {
        let code = without_tests(&without_literals(source));
        assert_eq!(code.split_whitespace().collect::<Vec<_>>().join(" "), left, "{source}");
        assert_eq!(code.lines().count(), source.lines().count(), "{source}");
    }

    #[test]
    fn comments_and_literals_go() {
        check("a // b\nc", "a c");
        check("a /* b /* c */ d */ e", "a e");
        check(r#"f("x \" // y", z)"#, "f( , z)");
        check("f(r#\"x \" y\"#, br\"\\\", z)", "f( , , z)");
        check("let number = for_(\"\");", "let number = for_( );");
        check("('\"', '\\'', 'a', x)", "( , , , x)");
    }

    #[test]
    fn lifetimes_and_raw_identifiers_stay() {
        check("fn f<'a>(x: &'a str) -> &'a str", "fn f<'a>(x: &'a str) -> &'a str");
        check("r#type", "r#type");
    }

    #[test]
    fn unfinished_literals_end_with_the_file() {
        check("a \"b", "a");
        check("a /* b", "a");
        check("a r#\"b", "a");
    }

    #[test]
    fn test_items_go_and_what_follows_them_stays() {
        check("a;\n#[cfg(test)]\nmod tests {\n fn b() { c }\n}\nd;", "a; d;");
        check("#[cfg(test)]\nmod tests;\nd;", "d;");
        check("#[cfg(all(test, unix))]\nfn a() {}\nd;", "d;");
        check("#[cfg(test)]\nfn a() { \"}\" }\nd;", "d;");
    }

    #[test]
    fn words_are_whole() {
        assert!(has_word("std::fs::read", "fs") && has_word("fs", "fs"));
        assert!(!has_word("offs", "fs") && !has_word("fs_of", "fs"));
    }
}
