//! Which labels a component may open.
//!
//! A label is made of `a-z 0-9 _ - ~` and is 1 to 1,024 bytes long; everything else is denied, whatever a pattern says.
//! `~~` is denied too: files of long labels are named with it (see `files.rs`), and a user id never yields it.

use std::sync::Arc;

/// The longest label, in bytes.
const MAX_LABEL_BYTES: usize = 1024;

/// Which labels a component may open: exact ones, and all that begin in a certain way.
///
/// ```
/// use ownbase_spin_sqlite::Labels;
///
/// let labels = Labels::new(["settings", "user-*"])?;
/// assert!(labels.allow("user-john"));
/// assert!(!labels.allow("settings-old"));
/// # Ok::<(), ownbase_spin_sqlite::LabelsError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Labels(Arc<[Rule]>);

#[derive(Debug)]
enum Rule {
    Exact(String),
    Prefix(String),
}

/// A name that is neither a label nor a pattern.
#[derive(Debug, thiserror::Error)]
#[error("{name:?} names no database: use a-z 0-9 _ - ~, and for a pattern one * at the end, as in \"user-*\"")]
pub struct LabelsError {
    name: String,
}

impl Labels {
    /// Labels (`settings`) and patterns (`user-*`, `*`), in any order; none at all denies everything.
    ///
    /// # Errors
    /// A name with other characters, or with a `*` that is not its last.
    pub fn new(names: impl IntoIterator<Item = impl Into<String>>) -> Result<Labels, LabelsError> {
        names.into_iter().map(|name| Rule::parse(name.into())).collect::<Result<_, _>>().map(Labels)
    }

    /// Whether the component may open `label`.
    pub fn allow(&self, label: &str) -> bool {
        is_label(label)
            && self.0.iter().any(|rule| match rule {
                Rule::Exact(name) => label == name,
                Rule::Prefix(prefix) => label.starts_with(prefix.as_str()),
            })
    }

    /// Whether there is a label that both allow.
    pub fn overlap(&self, other: &Labels) -> bool {
        self.0.iter().any(|one| other.0.iter().any(|another| one.overlaps(another)))
    }
}

impl Rule {
    fn overlaps(&self, other: &Rule) -> bool {
        match (self, other) {
            (Rule::Exact(one), Rule::Exact(another)) => one == another,
            (Rule::Exact(name), Rule::Prefix(prefix)) | (Rule::Prefix(prefix), Rule::Exact(name)) => {
                name.starts_with(prefix.as_str())
            }
            (Rule::Prefix(one), Rule::Prefix(another)) => one.starts_with(another) || another.starts_with(one),
        }
    }

    fn parse(name: String) -> Result<Rule, LabelsError> {
        match name.strip_suffix('*') {
            Some(prefix) if prefix.is_empty() || is_label(prefix) => Ok(Rule::Prefix(prefix.to_owned())),
            None if is_label(&name) => Ok(Rule::Exact(name)),
            _ => Err(LabelsError { name }),
        }
    }
}

/// Whether there may be a database of that label at all.
pub(crate) fn is_label(label: &str) -> bool {
    let safe = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'~');
    (1..=MAX_LABEL_BYTES).contains(&label.len()) && label.bytes().all(safe) && !label.contains("~~")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_pattern_allows_only_safe_labels_that_begin_so() {
        let labels = Labels::new(["users", "user-*"]).unwrap();
        for allowed in ["users", "user-", "user-john", "user-~5ao~c3~ab", "user-~", "user-a_b-c"] {
            assert!(labels.allow(allowed), "{allowed}");
        }
        for denied in [
            "",
            "user",
            "usersx",
            "User-john",
            "user-John",
            "user-../x",
            "user-a.db",
            "user-é",
            "user-~~00",
            "user-a\0",
        ] {
            assert!(!labels.allow(denied), "{denied}");
        }
        assert!(!labels.allow(&format!("user-{}", "a".repeat(MAX_LABEL_BYTES))));
    }

    #[test]
    fn patterns_overlap_where_one_label_fits_both() {
        for (one, another, overlap) in [
            ("a", "a", true),
            ("a", "b", false),
            ("user-*", "user-john", true),
            ("user-*", "users", false),
            ("user-*", "user-a*", true),
            ("user-a*", "user-b*", false),
            ("*", "anything", true),
        ] {
            let (one, another) = (Labels::new([one]).unwrap(), Labels::new(["x", another]).unwrap());
            assert_eq!((one.overlap(&another), another.overlap(&one)), (overlap, overlap), "{one:?} {another:?}");
        }
    }

    #[test]
    fn a_star_in_the_middle_and_capitals_are_refused_by_name() {
        for wrong in ["us*er", "**", "", "Users", "a b", "~~"] {
            let error = Labels::new([wrong]).unwrap_err().to_string();
            assert!(error.contains(wrong) && !error.contains('\n'), "{error}");
        }
        assert!(Labels::new(["*"]).unwrap().allow("anything"));
        assert!(!Labels::new([""; 0]).unwrap().allow("anything"));
    }
}
