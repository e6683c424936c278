//! (being written)
use crate::Limits;
use std::{path::Path, sync::Arc};

/// All databases of one state directory.
#[derive(Clone, Debug)]
pub struct Databases(#[allow(dead_code)] Arc<Limits>);

/// Why a state directory cannot be used. The message is one line and says what to do.
#[derive(Debug, thiserror::Error)]
#[error("being written")]
pub struct StateError {}

impl Databases {
    /// Takes the directory for this process: makes it if missing, locks it, makes and syncs its folders.
    pub fn open(_state_dir: &Path, limits: Limits) -> Result<Databases, StateError> {
        Ok(Databases(Arc::new(limits)))
    }
    /// Finishes what runs, checkpoints and closes every database. Calls made afterwards fail.
    pub async fn close(&self) {}
}
