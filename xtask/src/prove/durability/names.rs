//! Which names there are in which folders: on the disk for sure, and changed but not synced.
//!
//! A sync of a folder brings what was made, removed and renamed in it onto the disk. A rename is one change, also between
//! two folders, and is on disk once either was synced. A power cut keeps either the first changes that are not synced, or
//! any of them; but no change of a name is kept without the earlier ones of the same name, since no journal does so.

use super::calls::Moment;
use fastrand::Rng;
use std::collections::{BTreeMap, HashMap, HashSet};

/// A file or folder, whatever its name; the first is the root.
pub(crate) type Node = usize;

/// The folder that everything is in.
pub(crate) const ROOT: Node = 0;

/// A name in a folder.
pub(crate) type Name = (Node, Vec<u8>);

/// What is in each folder; what has no entry here is a file.
pub(crate) type Tree = HashMap<Node, BTreeMap<Vec<u8>, Node>>;

/// The names in all folders.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Names {
    synced: Tree,
    unsynced: Vec<(Option<Moment>, Change)>,
}

/// A change of names.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Change {
    Add { name: Name, node: Node, is_folder: bool },
    Remove { name: Name, node: Node },
    Move { from: Name, to: Name, node: Node },
}

impl Names {
    /// `end` is when the change was there for every sync that began later; `None` if nobody knows.
    pub(crate) fn change(&mut self, change: Change, end: Option<Moment>) {
        self.unsynced.push((end, change));
    }

    /// A sync of a folder, which began then, has come to its end. It takes with it what the names in question were before.
    pub(crate) fn sync(&mut self, folder: Node, began: Moment) {
        let mut names: HashSet<Name> = HashSet::new();
        let mut open = Vec::new();
        let mut covered = Vec::new();
        for (end, change) in std::mem::take(&mut self.unsynced).into_iter().rev() {
            let of_change = change.names();
            let is_in_folder = end.is_some_and(|end| end < began) && of_change.iter().any(|name| name.0 == folder);
            if is_in_folder || of_change.iter().any(|name| names.contains(*name)) {
                names.extend(of_change.into_iter().cloned());
                covered.push(change);
            } else {
                open.push((end, change));
            }
        }
        covered.iter().rev().for_each(|change| change.apply(&mut self.synced));
        open.reverse();
        self.unsynced = open;
    }

    /// What every program sees while the power is on.
    pub(crate) fn now(&self) -> Tree {
        let mut tree = self.synced.clone();
        self.unsynced.iter().for_each(|(_, change)| change.apply(&mut tree));
        tree
    }

    /// What a power cut leaves.
    pub(crate) fn after_cut(&self, chance: &mut Rng) -> Tree {
        let mut tree = self.synced.clone();
        if chance.bool() {
            let first = chance.usize(..=self.unsynced.len());
            self.unsynced.iter().take(first).for_each(|(_, change)| change.apply(&mut tree));
            return tree;
        }
        let kept_percent = [0, 25, 50, 75, 95].get(chance.usize(..5)).copied().unwrap_or(50);
        let mut lost: HashSet<&Name> = HashSet::new();
        for (_, change) in &self.unsynced {
            let names = change.names();
            if chance.u32(..100) < kept_percent && !names.iter().any(|name| lost.contains(name)) {
                change.apply(&mut tree);
            } else {
                lost.extend(names);
            }
        }
        tree
    }
}

impl Change {
    pub(crate) fn apply(&self, tree: &mut Tree) {
        match self {
            Self::Add { name: (folder, name), node, is_folder } => {
                if *is_folder {
                    tree.entry(*node).or_default();
                }
                tree.entry(*folder).or_default().insert(name.clone(), *node);
            }
            Self::Remove { name, node } => remove(tree, name, *node),
            Self::Move { from, to: (folder, name), node } => {
                remove(tree, from, *node);
                tree.entry(*folder).or_default().insert(name.clone(), *node);
            }
        }
    }

    fn names(&self) -> Vec<&Name> {
        match self {
            Self::Add { name, .. } | Self::Remove { name, .. } => vec![name],
            Self::Move { from, to, .. } => vec![from, to],
        }
    }
}

fn remove(tree: &mut Tree, (folder, name): &Name, node: Node) {
    if let Some(names) = tree.get_mut(folder)
        && names.get(name) == Some(&node)
    {
        names.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn name(folder: Node, name: &str) -> Name {
        (folder, name.as_bytes().to_vec())
    }

    fn add(folder: Node, called: &str, node: Node) -> Change {
        Change::Add { name: name(folder, called), node, is_folder: false }
    }

    /// All that cuts leave of some names in the root.
    fn left(names: &Names) -> BTreeSet<Vec<(String, Node)>> {
        let listed = |seed| {
            let tree = names.after_cut(&mut Rng::with_seed(seed));
            let folder = tree.get(&ROOT).cloned().unwrap_or_default();
            folder.iter().map(|(name, node)| (String::from_utf8_lossy(name).into_owned(), *node)).collect()
        };
        (0..500).map(listed).collect()
    }

    fn as_left(names: &[(&str, Node)]) -> Vec<(String, Node)> {
        names.iter().map(|(name, node)| ((*name).to_owned(), *node)).collect()
    }

    #[test]
    fn what_its_folder_was_synced_for_stays() {
        let mut names = Names::default();
        names.change(add(ROOT, "a", 1), Some(1));
        names.change(add(5, "b", 2), Some(1));
        names.change(add(ROOT, "c", 3), Some(9));
        names.sync(ROOT, 4);
        assert_eq!(left(&names), [as_left(&[("a", 1)]), as_left(&[("a", 1), ("c", 3)])].into());
        assert_eq!(names.now().get(&5), Some(&[(b"b".to_vec(), 2)].into()));
    }

    #[test]
    fn some_changes_are_kept_and_others_not() {
        let mut names = Names::default();
        names.change(add(ROOT, "a", 1), Some(1));
        names.change(add(ROOT, "b", 2), Some(2));
        let all = [&[][..], &[("a", 1)], &[("b", 2)], &[("a", 1), ("b", 2)]];
        assert_eq!(left(&names), all.map(as_left).into());
    }

    #[test]
    fn a_rename_is_whole_and_follows_what_it_renames() {
        let mut names = Names::default();
        names.change(add(ROOT, "old", 1), Some(1));
        names.sync(ROOT, 2);
        names.change(add(ROOT, "new", 2), Some(3));
        names.change(Change::Move { from: name(ROOT, "new"), to: name(ROOT, "old"), node: 2 }, Some(4));
        names.change(Change::Remove { name: name(ROOT, "old"), node: 2 }, Some(5));
        let all = [&[("old", 1)][..], &[("new", 2), ("old", 1)], &[("old", 2)], &[]];
        assert_eq!(left(&names), all.map(as_left).into());
    }

    #[test]
    fn either_folder_brings_a_rename_onto_the_disk() {
        for folder in [5, 6] {
            let mut names = Names::default();
            names.change(add(5, "a", 1), Some(1));
            names.change(add(6, "a", 2), Some(1));
            names.sync(6, 2);
            names.change(Change::Move { from: name(5, "a"), to: name(6, "a"), node: 1 }, Some(3));
            names.sync(folder, 4);
            let tree = names.after_cut(&mut Rng::with_seed(1));
            assert_eq!(tree.get(&6), Some(&[(b"a".to_vec(), 1)].into()), "{folder}");
            assert_eq!(tree.get(&5), Some(&[].into()), "{folder}");
        }
    }
}
