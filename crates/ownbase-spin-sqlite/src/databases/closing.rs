//! Which open database is closed: the one opened longest ago, to make room for another, and each that has been idle.

use super::Inner;
use crate::{
    database::{Database, Shared},
    lease::Lease,
};
use std::{
    sync::{Arc, Weak},
    thread,
    time::Duration,
};

/// Closes databases that have been idle, until nobody has `inner` any more.
pub(super) fn close_idle(inner: &Weak<Inner>) {
    // Short naps, so that the thread ends soon after the databases are gone.
    const NAP: Duration = Duration::from_millis(500);
    while let Some(databases) = inner.upgrade() {
        let idle = databases.limits.idle_close();
        while databases.close_one(|database| database.used().elapsed() >= idle) {}
        databases.forget_closed();
        drop(databases);
        thread::sleep(NAP);
    }
}

impl Inner {
    /// Closes the first open database, in order of use, that nobody holds and that is `ripe`. May block.
    pub(super) fn close_one(&self, ripe: impl Fn(&Database) -> bool) -> bool {
        let closable = |(label, entry): (&Arc<str>, &Shared)| {
            let lease = Lease::try_take_if(entry, |database| database.is_open() && ripe(database))?;
            Some((label.clone(), entry.clone(), lease))
        };
        let Some((label, entry, mut lease)) = self.entries().iter().find_map(closable) else {
            return false;
        };
        lease.close();
        drop(lease);
        self.let_go(&label, &entry);
        true
    }

    pub(super) fn let_go(&self, label: &str, entry: &Shared) {
        if is_at_rest(entry) {
            let mut entries = self.entries();
            // The map's and the caller's. Nobody can join meanwhile: that needs the lock on the map.
            if Arc::strong_count(entry) == 2 && is_at_rest(entry) {
                entries.remove(label);
            }
        }
    }

    /// Forgets labels that nobody uses.
    fn forget_closed(&self) {
        self.entries().retain(|_, entry| Arc::strong_count(entry) > 1 || !is_at_rest(entry));
    }
}

fn is_at_rest(entry: &Shared) -> bool {
    entry.try_lock().is_ok_and(|database| database.is_at_rest())
}
