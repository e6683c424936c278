//! (being written)

/// Who a database belongs to: the first segment of the path, percent-decoded.
///
/// 1 to 128 bytes of UTF-8 without control characters (Unicode Cc), neither `.` nor `..`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UserId(String);

/// Why a path segment is not a user id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UserIdError {
    /// Nothing between the slashes.
    #[error("the user id is empty")]
    Empty,
}

impl UserId {
    /// Parses a raw, percent-encoded path segment.
    pub fn parse(segment: &str) -> Result<Self, UserIdError> {
        if segment.is_empty() { Err(UserIdError::Empty) } else { Ok(Self(segment.into())) }
    }

    /// The id, decoded.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
