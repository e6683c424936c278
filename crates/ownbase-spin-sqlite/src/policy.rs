//! (being written)

/// Which labels a component may open.
#[derive(Clone, Debug, Default)]
pub struct Labels {
    names: std::sync::Arc<[String]>,
}

/// A name that no label can have.
#[derive(Debug, thiserror::Error)]
#[error("{name:?} is neither a database label nor a pattern such as \"user-*\" (allowed: a-z 0-9 _ - ~)")]
pub struct LabelsError {
    name: String,
}

impl Labels {
    /// Exact labels (`users`) and patterns with one `*` at their end (`user-*`), in any order.
    pub fn new(names: impl IntoIterator<Item = impl Into<String>>) -> Result<Labels, LabelsError> {
        Ok(Labels { names: names.into_iter().map(Into::into).collect() })
    }
}
