//! (being written)
use std::{sync::Arc, time::Instant};

/// One request, on whose behalf calls are made.
#[derive(Clone, Debug)]
pub struct Scope(#[allow(dead_code)] Arc<Option<Instant>>);

impl Scope {
    /// A request that must be answered by `deadline`; no call made for it waits or runs past that.
    pub fn new(deadline: Option<Instant>) -> Scope {
        Scope(Arc::new(deadline))
    }
    /// Ends the request: rolls back and frees the transactions that it still holds. Calls made for it afterwards are refused.
    pub fn end(&self) {}
    /// The labels that were opened for the request, in order of first use.
    pub fn labels(&self) -> Vec<Arc<str>> {
        Vec::new()
    }
}
