//! A disk that has seen the events of a recording, and what a power cut leaves of it.

use super::contents::Contents;
use super::follow::{Effect, Event};
use super::names::{Names, Node, ROOT, Tree};
use fastrand::Rng;
use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// Folders (`None`) and files by their paths below the root; a folder comes before what is in it.
pub(crate) type Image = BTreeMap<PathBuf, Option<Vec<u8>>>;

#[derive(Debug, Clone, Default)]
pub(crate) struct Disk {
    names: Names,
    contents: HashMap<Node, Contents>,
}

impl Disk {
    pub(crate) fn see(&mut self, event: &Event) {
        match &event.effect {
            Effect::Contents { node, change, end } => {
                self.contents.entry(*node).or_default().change(change.clone(), *end);
            }
            Effect::Names { change, end } => self.names.change(change.clone(), *end),
            Effect::Synced { node, began } => {
                // It is one or the other.
                if let Some(contents) = self.contents.get_mut(node) {
                    contents.sync(*began);
                }
                self.names.sync(*node, *began);
            }
            Effect::Received { .. } | Effect::Sent { .. } => {}
        }
    }

    /// What every program sees while the power is on.
    pub(crate) fn now(&self) -> Image {
        image(&self.names.now(), |node| self.contents.get(&node).map(Contents::now).unwrap_or_default())
    }

    /// What a power cut leaves.
    pub(crate) fn after_cut(&self, chance: &mut Rng) -> Image {
        let tree = self.names.after_cut(chance);
        // A file with two names has the same contents under both.
        let mut left: HashMap<Node, Vec<u8>> = HashMap::new();
        image(&tree, |node| {
            let cut = || self.contents.get(&node).map(|contents| contents.after_cut(chance)).unwrap_or_default();
            left.entry(node).or_insert_with(cut).clone()
        })
    }
}

fn image(tree: &Tree, mut contents: impl FnMut(Node) -> Vec<u8>) -> Image {
    let mut image = Image::new();
    let mut folders = vec![(ROOT, PathBuf::new())];
    while let Some((folder, path)) = folders.pop() {
        for (name, node) in tree.get(&folder).into_iter().flatten() {
            let path = path.join(OsStr::from_bytes(name));
            if tree.contains_key(node) {
                folders.push((*node, path.clone()));
                image.insert(path, None);
            } else {
                image.insert(path, Some(contents(*node)));
            }
        }
    }
    image
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::{calls, follow::Follower};
    use super::*;
    use std::collections::BTreeSet;
    use std::path::Path;

    /// The disk after the calls of a process, whose log is written without its threads and times, and with its strings as
    /// they are.
    fn disk(lines: &[&str]) -> Disk {
        let log: String = lines.iter().map(|line| format!("7 1.0 {}\n", in_hex(line))).collect();
        let calls = calls::parse(&log, 0).unwrap();
        let mut follower = Follower::new(Path::new("/home"), Path::new("/home/except"));
        let mut disk = Disk::default();
        follower.process(&calls, |_| false).unwrap().iter().for_each(|event| disk.see(event));
        disk
    }

    fn in_hex(line: &str) -> String {
        let pieces = line.split('"').enumerate().map(|(index, piece)| match index % 2 {
            0 => piece.to_owned(),
            _ => format!("\"{}\"", piece.bytes().map(|byte| format!("\\x{byte:02x}")).collect::<String>()),
        });
        pieces.collect()
    }

    fn listed(image: &Image) -> Vec<String> {
        let entry = |(path, contents): (&PathBuf, &Option<Vec<u8>>)| match contents {
            Some(contents) => format!("{}={}", path.display(), String::from_utf8_lossy(contents)),
            None => format!("{}/", path.display()),
        };
        image.iter().map(entry).collect()
    }

    fn left(disk: &Disk) -> BTreeSet<Vec<String>> {
        (0..300).map(|seed| listed(&disk.after_cut(&mut Rng::with_seed(seed)))).collect()
    }

    const MADE: [&str; 4] = [
        "mkdir(\"/home/d\", 0700) = 0",
        "openat(-100, \"/home\", 0x80000) = 3",
        "fsync(3) = 0",
        "openat(-100, \"/home/d/a\", 0x42, 0600) = 4",
    ];

    #[test]
    fn a_name_and_its_contents_are_synced_each_on_its_own() {
        let written = [&MADE[..], &["write(4, \"new\", 3) = 3"]].concat();
        let all = |all: &[&[&str]]| -> BTreeSet<Vec<String>> {
            all.iter().map(|image| image.iter().map(|entry| (*entry).to_owned()).collect()).collect()
        };
        assert_eq!(listed(&disk(&written).now()), ["d/", "d/a=new"]);
        assert_eq!(left(&disk(&written)), all(&[&["d/"], &["d/", "d/a="], &["d/", "d/a=new"], &["d/", "d/a=\0\0\0"]]));
        let synced = [&written[..], &["fdatasync(4) = 0"]].concat();
        assert_eq!(left(&disk(&synced)), all(&[&["d/"], &["d/", "d/a=new"]]));
        let named = [&synced[..], &["openat(-100, \"/home/d\", 0x80000) = 5", "fsync(5) = 0"]].concat();
        assert_eq!(left(&disk(&named)), all(&[&["d/", "d/a=new"]]));
        let renamed = [&named[..], &["rename(\"/home/d/a\", \"/home/b\") = 0", "close(4) = 0"]].concat();
        assert_eq!(left(&disk(&renamed)), all(&[&["d/", "d/a=new"], &["b=new", "d/"]]));
        let removed = [&named[..], &["unlinkat(5, \"a\", 0) = 0", "fsync(5) = -1 EIO (Input/output error)"]].concat();
        assert_eq!(left(&disk(&removed)), all(&[&["d/", "d/a=new"], &["d/"]]));
    }

    #[test]
    fn a_handle_is_followed_wherever_it_goes() {
        let lines = [
            &MADE[..],
            &[
                "fcntl(4, 0x406, 3) = 7",
                "close(4) = 0",
                "openat(-100, \"/etc/passwd\", 0x80000) = 4",
                "write(4, \"not ours\", 8) = 8",
                "rename(\"/home/d/a\", \"/home/d/b\") = 0",
                "write(7, \"123\", 3) = 3",
                "write(7, \"45\", 2) = 1",
                "pwrite64(7, \"0\", 1, 0) = 1",
                "lseek(7, 2, 0) = 2",
                "writev(7, [{iov_base=\"x\", iov_len=1}, {iov_base=\"yz\", iov_len=2}], 2) = 3",
                "ftruncate(7, 4) = 0",
                "openat(-100, \"/home/d/b\", 0x401, 0600) = 8",
                "write(8, \"!\", 1) = 1",
                "openat(-100, \"/home/except/c\", 0x42, 0600) = 9",
                "write(9, \"cache\", 5) = 5",
                "openat(-100, \"/home/e\", 0x42, 0600) = 10",
                "write(10, \"killed\", 6 <unfinished ...>",
            ],
        ];
        assert_eq!(listed(&disk(&lines.concat()).now()), ["d/", "d/b=02xy!", "e="]);
    }
}
