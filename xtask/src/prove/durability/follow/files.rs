//! The calls that change files and names.

use super::super::calls::Call;
use super::super::contents::Change;
use super::super::names::{self, Name, Node, ROOT};
use super::{
    AT_FDCWD, AT_REMOVEDIR, Effect, FALLOC_FL_KEEP_SIZE, Follower, O_APPEND, O_CREAT, O_TMPFILE, O_TRUNC, Opened,
};
use anyhow::{Context, bail, ensure};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path};

impl Follower {
    pub(super) fn open(&mut self, call: &Call) -> anyhow::Result<Option<Opened>> {
        let (folder, place, flags) = match call.name.as_str() {
            "openat" => (call.number(0)?, 1, call.number(2)?),
            "open" => (AT_FDCWD, 0, call.number(1)?),
            _ => (AT_FDCWD, 0, O_CREAT | O_TRUNC),
        };
        let path = Path::new(OsStr::from_bytes(call.text(place)?));
        if path == self.root {
            return Ok(Some(Opened::Folder(ROOT)));
        }
        let Some(name) = self.path(folder, path) else { return Ok(None) };
        ensure!(flags & O_TMPFILE == 0, "a file without a name");
        let node = match self.node(&name) {
            Some(node) if self.tree.contains_key(&node) => return Ok(Some(Opened::Folder(node))),
            Some(node) => node,
            None if flags & O_CREAT == 0 => return Ok(None),
            None => {
                let node = self.new_node();
                self.lengths.insert(node, 0);
                self.change_names(call, names::Change::Add { name, node, is_folder: false });
                node
            }
        };
        if flags & O_TRUNC != 0 && self.length(node) > 0 {
            self.set_length(call, node, 0);
        }
        Ok(Some(Opened::File { node, position: 0, appends: flags & O_APPEND != 0 }))
    }

    /// To a file, or over a connection.
    pub(super) fn write(&mut self, call: &Call) -> anyhow::Result<()> {
        let handle = call.number(0)?;
        let (node, position, appends) = match self.opened(handle) {
            None | Some(Opened::Folder(_)) => return Ok(()),
            Some(Opened::File { node, position, appends }) => (*node, *position, *appends),
            Some(Opened::Connection(connection)) => {
                // Of a message, the pieces are all the strings that it has.
                let (connection, data) = (*connection, call.data(1, call.result.unwrap_or_default())?);
                self.note(call, call.begin, Effect::Sent { connection, data });
                return Ok(());
            }
        };
        let data = match call.result {
            Some(length) => call.data(1, length)?,
            None => call.all_data(1)?,
        };
        let is_placed = call.name.starts_with('p');
        let offset = match is_placed {
            true => usize::try_from(call.number(3)?)?,
            false if appends => self.length(node),
            false => position,
        };
        let end = offset + data.len();
        if !is_placed && let Some(Opened::File { position, .. }) = self.opened_mut(handle) {
            *position = end;
        }
        let length = self.length(node).max(end);
        self.lengths.insert(node, length);
        self.change_contents(call, node, Change::Write { offset, data: data.into() });
        Ok(())
    }

    pub(super) fn set_length(&mut self, call: &Call, node: Node, length: usize) {
        self.lengths.insert(node, length);
        self.change_contents(call, node, Change::Length(length));
    }

    pub(super) fn allocate(&mut self, call: &Call) -> anyhow::Result<()> {
        let Some(node) = self.file(call.number(0)?) else { return Ok(()) };
        match call.number(1)? {
            FALLOC_FL_KEEP_SIZE => Ok(()),
            0 => {
                let length = usize::try_from(call.number(2)? + call.number(3)?)?;
                self.lengths.insert(node, self.length(node).max(length));
                self.change_contents(call, node, Change::AtLeast(length));
                Ok(())
            }
            mode => bail!("mode {mode}"),
        }
    }

    pub(super) fn rename(&mut self, call: &Call, from: (i64, usize), to: (i64, usize)) -> anyhow::Result<()> {
        match (self.name(call, from)?, self.name(call, to)?) {
            (Some(from), Some(to)) => {
                // What is not known is no file.
                if let Some(node) = self.node(&from) {
                    self.change_names(call, names::Change::Move { from, to, node });
                }
                Ok(())
            }
            (None, None) => Ok(()),
            _ => bail!("into the folder, or out of it"),
        }
    }

    pub(super) fn link(&mut self, call: &Call, from: (i64, usize), to: (i64, usize)) -> anyhow::Result<()> {
        match (self.name(call, from)?, self.name(call, to)?) {
            (Some(from), Some(name)) => {
                let node = self.node(&from).context("a file that is not known")?;
                self.change_names(call, names::Change::Add { name, node, is_folder: false });
                Ok(())
            }
            (None, None) => Ok(()),
            _ => bail!("into the folder, or out of it"),
        }
    }

    pub(super) fn remove(&mut self, call: &Call, folder: i64, place: usize) -> anyhow::Result<()> {
        if let Some(name) = self.name(call, (folder, place))?
            && let Some(node) = self.node(&name)
        {
            let is_folder = call.name == "rmdir" || call.number(place + 1).is_ok_and(|flags| flags & AT_REMOVEDIR != 0);
            ensure!(is_folder == self.tree.contains_key(&node), "a folder for a file, or a file for a folder");
            self.change_names(call, names::Change::Remove { name, node });
        }
        Ok(())
    }

    pub(super) fn make_folder(&mut self, call: &Call, folder: i64, place: usize) -> anyhow::Result<()> {
        if let Some(name) = self.name(call, (folder, place))? {
            let node = self.new_node();
            self.change_names(call, names::Change::Add { name, node, is_folder: true });
        }
        Ok(())
    }

    pub(super) fn name(&self, call: &Call, (folder, place): (i64, usize)) -> anyhow::Result<Option<Name>> {
        Ok(self.path(folder, Path::new(OsStr::from_bytes(call.text(place)?))))
    }

    /// What a path names below the root, if it is followed there; the root itself has no name.
    pub(super) fn path(&self, folder: i64, path: &Path) -> Option<Name> {
        let (mut node, rest) = match path.is_absolute() {
            true if path.starts_with(&self.except) => return None,
            true => (ROOT, path.strip_prefix(&self.root).ok()?),
            false => match self.opened(folder)? {
                Opened::Folder(node) => (*node, path),
                Opened::File { .. } | Opened::Connection(_) => return None,
            },
        };
        let mut last: Option<&OsStr> = None;
        for component in rest.components() {
            let Component::Normal(name) = component else { return None };
            if let Some(folder) = last.replace(name) {
                node = *self.tree.get(&node)?.get(folder.as_bytes())?;
            }
        }
        Some((node, last?.as_bytes().to_vec()))
    }

    pub(super) fn node(&self, (folder, name): &Name) -> Option<Node> {
        self.tree.get(folder)?.get(name).copied()
    }

    pub(super) fn length(&self, node: Node) -> usize {
        self.lengths.get(&node).copied().unwrap_or_default()
    }

    fn new_node(&mut self) -> Node {
        self.next += 1;
        self.next
    }

    fn change_names(&mut self, call: &Call, change: names::Change) {
        change.apply(&mut self.tree);
        self.note(call, call.begin, Effect::Names { change, end: call.end });
    }

    fn change_contents(&mut self, call: &Call, node: Node, change: Change) {
        self.note(call, call.begin, Effect::Contents { node, change, end: call.end });
    }
}
