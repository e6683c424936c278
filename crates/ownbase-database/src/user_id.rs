//! Who a database belongs to, parsed once from the path.
//!
//! A user id is 1 to 128 bytes of UTF-8 without control characters (Unicode Cc), and neither `.` nor `..`. It is
//! compared byte by byte: `John` and `john`, or the composed and the decomposed `ë`, are different users. Whether
//! somebody may speak for a user is not decided here.

use percent_encoding::percent_decode_str;

/// The first segment of the path, percent-decoded.
///
/// ```
/// use ownbase_database::UserId;
///
/// assert_eq!(UserId::parse("Zo%C3%AB")?.as_str(), "Zoë");
/// assert!(UserId::parse("%zz").is_err());
/// # Ok::<(), ownbase_database::UserIdError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UserId(String);

/// Why a path segment is not a user id. The text is fit for a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UserIdError {
    /// Nothing between the slashes.
    #[error("the user id is empty")]
    Empty,
    /// More than [`UserId::MAX_BYTES`] once decoded.
    #[error("the user id is longer than 128 bytes")]
    TooLong,
    /// A `%` without two hex digits after it.
    #[error("the user id is badly percent-encoded")]
    BadPercentEncoding,
    /// Bytes that are not UTF-8 once decoded.
    #[error("the user id is not UTF-8")]
    NotUtf8,
    /// A character of Unicode's category Cc.
    #[error("the user id has a control character")]
    ControlCharacter,
    /// `.` or `..`, which clients and proxies take away from paths.
    #[error("the user id is . or ..")]
    DotSegment,
}

impl UserId {
    /// The longest user id, decoded.
    pub const MAX_BYTES: usize = 128;

    /// Parses a raw, percent-encoded path segment.
    ///
    /// # Errors
    /// A [`UserIdError`] for every segment that is not a user id.
    pub fn parse(segment: &str) -> Result<Self, UserIdError> {
        if segment.len() > 3 * Self::MAX_BYTES {
            return Err(UserIdError::TooLong);
        }
        if !is_percent_encoded(segment) {
            return Err(UserIdError::BadPercentEncoding);
        }
        let decoded = percent_decode_str(segment).decode_utf8().map_err(|_| UserIdError::NotUtf8)?;
        Self::from_decoded(&decoded)
    }

    pub(crate) fn from_decoded(id: &str) -> Result<Self, UserIdError> {
        match id {
            "" => Err(UserIdError::Empty),
            "." | ".." => Err(UserIdError::DotSegment),
            _ if id.len() > Self::MAX_BYTES => Err(UserIdError::TooLong),
            _ if id.chars().any(char::is_control) => Err(UserIdError::ControlCharacter),
            _ => Ok(Self(id.into())),
        }
    }

    /// The id that a label was made from.
    pub(crate) fn from_label(id: String) -> Self {
        Self(id)
    }

    /// The id, decoded.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether every `%` has its two hex digits: the decoder would let any other stand for itself.
fn is_percent_encoded(segment: &str) -> bool {
    let is_hex = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_hexdigit);
    let mut bytes = segment.as_bytes().iter();
    while let Some(byte) = bytes.next() {
        if *byte == b'%' && !(is_hex(bytes.next()) && is_hex(bytes.next())) {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{UserId, UserIdError};

    #[test]
    fn decodes_once() {
        for (segment, id) in [
            ("john", "john"),
            ("Zo%c3%ab", "Zoë"),
            ("Zoë", "Zoë"),
            ("%2e%2E%2fjohn", "../john"),
            ("%2525", "%25"),
            ("...", "..."),
            ("a+b", "a+b"),
            ("%F4%8F%BF%BF", "\u{10ffff}"),
        ] {
            assert_eq!(UserId::parse(segment).unwrap().as_str(), id, "{segment}");
        }
    }

    #[test]
    fn refuses_what_is_no_user_id() {
        for (segment, error) in [
            ("", UserIdError::Empty),
            ("%zz", UserIdError::BadPercentEncoding),
            ("%4", UserIdError::BadPercentEncoding),
            ("john%", UserIdError::BadPercentEncoding),
            ("%%41", UserIdError::BadPercentEncoding),
            ("%ff", UserIdError::NotUtf8),
            ("%c3", UserIdError::NotUtf8),
            ("%ed%a0%80", UserIdError::NotUtf8),
            ("%00", UserIdError::ControlCharacter),
            ("a%7F", UserIdError::ControlCharacter),
            ("%c2%85", UserIdError::ControlCharacter),
            (".", UserIdError::DotSegment),
            ("%2e.", UserIdError::DotSegment),
        ] {
            assert_eq!(UserId::parse(segment), Err(error), "{segment}");
        }
    }

    #[test]
    fn counts_decoded_bytes() {
        assert!(UserId::parse(&"a".repeat(128)).is_ok());
        assert!(UserId::parse(&"%c3%ab".repeat(64)).is_ok());
        for long in ["a".repeat(129), "%c3%ab".repeat(64) + "a", "%c3%ab".repeat(65), "%zz".repeat(129)] {
            assert_eq!(UserId::parse(&long), Err(UserIdError::TooLong), "{long}");
        }
    }
}
