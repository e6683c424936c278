//! What the engine itself answers when a request never reaches the component, or the component fails: problems as
//! RFC 9457 has them, in the same form as the service's own. No path, SQL or cause stands in them; the log has those.

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};
use serde::Serialize;

/// Why the engine answers in the component's place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Refusal {
    /// No route of the application matches the path.
    NoRoute,
    /// `CONNECT`: this is no proxy.
    Connect,
    /// The head has more headers than this many.
    TooManyHeaders(usize),
    /// The body is longer than this many bytes.
    BodyTooLarge(u64),
    /// The body ended early or was not framed as HTTP frames it.
    BodyBroken,
    /// The body did not arrive within the time limit.
    BodyTooSlow,
    /// As many requests run and wait as may.
    QueueFull,
    /// Too many long answers wait to be taken by their clients.
    NoRoom,
    /// The component gave no answer within the time limit.
    TimedOut,
    /// The disk failed to keep what the request wrote or read.
    NotDurable,
    /// The component trapped, or gave an answer that is none.
    Failed,
    /// On the admin listener: a path that does not exist there.
    NotAnAdminPath,
    /// On the admin listener: a method that changes something.
    ReadOnly,
}

impl Refusal {
    /// The status; only here does a cause meet one.
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::NoRoute | Self::NotAnAdminPath => StatusCode::NOT_FOUND,
            Self::Connect => StatusCode::NOT_IMPLEMENTED,
            Self::TooManyHeaders(_) => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::BodyTooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyBroken => StatusCode::BAD_REQUEST,
            Self::BodyTooSlow | Self::TimedOut => StatusCode::GATEWAY_TIMEOUT,
            Self::QueueFull | Self::NoRoom | Self::NotDurable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Failed => StatusCode::INTERNAL_SERVER_ERROR,
            Self::ReadOnly => StatusCode::METHOD_NOT_ALLOWED,
        }
    }

    fn detail(self) -> String {
        match self {
            Self::NoRoute => "no route of the application matches this path".to_owned(),
            Self::Connect => "CONNECT is not offered: this server is no proxy".to_owned(),
            Self::TooManyHeaders(limit) => format!("the request has more than {limit} headers"),
            Self::BodyTooLarge(limit) => format!("the body is longer than {limit} bytes"),
            Self::BodyBroken => "the body ended early or is not framed as HTTP asks".to_owned(),
            Self::BodyTooSlow => "the body did not arrive within the time limit".to_owned(),
            Self::QueueFull => "too many requests are waiting; try again shortly".to_owned(),
            Self::NoRoom => "too many long answers wait to be taken by their clients; try again shortly".to_owned(),
            Self::NotDurable => {
                "the disk failed; whether a change was kept is not known: look, then try again".to_owned()
            }
            Self::TimedOut => "there was no answer within the time limit".to_owned(),
            Self::Failed => "the request failed; the server's log says why, under this request_id".to_owned(),
            Self::NotAnAdminPath => "this listener answers GET /health and nothing else".to_owned(),
            Self::ReadOnly => "this listener is read-only: use GET or HEAD".to_owned(),
        }
    }

    /// The whole answer, but for the x-request-id header.
    pub(crate) fn answer(self, request_id: &HeaderValue) -> Response<Bytes> {
        let status = self.status();
        let problem = Problem {
            r#type: "about:blank",
            title: status.canonical_reason().unwrap_or_default(),
            status: status.as_u16(),
            detail: self.detail(),
            request_id: request_id.to_str().unwrap_or_default(),
        };
        // A struct of strings and a number always becomes JSON.
        let body = Bytes::from(serde_json::to_vec(&problem).unwrap_or_default());
        let length = HeaderValue::from(body.len());
        let mut response = Response::new(body);
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CONTENT_LENGTH, length);
        match self {
            Self::QueueFull | Self::NoRoom | Self::NotDurable => {
                drop(headers.insert(RETRY_AFTER, HeaderValue::from_static("1")));
            }
            Self::ReadOnly => drop(headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD"))),
            _ => {}
        }
        response
    }
}

/// The members, in the order in which the service writes them.
#[derive(Serialize)]
struct Problem<'a> {
    r#type: &'a str,
    title: &'a str,
    status: u16,
    detail: String,
    request_id: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(refusal: Refusal, expected: &str) {
        let answer = refusal.answer(&HeaderValue::from_static("id-1"));
        assert_eq!(answer.status(), refusal.status());
        assert_eq!(answer.headers()[CONTENT_TYPE], "application/problem+json");
        assert_eq!(answer.headers()[CONTENT_LENGTH], answer.body().len().to_string());
        assert_eq!(String::from_utf8_lossy(answer.body()), expected);
    }

    #[test]
    fn problems_have_the_services_form() {
        check(
            Refusal::BodyTooLarge(131_072),
            r#"{"type":"about:blank","title":"Payload Too Large","status":413,"detail":"the body is longer than 131072 bytes","request_id":"id-1"}"#,
        );
        check(
            Refusal::Failed,
            r#"{"type":"about:blank","title":"Internal Server Error","status":500,"detail":"the request failed; the server's log says why, under this request_id","request_id":"id-1"}"#,
        );
    }

    #[test]
    fn what_may_pass_says_when_to_come_back() {
        let answer = Refusal::QueueFull.answer(&HeaderValue::from_static("id-1"));
        assert_eq!(answer.status(), 503);
        assert_eq!(answer.headers()[RETRY_AFTER], "1");
        assert_eq!(Refusal::NoRoom.answer(&HeaderValue::from_static("id-1")).headers()[RETRY_AFTER], "1");
        assert_eq!(Refusal::NotDurable.answer(&HeaderValue::from_static("id-1")).headers()[RETRY_AFTER], "1");
        assert_eq!(Refusal::ReadOnly.answer(&HeaderValue::from_static("id-1")).headers()[ALLOW], "GET, HEAD");
    }
}
