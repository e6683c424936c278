//! The way through all databases of a state directory: folder by folder, each one once.

use ownbase_spin_sqlite::{Databases, DirectError, Found};
use std::vec;

/// What is left to be visited. Takes the memory of one folder's names.
pub(crate) struct Walk<'a> {
    databases: &'a Databases,
    folders: std::ops::RangeInclusive<u8>,
    folder: vec::IntoIter<Found>,
    /// Put back, to be visited later.
    held: Vec<Found>,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(databases: &'a Databases) -> Self {
        Self { databases, folders: 0..=u8::MAX, folder: Vec::new().into_iter(), held: Vec::new() }
    }

    /// Puts one back.
    pub(crate) fn hold(&mut self, found: Found) {
        self.held.push(found);
    }
}

impl Iterator for Walk<'_> {
    type Item = Found;

    /// A folder that cannot be read is found as a database of which nothing can be told.
    fn next(&mut self) -> Option<Found> {
        if let Some(found) = self.held.pop() {
            return Some(found);
        }
        loop {
            if let Some(found) = self.folder.next() {
                return Some(found);
            }
            let folder = self.folders.next()?;
            match self.databases.list(folder) {
                Ok(found) => self.folder = found.into_iter(),
                Err(why) => return Some(unreadable(folder, why)),
            }
        }
    }
}

fn unreadable(folder: u8, why: DirectError) -> Found {
    Found::Unknown { file: format!("users/{folder:02x}"), why }
}
