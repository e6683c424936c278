//! SQL brought to one form, so that two spellings of one thing compare equal; and names put into SQL.
//!
//! The form is the tokens joined by spaces: comments and white space gone, words and names in lower case, names
//! without quotes where they need none, strings as they are. `CHECK ("A">0)` and `check (a > 0)` are the same; `1` and
//! `1.0`, or `a AND b` and `b AND a`, are not: no expression is understood, only read.

use crate::tokens::{Kind, Token, significant};

/// The one form of these tokens.
pub(crate) fn form(tokens: &[Token<'_>]) -> String {
    tokens.iter().map(word).collect::<Vec<_>>().join(" ")
}

/// The one form of a whole statement.
pub(crate) fn form_of(sql: &str) -> String {
    form(&significant(sql).collect::<Vec<_>>())
}

fn word(token: &Token<'_>) -> String {
    match token.kind {
        Kind::Quoted if is_string(token) => token.text.into(),
        Kind::Quoted => {
            let name = unquoted(token).to_ascii_lowercase();
            if is_plain(&name) { name } else { in_quotes(&name) }
        }
        _ => token.text.to_ascii_lowercase(),
    }
}

/// Whether this is `'…'`, which is a string but where only a name can stand.
pub(crate) fn is_string(token: &Token<'_>) -> bool {
    token.text.starts_with('\'')
}

/// A name as it was meant: without its quotes, its letters as they are.
pub(crate) fn unquoted(token: &Token<'_>) -> String {
    let text = token.text;
    let inner = text.get(1..text.len().saturating_sub(1)).unwrap_or_default();
    match text.chars().next() {
        Some(quote @ ('"' | '`' | '\'')) => inner.replace(&format!("{quote}{quote}"), &quote.to_string()),
        Some('[') => inner.into(),
        _ => text.into(),
    }
}

/// A name as SQL, in quotes only where it needs them.
pub(crate) fn quote(name: &str) -> String {
    let is_keyword = || KEYWORDS.contains(&format!(" {} ", name.to_ascii_lowercase()));
    if is_plain(name) && !is_keyword() { name.into() } else { in_quotes(name) }
}

/// Names as SQL, with commas between them.
pub(crate) fn quote_all<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(quote).collect::<Vec<_>>().join(", ")
}

/// A text as an SQL string.
pub(crate) fn string(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn in_quotes(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn is_plain(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// <https://www.sqlite.org/lang_keywords.html>, all of them, since which need quotes depends on where they
/// stand; a space on either side of each.
const KEYWORDS: &str = " abort action add after all alter always analyze and as asc attach autoincrement before begin \
    between by cascade case cast check collate column commit conflict constraint create cross current current_date \
    current_time current_timestamp database default deferrable deferred delete desc detach distinct do drop each else \
    end escape except exclude exclusive exists explain fail filter first following for foreign from full generated \
    glob group groups having if ignore immediate in index indexed initially inner insert instead intersect into is \
    isnull join key last left like limit match materialized natural no not nothing notnull null nulls of offset on or \
    order others outer over partition plan pragma preceding primary query raise range recursive references regexp \
    reindex release rename replace restrict returning right rollback row rows savepoint select set table temp \
    temporary then ties to transaction trigger unbounded union unique update using vacuum values view virtual when \
    where window with within without ";

#[cfg(test)]
mod tests {
    use super::{form_of, quote, unquoted};
    use crate::tokens::significant;

    #[test]
    fn spellings_of_one_thing_have_one_form() {
        for (a, b) in
            [("CHECK (\"A\">0)", "check ( a /* x */ > 0 )"), ("`a b` [c]", "\"A B\" c -- x"), ("\"a\"\"b\"", "[a\"b]")]
        {
            assert_eq!(form_of(a), form_of(b));
        }
        assert_ne!(form_of("'A'"), form_of("'a'"));
        assert_ne!(form_of("'a'"), form_of("a"));
        assert_ne!(form_of("\"a b\""), form_of("a b"));
    }

    #[test]
    fn names_survive_being_quoted() {
        for name in ["a", "order", "a b", "a\"b", "é", "", "1a", "Über]", "'"] {
            let sql = quote(name);
            let names: Vec<String> = significant(&sql).map(|token| unquoted(&token)).collect();
            assert_eq!(names, [name], "{sql}");
        }
        assert_eq!((quote("notes").as_str(), quote("Order").as_str()), ("notes", "\"Order\""));
    }
}
