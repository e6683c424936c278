//! The target of a request, out of the URL that workerd makes of it.
//!
//! It puts scheme and Host before the path and leaves all as it was sent: nothing is encoded, decoded or checked. So a Host
//! must be one before the path can be told from it ([`crate::call`] sees to that). Bytes that are not UTF-8 are refused by
//! workerd of today and became U+FFFD in earlier ones.

use std::borrow::Cow;

/// Path and query, as the client sent them.
///
/// U+FFFD becomes a byte that is not UTF-8, since in all likelihood it was one; otherwise many malformed ids would be one
/// user. Who means the character sends it percent-encoded, as RFC 3986 asks of every one beyond ASCII.
pub(crate) fn target(url: &str) -> Cow<'_, str> {
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let target = after_scheme.find('/').and_then(|slash| after_scheme.get(slash..)).unwrap_or("/");
    if target.contains(char::REPLACEMENT_CHARACTER) {
        return target.replace(char::REPLACEMENT_CHARACTER, "%FF").into();
    }
    target.into()
}

#[cfg(test)]
mod tests {
    use super::target;

    #[test]
    fn the_target_is_what_follows_the_host() {
        for (url, expected) in [
            ("http://127.0.0.1:3000/john?limit=1", "/john?limit=1"),
            ("https://notes.example/", "/"),
            ("https://notes.example", "/"),
            ("http://x//y", "//y"),
            ("http://x:y:z/a%2Fb", "/a%2Fb"),
            ("http://x/a://b/c", "/a://b/c"),
            ("http://[::1]:80/Zo\u{eb}", "/Zo\u{eb}"),
        ] {
            assert_eq!(target(url), expected, "{url}");
        }
    }

    #[test]
    fn what_was_not_utf_8_is_not_taken_for_it() {
        assert_eq!(target("http://x/a\u{fffd}\u{fffd}"), "/a%FF%FF");
        assert_eq!(target("http://x/%EF%BF%BD"), "/%EF%BF%BD");
    }
}
