//! What a process's system calls did to the files below a folder, and what it received and sent over its connections.
//!
//! Files are told apart by themselves, not by their names, and nothing is known of what a name stands for. A call by which
//! files could change in a way that is not followed here is an error. Sockets in the file system are passed over.

mod files;

use super::calls::{Call, Moment};
use super::contents;
use super::names::{self, Node, ROOT, Tree};
use anyhow::{Context, bail};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// What happened, and when.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Event {
    pub(crate) at: Moment,
    /// In milliseconds of the system's clock.
    pub(crate) time_ms: u64,
    pub(crate) effect: Effect,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Effect {
    /// A file's contents; `end` is when the call had ended.
    Contents { node: Node, change: contents::Change, end: Option<Moment> },
    /// Names; `end` as above.
    Names { change: names::Change, end: Option<Moment> },
    /// A sync of a file or folder, which began then, has ended well.
    Synced { node: Node, began: Moment },
    /// Bytes came in on a connection.
    Received { connection: usize, data: Vec<u8> },
    /// Bytes began to leave on a connection.
    Sent { connection: usize, data: Vec<u8> },
}

impl Effect {
    /// Whether a file comes, goes, or is renamed.
    pub(crate) fn is_of_a_files_name(&self) -> bool {
        matches!(self, Self::Names { change, .. } if !matches!(change, names::Change::Add { is_folder: true, .. }))
    }
}

/// All that has to be traced for this.
pub(crate) const CALLS: &str = "trace=open,openat,openat2,creat,close,dup,dup2,dup3,fcntl,lseek,write,writev,pwrite64,\
    pwritev,pwritev2,ftruncate,truncate,fallocate,copy_file_range,sendfile,splice,fsync,fdatasync,sync,syncfs,\
    sync_file_range,rename,renameat,renameat2,unlink,unlinkat,rmdir,mkdir,mkdirat,link,linkat,symlink,symlinkat,mmap,\
    io_uring_setup,accept,accept4,recvfrom,recvmsg,sendto,sendmsg";

const AT_FDCWD: i64 = -100;
const O_CREAT: i64 = 0o100;
const O_TRUNC: i64 = 0o1000;
const O_APPEND: i64 = 0o2000;
const F_DUPFD: i64 = 0;
const F_DUPFD_CLOEXEC: i64 = 1030;
const MAP_SHARED_AND_VALIDATE: i64 = 3;
const PROT_WRITE: i64 = 2;
const O_TMPFILE: i64 = 0o20000000;
const AT_REMOVEDIR: i64 = 0x200;
const RENAME_NOREPLACE: i64 = 1;
const FALLOC_FL_KEEP_SIZE: i64 = 1;

/// The files as the process sees them, and its open handles.
#[derive(Clone)]
pub(crate) struct Follower {
    root: PathBuf,
    /// Below it nothing is followed.
    except: PathBuf,
    tree: Tree,
    lengths: HashMap<Node, usize>,
    next: Node,
    opened: Vec<Opened>,
    handles: HashMap<i64, usize>,
    connections: usize,
    events: Vec<Event>,
}

/// An open file, which several handles may share.
#[derive(Clone)]
enum Opened {
    File { node: Node, position: usize, appends: bool },
    Folder(Node),
    Connection(usize),
}

/// Half of a call: its beginning, at which it changes files, or its end, from which on its result is known.
enum Half {
    Begin,
    End,
}

impl Follower {
    /// `root` exists and is empty; `except` lies below it.
    pub(crate) fn new(root: &Path, except: &Path) -> Self {
        Self {
            root: root.to_owned(),
            except: except.to_owned(),
            tree: [(ROOT, Default::default())].into(),
            lengths: HashMap::new(),
            next: ROOT + 1,
            opened: Vec::new(),
            handles: HashMap::new(),
            connections: 0,
            events: Vec::new(),
        }
    }

    /// The calls of one process, from its start to its end. `done` says whether a call that was never seen to end was done.
    pub(crate) fn process(&mut self, calls: &[Call], done: impl Fn(&Call) -> bool) -> anyhow::Result<Vec<Event>> {
        self.handles.clear();
        let begins = calls.iter().map(|call| (call.begin, Half::Begin, call));
        let ends = calls.iter().filter_map(|call| Some((call.end?, Half::End, call)));
        let mut halves: Vec<_> = begins.chain(ends).collect();
        halves.sort_by_key(|(at, ..)| *at);
        let mut found = HashMap::new();
        for (_, half, call) in halves {
            // What failed changed nothing, and what was cut short counts if the files say so.
            if call.result.is_some_and(|result| result < 0) || call.end.is_none() && !done(call) {
                continue;
            }
            let followed = match half {
                Half::Begin => self.begin(call, &mut found),
                Half::End => self.end(call, &mut found),
            };
            followed.with_context(|| format!("{} cannot be followed", call.name))?;
        }
        Ok(std::mem::take(&mut self.events))
    }

    /// Whether a call may have changed files.
    pub(crate) fn is_change(call: &Call) -> bool {
        !matches!(
            call.name.as_str(),
            "close" | "fsync" | "fdatasync" | "lseek" | "mmap" | "fcntl" | "recvfrom" | "sendto"
        ) && !call.name.starts_with("accept")
    }

    fn begin(&mut self, call: &Call, found: &mut HashMap<Moment, Opened>) -> anyhow::Result<()> {
        match call.name.as_str() {
            "open" | "creat" | "openat" => {
                if let Some(opened) = self.open(call)? {
                    found.insert(call.begin, opened);
                }
            }
            "close" => drop(self.handles.remove(&call.number(0)?)),
            "write" | "writev" | "pwrite64" | "pwritev" | "sendto" | "sendmsg" => self.write(call)?,
            "ftruncate" => {
                let length = usize::try_from(call.number(1)?)?;
                if let Some(node) = self.file(call.number(0)?) {
                    self.set_length(call, node, length);
                }
            }
            "truncate" => {
                let length = usize::try_from(call.number(1)?)?;
                if let Some(node) = self.name(call, (AT_FDCWD, 0))?.and_then(|name| self.node(&name)) {
                    self.set_length(call, node, length);
                }
            }
            "fallocate" => self.allocate(call)?,
            "rename" => self.rename(call, (AT_FDCWD, 0), (AT_FDCWD, 1))?,
            "renameat" | "renameat2" => {
                let flags = if call.name == "renameat2" { call.number(4)? } else { 0 };
                if flags & !RENAME_NOREPLACE != 0 {
                    bail!("flags {flags}");
                }
                self.rename(call, (call.number(0)?, 1), (call.number(2)?, 3))?;
            }
            "unlink" | "rmdir" => self.remove(call, AT_FDCWD, 0)?,
            "unlinkat" => self.remove(call, call.number(0)?, 1)?,
            "mkdir" => self.make_folder(call, AT_FDCWD, 0)?,
            "mkdirat" => self.make_folder(call, call.number(0)?, 1)?,
            "link" => self.link(call, (AT_FDCWD, 0), (AT_FDCWD, 1))?,
            "linkat" => self.link(call, (call.number(0)?, 1), (call.number(2)?, 3))?,
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, call: &Call, found: &mut HashMap<Moment, Opened>) -> anyhow::Result<()> {
        let Some(result) = call.result else { return Ok(()) };
        match call.name.as_str() {
            "open" | "creat" | "openat" => {
                self.handles.remove(&result);
                if let Some(opened) = found.remove(&call.begin) {
                    self.bind(result, opened);
                }
            }
            "accept" | "accept4" => {
                self.connections += 1;
                self.bind(result, Opened::Connection(self.connections));
            }
            "dup" | "dup2" | "dup3" => self.copy_handle(call.number(0)?, result),
            "fcntl" if [F_DUPFD, F_DUPFD_CLOEXEC].contains(&call.number(1)?) => {
                self.copy_handle(call.number(0)?, result);
            }
            "recvfrom" => {
                if let Some(Opened::Connection(connection)) = self.opened(call.number(0)?) {
                    let received = Effect::Received { connection: *connection, data: call.data(1, result)? };
                    self.note(call, call.end.unwrap_or(call.begin), received);
                }
            }
            "lseek" => {
                if let Some(Opened::File { position, .. }) = self.opened_mut(call.number(0)?) {
                    *position = usize::try_from(result)?;
                }
            }
            "fsync" | "fdatasync" => {
                let synced = match self.opened(call.number(0)?) {
                    Some(Opened::File { node, .. } | Opened::Folder(node)) => *node,
                    Some(Opened::Connection(_)) | None => return Ok(()),
                };
                let effect = Effect::Synced { node: synced, began: call.begin };
                self.note(call, call.end.unwrap_or(call.begin), effect);
            }
            "mmap" => {
                let is_shared = call.number(3)? & MAP_SHARED_AND_VALIDATE & 1 == 1 && call.number(2)? & PROT_WRITE != 0;
                if is_shared && self.file(call.number(4)?).is_some() {
                    bail!("files that are written through memory");
                }
            }
            "copy_file_range" | "sendfile" | "splice" | "pwritev2" | "sync_file_range" | "recvmsg" => {
                let handles: &[usize] =
                    if call.name.ends_with("range") || call.name == "splice" { &[0, 2] } else { &[0] };
                let is_ours = |place: &usize| call.number(*place).is_ok_and(|handle| self.opened(handle).is_some());
                if result > 0 && handles.iter().any(is_ours) {
                    bail!("nobody has taught it");
                }
            }
            "sync" | "syncfs" | "io_uring_setup" | "openat2" | "symlink" | "symlinkat" => bail!("nobody has taught it"),
            _ => {}
        }
        Ok(())
    }

    fn note(&mut self, call: &Call, at: Moment, effect: Effect) {
        self.events.push(Event { at, time_ms: call.time_ms, effect });
    }

    fn bind(&mut self, handle: i64, opened: Opened) {
        self.handles.insert(handle, self.opened.len());
        self.opened.push(opened);
    }

    fn copy_handle(&mut self, old: i64, new: i64) {
        match self.handles.get(&old) {
            Some(opened) => self.handles.insert(new, *opened),
            None => self.handles.remove(&new),
        };
    }

    fn opened(&self, handle: i64) -> Option<&Opened> {
        self.opened.get(*self.handles.get(&handle)?)
    }

    fn opened_mut(&mut self, handle: i64) -> Option<&mut Opened> {
        self.opened.get_mut(*self.handles.get(&handle)?)
    }

    fn file(&self, handle: i64) -> Option<Node> {
        match self.opened(handle)? {
            Opened::File { node, .. } => Some(*node),
            Opened::Folder(_) | Opened::Connection(_) => None,
        }
    }
}
