//! `cargo xtask tidy`: the rules that a program can check, each broken one named by file, line and reason.
//!
//! A rule is a function from the tree of files to findings. The tree is read once and lies in memory, so that each
//! rule's test makes up a tree in which it must go red, and one in which it must not. That released migrations stay as
//! they are needs no rule here: the build refuses them.

mod code;
mod layers;
mod links;
mod manifests;
mod rust_text;
mod text;
mod tree;
mod unused;

use crate::repository::Repository;
use anyhow::bail;
use tree::{Finding, Tree};

const RULES: [fn(&Tree) -> Vec<Finding>; 6] =
    [text::check, code::check, layers::check, manifests::check, links::check, unused::check];

/// Prints every finding to stdout; any is a failure.
pub(crate) fn run(repository: &Repository) -> anyhow::Result<()> {
    let tree = Tree::read(&repository.root)?;
    let findings: Vec<Finding> = RULES.iter().flat_map(|rule| rule(&tree)).collect();
    for finding in &findings {
        println!("{finding}");
    }
    if !findings.is_empty() {
        bail!("{} findings in {} files read", findings.len(), tree.files.len());
    }
    Ok(())
}
