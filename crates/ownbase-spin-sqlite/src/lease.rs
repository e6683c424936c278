//! The sole use of a database, and who is told when it ends.

use crate::{
    database::{Database, Shared},
    rooms::Rooms,
};
use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
};
use tokio::sync::OwnedMutexGuard;

/// The sole use of a database, for one statement or one transaction.
pub(crate) struct Lease {
    // Dropped in this order: whoever is told that the database is free finds it free.
    database: OwnedMutexGuard<Database>,
    announcement: Announcement,
}

#[derive(Default)]
struct Announcement(Option<Arc<Rooms>>);

impl Lease {
    /// Waits for the database.
    pub(crate) async fn wait(database: &Shared) -> Lease {
        Lease::from(database.clone().lock_owned().await)
    }

    /// The database, if nobody has it.
    pub(crate) fn try_take(database: &Shared) -> Option<Lease> {
        Lease::try_take_if(database, |_| true)
    }

    /// The database, if nobody has it and `suits` says so.
    pub(crate) fn try_take_if(database: &Shared, suits: impl Fn(&Database) -> bool) -> Option<Lease> {
        let database = database.clone().try_lock_owned().ok()?;
        if suits(&database) { Some(Lease::from(database)) } else { None }
    }
}

impl From<OwnedMutexGuard<Database>> for Lease {
    fn from(database: OwnedMutexGuard<Database>) -> Lease {
        Lease { database, announcement: Announcement::default() }
    }
}

impl Deref for Lease {
    type Target = Database;
    fn deref(&self) -> &Database {
        &self.database
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut Database {
        &mut self.database
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.settle();
        self.announcement.0 = self.rooms();
    }
}

impl Drop for Announcement {
    fn drop(&mut self) {
        if let Some(rooms) = &self.0 {
            rooms.announce();
        }
    }
}
