//! (being written)

/// What a call answers instead of a result.
#[derive(Debug)]
pub enum Error {}
