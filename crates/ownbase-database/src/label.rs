//! The name of a user's database: the user id, made safe for every file system and reversible.
//!
//! A label is `user-` and the id's UTF-8 bytes: `a`-`z`, `0`-`9`, `_` and `-` as they are, every other byte as `~`
//! and two lower-case hex digits. So it has no capitals for a file system to fold, no dots and no slashes, and no two
//! users share one. At most 5 + 3 × 128 = 389 bytes, more than file systems take: an engine that makes file names
//! shortens the longest, and keeps the label inside the database.

use std::fmt::Write;

use percent_encoding::percent_decode_str;

use crate::UserId;

/// The name under which a user's database is opened.
///
/// ```
/// use ownbase_database::{Label, UserId};
///
/// let label = Label::from(&UserId::parse("Zo%C3%AB")?);
/// assert_eq!(label.as_str(), "user-~5ao~c3~ab");
/// assert_eq!(label.user_id().as_str(), "Zoë");
/// # Ok::<(), ownbase_database::UserIdError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Label(String);

const PREFIX: &str = "user-";

impl From<&UserId> for Label {
    fn from(user: &UserId) -> Self {
        let mut label = String::with_capacity(PREFIX.len() + user.as_str().len());
        label.push_str(PREFIX);
        for byte in user.as_str().bytes() {
            match byte {
                b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' => label.push(char::from(byte)),
                // Writing to a String cannot fail.
                _ => drop(write!(label, "~{byte:02x}")),
            }
        }
        Self(label)
    }
}

impl Label {
    /// A label of no user, since no user id maps to it: opened to ask which kind of host this is.
    pub const PROBE: &str = "user-~";

    /// Reads a label back, as from a file's name. `None` where it is not exactly what some user id maps to.
    pub fn parse(label: &str) -> Option<Self> {
        let user = UserId::from_decoded(&decode(label.strip_prefix(PREFIX)?)).ok()?;
        Some(Self::from(&user)).filter(|made| made.0 == label)
    }

    /// The label's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whose database this is.
    pub fn user_id(&self) -> UserId {
        UserId::from_label(decode(self.0.get(PREFIX.len()..).unwrap_or_default()))
    }
}

/// Undoes the encoding, which is percent-encoding with another mark. What no encoding makes comes out as something
/// that does not encode back to it.
fn decode(encoded: &str) -> String {
    percent_decode_str(&encoded.replace('~', "%")).decode_utf8_lossy().into_owned()
}
