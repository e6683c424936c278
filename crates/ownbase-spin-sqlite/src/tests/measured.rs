//! Every function that the policy allows, called with the largest values: how long it keeps from the clock.
//!
//! In an ordinary run the values are small and nothing is timed: the test shows that no function is left out, and that the
//! policy admits each. `cargo xtask prove limits` sets `OWNBASE_PROVE_FUNCTIONS` for the largest values that a statement
//! can have, and prints the longest time of each function; with `OWNBASE_PROVE_ASSERT` too it fails above 50 ms.

use super::*;
use crate::{
    connection::{Admission, Connection, Ran, bulk_share},
    gathered::Gathered,
    policy,
};
use std::collections::BTreeMap;

/// What `docs/proof.md` promises.
const LONGEST: Duration = Duration::from_millis(50);

/// Functions that only a table can answer, and which table.
const OF_TABLES: [(&str, &str); 3] = [
    ("bm25", "SELECT bm25(words) FROM words WHERE words MATCH 'a'"),
    ("fts5_get_locale", "SELECT fts5_get_locale(words, 0) FROM words WHERE words MATCH 'a'"),
    ("match", "SELECT count(*) FROM words WHERE words MATCH 'a'"),
];

#[test]
fn no_function_keeps_from_the_clock_for_long() {
    let is_proof = std::env::var_os("OWNBASE_PROVE_FUNCTIONS").is_some();
    let bytes = if is_proof { policy::MAX_VALUE_BYTES as usize } else { 1_000 };
    let connection = connection(bytes);
    let mut longest = BTreeMap::new();
    for (name, kind, arity) in functions() {
        for arguments in counts(arity) {
            for (what, value) in values(bytes.min(bulk_share(&name, arguments) as usize)) {
                let sql = call(&name, &kind, arguments);
                let took = measure(&connection, &sql, value);
                let known = longest.entry(name.clone()).or_insert((Duration::ZERO, String::new()));
                if took >= known.0 {
                    *known = (took, format!("{arguments} arguments: {what}"));
                }
            }
        }
    }
    for (name, what, sql, value) in worst(bytes) {
        let took = measure(&connection, &sql, value);
        let known = longest.entry(name.to_owned()).or_insert((Duration::ZERO, String::new()));
        if took >= known.0 {
            *known = (took, what.to_owned());
        }
    }
    let allowed: Vec<String> = all().into_iter().filter(|name| policy::allows_function(name)).collect();
    assert_eq!(longest.keys().cloned().collect::<Vec<_>>(), allowed, "those measured and those allowed");
    if is_proof {
        for (name, (took, what)) in &longest {
            println!("{:>8.1} ms  {name}  ({what})", took.as_secs_f64() * 1e3);
        }
    }
    let slow: Vec<_> = longest.iter().filter(|(_, (took, _))| *took > LONGEST).map(|(name, _)| name).collect();
    assert!(std::env::var_os("OWNBASE_PROVE_ASSERT").is_none() || slow.is_empty(), "longer than 50 ms: {slow:?}");
}

/// All names that this SQLite has.
fn all() -> Vec<String> {
    let mut names: Vec<String> = include_str!("policy_functions.txt").split_whitespace().map(str::to_owned).collect();
    names.sort();
    names
}

/// Those that are allowed, with their kind and their number of arguments, each as often as SQLite has them.
fn functions() -> Vec<(String, String, i32)> {
    let sqlite = rusqlite::Connection::open_in_memory().unwrap();
    let mut statement = sqlite.prepare("SELECT DISTINCT name, type, narg FROM pragma_function_list").unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    rows.map(Result::unwrap).filter(|(name, _, _): &(String, _, _)| policy::allows_function(name)).collect()
}

fn counts(arity: i32) -> Vec<i32> {
    match arity {
        0.. => vec![arity],
        _ => vec![1, 2, 3, 4, 7, 8, 9, 20, 21, 60, 126, 127],
    }
}

fn call(name: &str, kind: &str, arguments: i32) -> String {
    if let Some((_, sql)) = OF_TABLES.iter().find(|(known, _)| *known == name) {
        return (*sql).to_owned();
    }
    let call = |argument: &str| format!("\"{name}\"({})", vec![argument; arguments as usize].join(", "));
    match (name, kind) {
        ("current_date" | "current_time" | "current_timestamp", _) => format!("SELECT {name}"),
        (_, "s") => format!("SELECT length({})", call("?1")),
        _ => format!("SELECT length({} OVER ()) FROM (SELECT ?1 AS x UNION ALL SELECT ?1)", call("x")),
    }
}

/// Values of one size that take long in one function or another.
fn values(bytes: usize) -> Vec<(&'static str, Value)> {
    let text = |piece: &str| Value::Text(piece.repeat(bytes / piece.len()));
    let between = |first: &str, piece: &str, last: &str| {
        Value::Text(format!("{first}{}{last}", piece.repeat((bytes - first.len() - last.len()) / piece.len())))
    };
    vec![
        ("a letter", text("a")),
        ("a quote", text("'")),
        ("a control character", text("\u{1}")),
        ("a digit", text("1")),
        ("a long character", text("€")),
        ("a format of numbers", text("%d")),
        ("a format of texts", text("%!.1s")),
        ("a format of days", text("%W")),
        ("a number of days", between("+", "0", "1 days")),
        ("an escape", text("\\u0041")),
        ("an array", between("[", "1,", "1]")),
        ("an array of texts", between("[", "\"\\n\",", "1]")),
        ("an object", between("{", "\"a\":1,", "\"b\":1}")),
        ("a path", between("$", "[0]", "")),
        ("zeros", Value::Blob(vec![0; bytes])),
        ("a nested JSONB", Value::Blob(nested(bytes))),
    ]
}

/// An array within an array, and so on.
fn nested(bytes: usize) -> Vec<u8> {
    let mut left = bytes;
    let mut blob = Vec::with_capacity(bytes);
    while left > 5 {
        left -= 5;
        blob.push(0xdb);
        blob.extend((left as u32).to_be_bytes());
    }
    blob.resize(bytes, 0);
    blob
}

/// What takes longest where arguments differ.
fn worst(bytes: usize) -> Vec<(&'static str, &'static str, String, Value)> {
    let text = |piece: &str, bytes: usize| Value::Text(piece.repeat(bytes / piece.len()));
    let paths = |path: &str, count: usize| vec![path; count].join(", ");
    let array = |bytes: usize| Value::Text(format!("[{}1]", "1,".repeat(bytes / 2 - 2)));
    let mut worst = vec![
        (
            "instr",
            "a half that is nowhere",
            "SELECT instr(?1, substr(?1, 1, 500000) || 'b')".to_owned(),
            text("a", bytes),
        ),
        (
            "replace",
            "a half that is nowhere",
            "SELECT length(replace(?1, substr(?1, 1, 500000) || 'b', ''))".to_owned(),
            text("a", bytes),
        ),
        ("replace", "each letter", "SELECT length(replace(?1, 'a', 'bb'))".to_owned(), text("a", bytes / 2)),
        (
            "unhex",
            "a list of what is between",
            "SELECT length(unhex(?1, substr(?1, 1, 900000) || 'x'))".to_owned(),
            text("€", bytes),
        ),
        ("like", "a letter at each place", format!("SELECT ?1 LIKE '%{}b'", "a".repeat(48)), text("a", bytes)),
        ("like", "two wildcards", format!("SELECT ?1 LIKE '%a{}%b'", "_".repeat(45)), text("a", bytes)),
        ("glob", "sets", "SELECT ?1 GLOB '*[^b-z][^b-z][^b-z][^b-z][^b-z][^b-z][^b-z]b'".to_owned(), text("a", bytes)),
        (
            "max",
            "no case",
            "SELECT max(?1 || '' COLLATE NOCASE, ?1, ?1, ?1, ?1, ?1, ?1, ?1)".to_owned(),
            text("a", bytes - 1),
        ),
        (
            "min",
            "no case",
            "SELECT min(?1 || '' COLLATE NOCASE, ?1, ?1, ?1, ?1, ?1, ?1, ?1)".to_owned(),
            text("a", bytes - 1),
        ),
        ("nullif", "no case", "SELECT nullif(?1 || '' COLLATE NOCASE, ?1 || '')".to_owned(), text("a", bytes - 1)),
    ];
    for name in ["json_extract", "json_remove", "jsonb_extract", "jsonb_remove"] {
        for count in [1, 2, 7, 60, 120] {
            let share = bytes.min(bulk_share(name, count + 1) as usize);
            let sql = format!("SELECT length({name}(?1, {}))", paths("'$[#-1]'", count as usize));
            worst.push((name, "the last element, many times", sql, array(share)));
        }
    }
    for name in ["json_set", "json_insert", "json_replace", "jsonb_set"] {
        for count in [1, 3, 60] {
            let share = bytes.min(bulk_share(name, 2 * count + 1) as usize);
            let sql = format!("SELECT length({name}(?1, {}))", paths("'$[0]', 'abc'", count as usize));
            worst.push((name, "the first element, many times", sql, array(share)));
        }
    }
    worst
}

fn connection(bytes: usize) -> Connection {
    let limits = Limits { statement_timeout_ms: 600_000, ..Limits::default() };
    let connection = Connection::scratch(&limits).map_err(text).unwrap();
    for sql in ["CREATE VIRTUAL TABLE words USING fts5(word)", "INSERT INTO words VALUES (?1)"] {
        let document = Value::Text("a ".repeat(bytes / 2 - 100));
        let parameters = if sql.contains('?') { vec![document] } else { vec![] };
        let statement = Statement { sql: sql.to_owned(), parameters };
        let until = Instant::now() + Duration::from_secs(60);
        let ran = connection.run(&statement, until, |_| Admission::Granted, &mut Gathered::new(9, 99));
        assert!(matches!(ran, Ran::Done(Ok(_))));
    }
    connection
}

fn measure(connection: &Connection, sql: &str, value: Value) -> Duration {
    let parameters = if sql.contains("?1") { vec![value] } else { vec![] };
    let statement = Statement { sql: sql.to_owned(), parameters };
    let until = Instant::now() + Duration::from_secs(600);
    let rows = &mut Gathered::new(100, 16 << 20);
    connection.clock().longest_without_a_look(|| {
        if let Ran::Done(Err(error)) = connection.run(&statement, until, |_| Admission::Granted, rows) {
            let error = text(error);
            // What the value is no good for is an answer too.
            assert!(!error.starts_with("SQLITE_AUTH") && !error.contains("syntax error"), "{sql}: {error}");
        }
    })
}
