//! The functions against SQLite's own, over values of every kind.
#![allow(clippy::unwrap_used)]

use super::*;
use proptest::prelude::*;
use rusqlite::{params_from_iter, types::Value};
use std::time::{Duration, Instant};

/// SQLite as it is, and SQLite with these functions.
struct Pair {
    theirs: Connection,
    ours: Connection,
    clock: Arc<Clock>,
}

impl Pair {
    fn new() -> Pair {
        let (theirs, ours) = (Connection::open_in_memory().unwrap(), Connection::open_in_memory().unwrap());
        for sqlite in [&theirs, &ours] {
            use rusqlite::limits::Limit;
            sqlite.set_limit(Limit::SQLITE_LIMIT_LENGTH, crate::policy::MAX_VALUE_BYTES).unwrap();
            sqlite.set_limit(Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, crate::policy::MAX_PATTERN_BYTES).unwrap();
        }
        let clock = Arc::new(Clock::default());
        register(&ours, &clock).unwrap();
        Pair { theirs, ours, clock }
    }

    /// What both answer, type included; an error by its text.
    fn check(&self, function: &str, arguments: &[Bytes]) -> Result<(), TestCaseError> {
        let places: Vec<String> = (1..=arguments.len()).zip(arguments).map(|(n, argument)| argument.place(n)).collect();
        let sql = format!("SELECT x, typeof(x), subtype(x) FROM (SELECT {function}({}) AS x)", places.join(", "));
        let ask = |sqlite: &Connection| {
            let values = arguments.iter().map(Bytes::value);
            let mut statement = sqlite.prepare_cached(&sql).map_err(|error| error.to_string())?;
            let row = |row: &rusqlite::Row<'_>| {
                Ok((format!("{:?}", row.get_ref(0)?), row.get::<_, String>(1)?, row.get::<_, i64>(2)?))
            };
            statement.query_row(params_from_iter(values), row).map_err(|error| error.to_string())
        };
        let (ours, theirs) = (ask(&self.ours), ask(&self.theirs));
        let shown = format!("{sql}\n{}\n  ours {}\ntheirs {}", short(&arguments), short(&ours), short(&theirs));
        prop_assert!(ours == theirs, "{}", shown);
        Ok(())
    }
}

/// A megabyte shown says no more than its beginning.
fn short(answer: &impl std::fmt::Debug) -> String {
    format!("{answer:?}").chars().take(200).collect()
}

/// A value, and as what SQLite is to take it.
#[derive(Clone, Debug)]
enum Bytes {
    Null,
    Integer(i64),
    Real(f64),
    /// Valid or not.
    Text(Vec<u8>),
    Blob(Vec<u8>),
    Zeros(u8),
}

impl Bytes {
    fn place(&self, number: usize) -> String {
        match self {
            Bytes::Text(_) => format!("CAST(?{number} AS TEXT)"),
            Bytes::Zeros(_) => format!("zeroblob(?{number})"),
            _ => format!("?{number}"),
        }
    }

    fn value(&self) -> Value {
        match self {
            Bytes::Null => Value::Null,
            Bytes::Integer(integer) => Value::Integer(*integer),
            Bytes::Real(real) => Value::Real(*real),
            Bytes::Text(bytes) | Bytes::Blob(bytes) => Value::Blob(bytes.clone()),
            Bytes::Zeros(count) => Value::Integer((*count).into()),
        }
    }
}

/// Few different bytes, so that they meet: ASCII in both cases, what patterns know, NUL, and parts of characters.
fn bytes(longest: usize) -> impl Strategy<Value = Vec<u8>> {
    let pieces: Vec<&[u8]> = vec![
        b"a",
        b"A",
        b"b",
        b" ",
        b"%",
        b"_",
        b"*",
        b"?",
        b"[",
        b"]",
        b"^",
        b"-",
        b"1",
        b".",
        b"0",
        b"\0",
        b"\x80",
        b"\x83",
        b"\xa9",
        b"\xc0",
        b"\xc3",
        b"\xe2",
        b"\xf0",
        b"\xff",
        "é".as_bytes(),
        "É".as_bytes(),
        "€".as_bytes(),
        "😀".as_bytes(),
        b"\xc0\x80",
        b"\xe0\x80\xaf",
        b"\xed\xa0\x80",
    ];
    prop::collection::vec(prop::sample::select(pieces), 0..longest).prop_map(|pieces| pieces.concat())
}

fn value(longest: usize) -> impl Strategy<Value = Bytes> {
    prop_oneof![
        1 => Just(Bytes::Null),
        1 => (-20_i64..200).prop_map(Bytes::Integer),
        1 => any::<i64>().prop_map(Bytes::Integer),
        1 => any::<f64>().prop_map(Bytes::Real),
        1 => (-9..99).prop_map(|tenths| Bytes::Real(f64::from(tenths) / 10.0)),
        12 => bytes(longest).prop_map(Bytes::Text),
        4 => bytes(longest).prop_map(Bytes::Blob),
        1 => (0_u8..4).prop_map(Bytes::Zeros),
    ]
}

fn values(count: usize, longest: usize) -> impl Strategy<Value = Vec<Bytes>> {
    prop::collection::vec(value(longest), count)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn instr_and_replace_are_sqlites(whole in value(16), part in value(3), other in value(4)) {
        thread_local! { static PAIR: Pair = Pair::new(); }
        PAIR.with(|pair| {
            pair.check("instr", &[whole.clone(), part.clone()])?;
            pair.check("replace", &[whole, part, other])
        })?;
    }

    #[test]
    fn trim_is_sqlites(whole in value(16), list in value(8)) {
        thread_local! { static PAIR: Pair = Pair::new(); }
        PAIR.with(|pair| {
            for function in ["trim", "ltrim", "rtrim"] {
                pair.check(function, std::slice::from_ref(&whole))?;
                pair.check(function, &[whole.clone(), list.clone()])?;
            }
            Ok::<_, TestCaseError>(())
        })?;
    }

    #[test]
    fn like_and_glob_are_sqlites(pattern in value(9), whole in value(16), escape in value(2)) {
        thread_local! { static PAIR: Pair = Pair::new(); }
        PAIR.with(|pair| {
            pair.check("like", &[pattern.clone(), whole.clone()])?;
            pair.check("like", &[pattern.clone(), whole.clone(), escape])?;
            pair.check("glob", &[pattern, whole])
        })?;
    }

    #[test]
    fn unhex_is_sqlites(digits in value(9), between in value(4)) {
        thread_local! { static PAIR: Pair = Pair::new(); }
        PAIR.with(|pair| pair.check("unhex", &[digits, between]))?;
    }

    #[test]
    fn concat_is_sqlites(values in (0_usize..6).prop_flat_map(|count| values(count, 4))) {
        thread_local! { static PAIR: Pair = Pair::new(); }
        PAIR.with(|pair| {
            if !values.is_empty() {
                pair.check("concat", &values)?;
            }
            if values.len() > 1 {
                pair.check("concat_ws", &values)?;
            }
            Ok::<_, TestCaseError>(())
        })?;
    }
}

#[test]
fn sizes_end_where_sqlites_do() {
    let pair = Pair::new();
    let check = |function: &str, arguments: &[Bytes]| pair.check(function, arguments).unwrap();
    let text = |byte: u8, bytes: usize| Bytes::Text(vec![byte; bytes]);
    for (whole, other) in [(1_000_000, 2), (1_000_001, 2), (4, 500_000), (5, 500_000)] {
        check("replace", &[text(b'a', whole), text(b'a', 1), text(b'b', other)]);
    }
    for (one, two) in [(1_000_000, 1_000_000), (1_000_000, 1_000_001)] {
        check("concat", &[text(b'a', one), text(b'a', two)]);
    }
    for (pattern, escape) in [(50, 1), (51, 1), (50, 2), (51, 2)] {
        check("like", &[text(b'a', pattern), text(b'a', pattern), text(b'b', escape)]);
    }
    // Over the windows in which a text is searched.
    for at in [65_534, 65_535, 65_536, 65_537, 131_072, 199_998] {
        let mut whole = vec![b'a'; 200_000];
        whole[at] = b'b';
        whole[at + 1] = b'c';
        check("instr", &[Bytes::Text(whole.clone()), Bytes::Text(b"bc".to_vec())]);
        check("replace", &[Bytes::Text(whole.clone()), Bytes::Text(b"bc".to_vec()), text(b'd', 3)]);
        let part = whole.split_off(at - 60_000);
        whole.extend(&part);
        check("instr", &[Bytes::Blob(whole), Bytes::Blob(part)]);
    }
}

#[test]
fn all_of_them_stop_when_time_is_over() {
    let pair = Pair::new();
    pair.clock.stop_at(Some(Instant::now()));
    std::thread::sleep(Duration::from_millis(1));
    let a = "CAST(zeroblob(1000000) AS TEXT)";
    let b = "hex(zeroblob(500000))";
    for call in [
        format!("instr({b}, '1')"),
        format!("replace({b}, '0', 'a')"),
        format!("trim({b}, '0')"),
        format!("ltrim({b}, '0')"),
        format!("rtrim({b}, '0')"),
        format!("trim('x', {b})"),
        format!("unhex({b}, 'x')"),
        format!("unhex('x', {b})"),
        format!("{b} LIKE '%0001'"),
        format!("{b} GLOB '*0001'"),
        format!("concat({a}, {a})"),
        format!("concat_ws({b}, 1, 2)"),
    ] {
        let error = pair.ours.query_row(&format!("SELECT {call}"), [], |_| Ok(())).unwrap_err();
        assert!(crate::errors::is_interrupt(&error), "{call}: {error}");
    }
}

#[test]
fn an_index_and_a_check_made_with_sqlites_functions_go_on_working() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let theirs = Connection::open(file.path()).unwrap();
    theirs
        .execute_batch(
            "CREATE TABLE a (b TEXT CHECK (instr(b, 'x') = 0 AND b NOT LIKE 'y%'), c AS (replace(trim(b), 'a', 'c')) STORED);
             CREATE INDEX i ON a (instr(b, 'b'));
             CREATE INDEX j ON a (b) WHERE b GLOB 'a*';
             INSERT INTO a VALUES ('abc'), (' ab');",
        )
        .unwrap();
    theirs.close().unwrap();
    let mut ours = Connection::open(file.path()).unwrap();
    register(&ours, &Arc::default()).unwrap();
    crate::policy::apply(&mut ours, crate::connection::Bulk::default()).unwrap();
    ours.execute_batch("INSERT INTO a VALUES ('aab '); REINDEX; PRAGMA integrity_check").unwrap();
    for refused in ["x", "Yes"] {
        ours.execute("INSERT INTO a VALUES (?1)", [refused]).unwrap_err();
    }
    let plan = "EXPLAIN QUERY PLAN SELECT c FROM a WHERE instr(b, 'b') = 3";
    let plan: String = ours.query_row(plan, [], |row| row.get(3)).unwrap();
    assert!(plan.contains("USING INDEX i"), "{plan}");
    let rows = "SELECT group_concat(c, '|') FROM (SELECT c FROM a WHERE instr(b, 'b') = 3 ORDER BY c)";
    assert_eq!(ours.query_row(rows, [], |row| row.get::<_, String>(0)).unwrap(), "cb|ccb");
    assert_eq!(ours.query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0)).unwrap(), "ok");
}
