//! How many users the server cannot serve as it should.

use super::Databases;

/// What is wrong with the databases of a state directory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Condition {
    /// Users whose files are set aside.
    pub quarantined_users: u64,
    /// Users whose database failed when it was last used.
    pub failing_users: u64,
}

impl Databases {
    /// What is wrong at the moment. Costs no look at the disk.
    pub fn condition(&self) -> Condition {
        Condition::default()
    }
}
