//! User ids that fall together when anything between the path and the file is sloppy.
//!
//! Each is one user to a careful server: case, dots, slashes, escapes of escapes, Unicode forms, SQLite's own file
//! names, names that a file system or SQLite's URI form takes apart, and ids as long as they may be.

/// User ids that all contain `base`, which must be short, lower-case letters, digits and `-`. All are different.
pub(crate) fn colliding_ids(base: &str) -> Vec<String> {
    let upper = base.to_uppercase();
    let mut ids: Vec<String> = vec![base.to_owned(), upper.clone()];
    let mut capital = base.chars();
    ids.extend(capital.next().map(|first| first.to_uppercase().chain(capital).collect()));
    for (before, after) in [
        (".", ""),
        ("..", ""),
        ("", "."),
        ("", ".."),
        ("./", ""),
        ("../", ""),
        ("../../", ""),
        ("", "/"),
        ("", "/.."),
        ("", "/."),
        ("/", ""),
        ("//", ""),
        ("\\", ""),
        ("..\\", ""),
        ("/etc/", ""),
        ("%2e%2e/", ""),
        ("%2e%2e%2f", ""),
        ("", "?"),
        ("", "?mode=memory"),
        ("", "#"),
        ("", "#x"),
        ("file:", ""),
        ("file:", "?mode=ro"),
        (":memory:", ""),
        ("", "-wal"),
        ("", "-shm"),
        ("", "-journal"),
        ("", ".db"),
        ("", ".db-wal"),
        ("", ".db-shm"),
        ("", ".db-journal"),
        ("~", ""),
        ("", "~"),
        ("~~", ""),
        ("user-", ""),
        ("user-~", ""),
        ("user-~~", ""),
        ("", "~2e"),
        ("~4a", ""),
        (" ", ""),
        ("", " "),
        ("+", ""),
        ("", "+"),
        ("%20", ""),
        ("", "%"),
        ("", "%25"),
        ("", "%00"),
        ("", "\u{a0}"),
        ("", "é"),
        ("", "e\u{301}"),
        ("", "É"),
        ("", "ß"),
        ("", "ss"),
        ("", "ı"),
        ("", "i"),
        ("", "İ"),
        ("", "K"),
        ("", "k"),
        ("", "\u{212a}"),
        ("", "ａ"),
        ("", "а"),
        ("", "a"),
        ("", "ﬁ"),
        ("", "fi"),
        ("", "Å"),
        ("", "\u{212b}"),
        ("", "😀"),
        ("", "👨\u{200d}👩"),
        ("", "👨👩"),
        ("\u{202e}", ""),
        ("\u{feff}", ""),
        ("", "\u{ad}"),
        ("", "\u{200b}"),
        ("con.", ""),
        ("NUL.", ""),
        ("com1.", ""),
        ("aux.", ""),
        ("lpt1:", ""),
        ("", ":stream"),
        ("", "*"),
        ("'", "'"),
        ("\"", "\""),
        ("", ";"),
        ("", "&"),
        ("", "="),
        ("", ","),
        ("_", ""),
        ("-", ""),
        ("--", ""),
        ("_migrations_", ""),
        ("<", ">"),
        ("|", ""),
        ("$HOME", ""),
        ("`", "`"),
        ("", "\u{10ffff}"),
    ] {
        ids.push(format!("{before}{base}{after}"));
    }
    // 128 bytes: of letters, of letters that differ at the end, and those whose label has three bytes for each.
    for (fill, last) in
        [("a", "a"), ("a", "b"), ("A", "A"), ("A", "a"), ("/", "/"), ("/", "."), ("é", "a"), ("😀", "a")]
    {
        let mut id = base.to_owned();
        while id.len() + fill.len() + last.len() <= 128 {
            id.push_str(fill);
        }
        while id.len() < 128 {
            id.push_str(last);
        }
        ids.push(id);
    }
    ids
}
