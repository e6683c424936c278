//! To be written on its branch.

use crate::repository::Repository;

pub(crate) fn run(_repository: &Repository, _assert: bool) -> anyhow::Result<()> {
    anyhow::bail!("not written yet")
}
