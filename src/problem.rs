//! What can be wrong with a request, as the client is told: problems in JSON (RFC 9457). The only file that names an
//! error's status.
//!
//! `type` is always `about:blank`: the status says it all to a program, `detail` says it to a person. A detail never
//! shows SQL, a path or anything stored; what is of use to the operator alone goes with the response as its [`Cause`].

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use ownbase_database::{Error, UserIdError};
use serde::Serialize;
use thiserror::Error;

use crate::{REQUEST_ID, answer};

/// Why a request got an answer of 500 or above, for the log and not for the client: SQLite's message may quote SQL.
/// Found in the extensions of a response from [`crate::handle`] or [`crate::prepare`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause(pub String);

/// Why a request was not carried out. Displayed, it is the `detail` of the answer.
#[derive(Debug, Error)]
pub(crate) enum Problem {
    #[error("{0}")]
    UserId(#[from] UserIdError),
    #[error("the request is malformed: {0}")]
    Malformed(String),
    #[error("{0}")]
    Forbidden(String),
    #[error("of all transfer codings only chunked is offered")]
    TransferCoding,
    #[error("there is no such path; try /:userId or /:userId/:noteId")]
    NoSuchPath,
    #[error("there is no such note")]
    NoSuchNote,
    #[error("the path allows {allow}")]
    MethodNotAllowed { allow: &'static str },
    #[error("limit must be a number from 1 to 1000, given once")]
    Limit,
    #[error("cursor must be what an earlier answer gave as next, given once")]
    Cursor,
    #[error("the body is longer than {} bytes", crate::MAX_BODY_BYTES)]
    BodyTooLong,
    #[error("the Content-Type must be application/json")]
    NotJsonType,
    #[error("the body is not UTF-8")]
    NotUtf8,
    #[error("the body is not a JSON object: {0}")]
    NotJson(serde_json::Error),
    #[error("the body has no text that is a string")]
    NoText,
    #[error("the text is empty")]
    EmptyText,
    #[error("the text is longer than {} bytes", crate::text::MAX_TEXT_BYTES)]
    LongText,
    #[error("the note has changed: its ETag is not one of If-Match")]
    Changed,
    #[error("{}", database_detail(.0))]
    Database(#[from] Error),
    #[error("{UNEXPECTED}")]
    Internal(String),
}

const UNEXPECTED: &str = "the request could not be carried out";

const DAMAGED: &str = "the database of this user is damaged; nothing of it was deleted. The operator can restore it, and \
                       DELETE erases it";

const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// Seconds after which a busy database is worth another try: locks are held for milliseconds.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("1");

impl Problem {
    /// Something that cannot go wrong did.
    pub(crate) fn internal(error: impl ToString) -> Self {
        Self::Internal(error.to_string())
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Malformed(_) | Self::UserId(_) | Self::Limit | Self::Cursor => StatusCode::BAD_REQUEST,
            Self::NotUtf8 | Self::NotJson(_) | Self::NoText => StatusCode::BAD_REQUEST,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::NoSuchPath | Self::NoSuchNote => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::Changed => StatusCode::PRECONDITION_FAILED,
            Self::TransferCoding => StatusCode::NOT_IMPLEMENTED,
            Self::BodyTooLong => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NotJsonType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::EmptyText | Self::LongText => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Database(error) => database_status(error),
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The answer to the request that had these headers.
    pub(crate) fn response(&self, request: &HeaderMap) -> Response<Bytes> {
        let status = self.status();
        let mut response = answer::private(answer::full(status, PROBLEM_JSON, self.body(status, request)));
        match self {
            Self::MethodNotAllowed { allow } => {
                response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allow));
            }
            Self::Database(Error::Busy) => {
                response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER_SECONDS);
            }
            _ => {}
        }
        match self {
            Self::Database(error) => response.extensions_mut().insert(Cause(error.to_string())),
            Self::Internal(cause) => response.extensions_mut().insert(Cause(cause.clone())),
            _ => None,
        };
        answer::with_request_id(response, request)
    }

    fn body(&self, status: StatusCode, request: &HeaderMap) -> Vec<u8> {
        #[derive(Serialize)]
        struct Body<'a> {
            r#type: &'static str,
            title: &'static str,
            status: u16,
            detail: String,
            #[serde(skip_serializing_if = "Option::is_none")]
            request_id: Option<&'a str>,
        }
        let body = Body {
            r#type: "about:blank",
            title: status.canonical_reason().unwrap_or_default(),
            status: status.as_u16(),
            detail: self.to_string(),
            request_id: request.get(REQUEST_ID).and_then(|id| id.to_str().ok()),
        };
        // Strings and numbers always serialise; an empty body would still carry the status.
        serde_json::to_vec(&body).unwrap_or_default()
    }
}

fn database_status(error: &Error) -> StatusCode {
    match error {
        Error::Busy | Error::Newer { .. } | Error::Changed { .. } | Error::Migration { .. } => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        Error::Full => StatusCode::INSUFFICIENT_STORAGE,
        Error::TimedOut => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// What a client may know of a database's error. SQLite's messages are not among it.
fn database_detail(error: &Error) -> String {
    match error {
        Error::Busy | Error::Full | Error::TimedOut | Error::Newer { .. } | Error::Changed { .. } => error.to_string(),
        Error::Damaged { .. } => DAMAGED.to_owned(),
        Error::Migration { version, .. } => format!("the database could not be brought to version {version}"),
        _ => UNEXPECTED.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn answer(problem: Problem) -> (u16, String, Response<Bytes>) {
        let request = HeaderMap::from_iter([(REQUEST_ID, HeaderValue::from_static("id-1"))]);
        let response = problem.response(&request);
        let body = String::from_utf8(response.body().to_vec()).unwrap();
        (response.status().as_u16(), body, response)
    }

    fn failed() -> Error {
        Error::Failed { code: "SQLITE_IOERR".into(), message: "SELECT secret FROM /var/lib/x.db".into() }
    }

    #[test]
    fn a_problem_has_the_form_of_rfc_9457() {
        let (_, body, response) = answer(Problem::NoSuchNote);
        insta::assert_snapshot!(body, @r#"{"type":"about:blank","title":"Not Found","status":404,"detail":"there is no such note","request_id":"id-1"}"#);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        assert_eq!(response.headers()[header::CONTENT_LENGTH], body.len().to_string());
        assert_eq!(response.headers()[REQUEST_ID], "id-1");
        // A 404 may be kept by any cache otherwise.
        assert_eq!(response.headers()[header::CACHE_CONTROL], "private, no-cache");
        let nameless = Problem::NoSuchNote.response(&HeaderMap::new());
        assert!(!nameless.body().windows(10).any(|bytes| bytes == b"request_id"));
    }

    #[test]
    fn a_databases_error_has_its_status_and_names_no_more_than_it_may() {
        let migration = Error::Migration { version: 2, source: Box::new(failed()) };
        let changed = Error::Changed { version: 1, database: "aaa".into(), build: "bbb".into() };
        let damaged = Error::Damaged { code: "SQLITE_CORRUPT".into(), message: "in SELECT secret".into() };
        let cases = [
            (Error::Busy, 503, "busy"),
            (Error::Full, 507, "full"),
            (Error::TimedOut, 504, "time limit"),
            (Error::Newer { database: 9, build: 1 }, 503, "migration 9; this build's newest is 1"),
            (changed, 503, "checksum aaa; this build's has bbb"),
            (migration, 503, "version 2"),
            (failed(), 500, UNEXPECTED),
            (damaged, 500, "is damaged"),
            (Error::Constraint("UNIQUE constraint failed: notes.id".into()), 500, UNEXPECTED),
            (Error::Missing, 500, UNEXPECTED),
        ];
        for (error, status, says) in cases {
            let (found, body, response) = answer(error.clone().into());
            assert_eq!(found, status, "{error:?}");
            assert!(body.contains(says), "{error:?}: {body}");
            assert!(!body.contains("secret") && !body.contains("notes.id") && !body.contains("SQLITE"), "{body}");
            assert_eq!(response.headers().contains_key(header::RETRY_AFTER), body.contains("busy"), "{error:?}");
        }
    }

    #[test]
    fn the_cause_goes_to_the_log() {
        let (.., response) = answer(failed().into());
        assert_eq!(response.extensions().get::<Cause>().unwrap().0, "SQLITE_IOERR: SELECT secret FROM /var/lib/x.db");
        let (.., response) = answer(Problem::internal("a reason"));
        assert_eq!(response.extensions().get::<Cause>().unwrap().0, "a reason");
        assert_eq!(response.status(), 500);
        assert_eq!(answer(Problem::NoSuchNote).2.extensions().get::<Cause>(), None);
    }
}
