//! What one process, one database and one statement may use.

use crate::state_error::StateError;
use std::time::Duration;

/// Bounds for [`Databases`](crate::Databases): start from the defaults and set what differs.
///
/// ```
/// let mut limits = ownbase_spin_sqlite::Limits::default();
/// limits.max_open_databases = 1_000;
/// limits.statement_timeout_ms = 2_000;
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// When a commit is on disk. Default: before its statement is answered.
    pub durability: Durability,
    /// Databases held open at once, each with 4 file descriptors (3 without a gate). 1 or more;
    /// default 200, which fits a process's usual 1,024.
    pub max_open_databases: usize,
    /// What SQLite keeps in memory of all databases together, in bytes; open ones take some 120 KiB each all the same. The
    /// bound is the process's: of several [`Databases`](crate::Databases) the last one opened sets it. Default 64 MiB.
    pub max_cache_bytes: usize,
    /// SQLite's page size in files that are made from now on, in bytes: a power of two from 512 to 65,536. Default 2,048,
    /// with which a small user takes half the space of 4,096.
    pub page_size_bytes: u32,
    /// How long a call waits for a database that another request holds, in milliseconds. Default 5,000, as on Spin.
    pub busy_timeout_ms: u64,
    /// How long one statement may run, in milliseconds; a stream is cut off then, read or not. Default 5,000.
    pub statement_timeout_ms: u64,
    /// How long a database stays open after its last use, in milliseconds. Default 30,000.
    pub idle_close_ms: u64,
    /// The size of one database, in bytes; a write beyond it answers `database-full`. Default 1 GiB.
    pub max_database_bytes: u64,
    /// Databases in the state directory; to make one more answers `database-full`. Counted after an open, and bounded once
    /// that is done. 0 for no bound; default 1,000,000.
    pub max_users: u64,
    /// What the state directory takes, in bytes: all databases with their logs, what else is in it, and SQLite's temporary
    /// files, each file rounded up to 4 KiB. Beyond it what may grow a database answers `database-full`; reading, deleting
    /// and erasing go on. Counted after an open, and bounded once that is done: what runs at that moment goes on, and may
    /// add up to `max_database_bytes` each. What other programs do is counted at the next open. 0 for no bound, the default.
    pub max_state_bytes: u64,
    /// What SQLite's temporary files take together, in bytes: a statement that makes them larger is stopped, and answers
    /// `database-full`. They may be larger by an eighth, and by what the statements that run write in 5 ms. The files are the
    /// process's: those of all [`Databases`](crate::Databases) count. On Linux only. Default 256 MiB.
    pub max_temp_bytes: u64,
    /// The size of one blocking call's result, in bytes as the host holds it. Default 16 MiB.
    pub max_result_bytes: usize,
    /// Rows in one blocking call's result. Default 100,000.
    pub max_result_rows: usize,
}

/// When what a component wrote is on disk. Either way a power cut takes whole transactions, the latest ones only.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Durability {
    /// Before its statement is answered, by a sync for each commit. The embedder need not do anything.
    #[default]
    EachCommit,
    /// Before [`Scope::settled`](crate::Scope::settled) is ready: commits that wait share a sync, also with those of other
    /// requests. The embedder must await that before anything leaves that the component said. Calls that belong to no
    /// request wait by themselves.
    Gated,
    /// Soon, while answers leave already: a power cut may take back what was answered within `window_ms`. `settled` waits
    /// only where the disk is further behind.
    Relaxed {
        /// In milliseconds; a day (86,400,000) at most.
        window_ms: u64,
    },
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            durability: Durability::EachCommit,
            max_open_databases: 200,
            max_cache_bytes: 64 << 20,
            page_size_bytes: 2_048,
            busy_timeout_ms: 5_000,
            statement_timeout_ms: 5_000,
            idle_close_ms: 30_000,
            max_database_bytes: 1 << 30,
            max_users: 1_000_000,
            max_state_bytes: 0,
            max_temp_bytes: 256 << 20,
            max_result_bytes: 16 << 20,
            max_result_rows: 100_000,
        }
    }
}

/// Longer than any of them makes sense, and short enough for arithmetic on times.
const MAX_TIMEOUT_MS: u64 = 24 * 60 * 60 * 1_000;

impl Limits {
    pub(crate) fn check(&self) -> Result<(), StateError> {
        let problem = |name, value, problem| Err(StateError::Limit { name, value, problem });
        if self.max_open_databases == 0 {
            return problem("max_open_databases", 0, "too small: set 1 or more");
        }
        if !self.page_size_bytes.is_power_of_two() || !(512..=65_536).contains(&self.page_size_bytes) {
            let value = self.page_size_bytes.into();
            return problem("page_size_bytes", value, "no page size: set a power of two from 512 to 65536");
        }
        let window_ms = match self.durability {
            Durability::Relaxed { window_ms } => window_ms,
            Durability::EachCommit | Durability::Gated => 0,
        };
        for (name, value) in [
            ("window_ms", window_ms),
            ("busy_timeout_ms", self.busy_timeout_ms),
            ("statement_timeout_ms", self.statement_timeout_ms),
            ("idle_close_ms", self.idle_close_ms),
        ] {
            if value > MAX_TIMEOUT_MS {
                return problem(name, value, "too long: set a day (86400000) or less");
            }
        }
        Ok(())
    }

    pub(crate) fn busy_timeout(&self) -> Duration {
        Duration::from_millis(self.busy_timeout_ms)
    }

    pub(crate) fn statement_timeout(&self) -> Duration {
        Duration::from_millis(self.statement_timeout_ms)
    }

    pub(crate) fn idle_close(&self) -> Duration {
        Duration::from_millis(self.idle_close_ms)
    }
}
