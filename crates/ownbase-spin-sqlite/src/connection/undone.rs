//! A statement that changes rows and answers them, of which nothing is left where its answer is refused.
//!
//! SQLite makes every change before the first row of a RETURNING, and commits where the statement is left. Outside a
//! transaction an interrupt undoes all (`rows.rs`), at no cost for those that are not refused. Within one an interrupt would
//! undo the whole transaction, and after the last row there is nothing to interrupt: there a savepoint of the host's holds
//! the statement.
//!
//! <https://sqlite.org/lang_returning.html>, <https://sqlite.org/lang_savepoint.html>

use super::Connection;
use crate::rows::Fault;

impl Connection {
    /// Runs a statement in a savepoint, and rolls back to the savepoint where the answer is refused. What SQLite itself finds
    /// wrong, SQLite has undone as the statement says.
    pub(super) fn run_in_savepoint(&self, run: impl FnOnce() -> Result<(), Fault>) -> Result<(), Fault> {
        let was_in_transaction = self.in_transaction();
        self.sqlite.execute_batch("SAVEPOINT _ownbase")?;
        let answered = run();
        let is_refused = matches!(answered, Err(Fault::Rows(_) | Fault::LargeRow));
        #[cfg(any(test, feature = "sabotage"))]
        let is_refused = is_refused && !crate::sabotage::keeps_refused();
        let ended = match (self.in_transaction(), is_refused) {
            (false, _) => Ok(()),
            (true, true) if !was_in_transaction => self.sqlite.execute_batch("ROLLBACK"),
            (true, true) => self.sqlite.execute_batch("ROLLBACK TO _ownbase; RELEASE _ownbase"),
            (true, false) => self.sqlite.execute_batch("RELEASE _ownbase"),
        };
        if ended.is_err() && self.in_transaction() && (is_refused || !was_in_transaction) {
            // The disk failed, or what a foreign key put off does not hold at the end.
            self.sqlite.execute_batch("ROLLBACK")?;
        }
        answered.and(ended.map_err(Fault::from))
    }
}
