//! Promises broken on purpose, to see the tests that guard them fail. Not in a build without the feature `sabotage`, but
//! for the unit tests of this crate.
//!
//! `OWNBASE_SABOTAGE` says which one, for the whole process: `label` lets users' files collide, `transaction` ignores
//! BEGIN, COMMIT and ROLLBACK, `commit` answers a write before it is committed, `log` takes a damaged log for a sound one,
//! `unreadable` erases only what can be read, `erase` finishes no erase that a kill cut short, `refused` keeps what a
//! statement changed whose answer was refused.

use crate::{
    bindings::spin::sqlite::sqlite::RowResult, connection::Statement, databases::Databases, errors::Error,
    lease::Lease, rows::Rows, scope::Scope,
};
use std::{
    borrow::Cow,
    sync::LazyLock,
    thread,
    time::{Duration, Instant},
};

/// How much too late a commit comes: time enough for a test to kill the process.
const DELAY: Duration = Duration::from_millis(200);

static BROKEN: LazyLock<String> = LazyLock::new(|| std::env::var("OWNBASE_SABOTAGE").unwrap_or_default());

/// `label`: without its escapes' meaning, so that `John` and `john` are one, and so are `a.b` and `ab`.
pub(crate) fn folded(label: &str) -> Cow<'_, str> {
    if *BROKEN != "label" {
        return Cow::Borrowed(label);
    }
    let mut pieces = label.split('~');
    let mut folded = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (code, rest) = piece.split_at_checked(2).unwrap_or_default();
        folded.extend(u8::from_str_radix(code, 16).map(char::from).ok().filter(char::is_ascii_alphabetic));
        folded.push_str(rest);
    }
    Cow::Owned(folded.to_ascii_lowercase())
}

/// `transaction`: answers what begins and ends transactions without running it.
pub(crate) fn ignored(statement: &Statement, rows: &mut impl Rows) -> Option<Result<(), Error>> {
    let begins = |word| statement.begins_with(word);
    (*BROKEN == "transaction" && ["BEGIN", "COMMIT", "ROLLBACK"].into_iter().any(begins)).then(|| rows.columns(vec![]))
}

/// `commit`: whether this statement commits, and is to do so after its answer.
pub(crate) fn delays_commit(statement: &Statement, in_transaction: bool) -> bool {
    let committing: &[&str] = if in_transaction { &["COMMIT"] } else { &["INSERT", "UPDATE", "DELETE"] };
    *BROKEN == "commit" && committing.iter().any(|word| statement.begins_with(word))
}

/// `log`: whether a log is used without a look at it, and so without what SQLite drops of it.
pub(crate) fn trusts_logs() -> bool {
    *BROKEN == "log"
}

/// `unreadable`: reads a database that is about to be erased.
pub(crate) fn read_before_erase(lease: &mut Lease, scope: &Scope, databases: &Databases) -> Result<(), Error> {
    if *BROKEN != "unreadable" {
        return Ok(());
    }
    let statement = Statement { sql: "SELECT count(*) FROM sqlite_schema".to_owned(), parameters: vec![] };
    lease.run(scope, databases, &statement, Instant::now() + DELAY, &mut Nothing).map(drop)
}

/// `erase`: whether a start leaves what an erase has left.
pub(crate) fn leaves_erases() -> bool {
    *BROKEN == "erase"
}

/// `refused`: whether a change stands though its statement's answer was refused.
pub(crate) fn keeps_refused() -> bool {
    *BROKEN == "refused"
}

/// Does what should have been done before the answer.
pub(crate) fn later(commit: impl FnOnce() + Send + 'static) {
    thread::spawn(move || {
        thread::sleep(DELAY);
        commit();
    });
}

/// Runs a statement of our own, whose answer nobody wants.
pub(crate) fn run(lease: &mut Lease, scope: &Scope, databases: &Databases, sql: &str) {
    let statement = Statement { sql: sql.to_owned(), parameters: vec![] };
    let _ = lease.run(scope, databases, &statement, Instant::now() + DELAY, &mut Nothing);
}

struct Nothing;

impl Rows for Nothing {
    fn columns(&mut self, _: Vec<String>) -> Result<(), Error> {
        Ok(())
    }
    fn admit(&self, _: usize) -> Result<(), Error> {
        Ok(())
    }
    fn row(&mut self, _: RowResult, _: usize) -> Result<(), Error> {
        Ok(())
    }
}
