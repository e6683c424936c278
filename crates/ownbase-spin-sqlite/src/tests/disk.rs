//! A disk for tests: its syncs take as long as the test wants, fail when it says so, and are counted.

use crate::files::Disk;
use std::{
    fs::File,
    io,
    os::unix::fs::MetadataExt,
    sync::{Condvar, Mutex, MutexGuard},
};

#[derive(Default)]
pub(super) struct TestDisk {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    is_held: bool,
    fails_files: bool,
    fails_folders: bool,
    /// Files by inode, in the order in which their syncs began.
    files: Vec<u64>,
    folders: usize,
}

impl TestDisk {
    /// From now on no sync of a file ends, until `release`.
    pub(super) fn hold(&self) {
        self.state().is_held = true;
    }

    pub(super) fn release(&self) {
        self.state().is_held = false;
        self.changed.notify_all();
    }

    pub(super) fn fail_files(&self, fails: bool) {
        self.state().fails_files = fails;
    }

    pub(super) fn fail_folders(&self, fails: bool) {
        self.state().fails_folders = fails;
    }

    pub(super) fn files(&self) -> Vec<u64> {
        self.state().files.clone()
    }

    pub(super) fn folders(&self) -> usize {
        self.state().folders
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl Disk for TestDisk {
    fn sync_file(&self, file: &File) -> io::Result<()> {
        let mut state = self.state();
        state.files.push(file.metadata()?.ino());
        while state.is_held {
            state = self.changed.wait(state).unwrap();
        }
        if state.fails_files { Err(io::ErrorKind::Other.into()) } else { Ok(()) }
    }

    fn sync_folder(&self, _: &File) -> io::Result<()> {
        let mut state = self.state();
        state.folders += 1;
        if state.fails_folders { Err(io::ErrorKind::Other.into()) } else { Ok(()) }
    }
}
