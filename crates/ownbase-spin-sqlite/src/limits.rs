//! What one process, one database and one statement may use.

/// Bounds for [`crate::Databases`]; start from `Limits::default()` and change what differs.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Databases held open at once (3 file descriptors each). Default 256.
    pub max_open_databases: usize,
    /// SQLite's page size for files made from now on, in bytes: a power of two from 512 to 65,536. Default 4,096.
    pub page_size_bytes: u32,
    /// How long a call waits for a database that another request holds, in milliseconds. Default 5,000.
    pub busy_timeout_ms: u64,
    /// How long one statement may run, in milliseconds. Default 5,000.
    pub statement_timeout_ms: u64,
    /// How long a database stays open after its last statement, in milliseconds. Default 30,000.
    pub idle_close_ms: u64,
    /// Size of one database file, in bytes. Default 1 GiB.
    pub max_database_bytes: u64,
    /// Size of what one blocking call returns, in bytes of values. Default 16 MiB.
    pub max_result_bytes: usize,
    /// Rows that one blocking call returns. Default 100,000.
    pub max_result_rows: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_open_databases: 256,
            page_size_bytes: 4096,
            busy_timeout_ms: 5_000,
            statement_timeout_ms: 5_000,
            idle_close_ms: 30_000,
            max_database_bytes: 1 << 30,
            max_result_bytes: 16 << 20,
            max_result_rows: 100_000,
        }
    }
}
