//! (being written)
use crate::UserId;

/// The name of a user's database: `user-` and the user id, made safe for any file system and reversible.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Label(String);

impl From<&UserId> for Label {
    fn from(user: &UserId) -> Self {
        Self(format!("user-{}", user.as_str()))
    }
}

impl Label {
    /// The label's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
