//! What each success looks like in HTTP, and what all answers have in common.
//!
//! Every answer but 204 and 304 has a `content-length` and a type; every answer carries the request's `x-request-id`. What
//! concerns one user is for that user's own cache alone, which asks again each time (RFC 9111, section 5.2.2).
//! What errors look like is `problem.rs`'s.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use ownbase_database::UserId;
use serde::Serialize;

use crate::REQUEST_ID;
use crate::etag::Tag;
use crate::json::{self, NOTE_BYTES};
use crate::notes::Note;
use crate::page::{List, Page};
use crate::problem::Problem;
use crate::route::user_path;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-cache");

/// 200 to `GET /`.
pub(crate) fn service(schema: u32) -> Result<Response<Bytes>, Problem> {
    #[derive(Serialize)]
    struct Service {
        service: &'static str,
        version: &'static str,
        schema: u32,
    }
    let service = Service { service: "ownbase", version: env!("CARGO_PKG_VERSION"), schema };
    let body = serde_json::to_vec(&service).map_err(Problem::internal)?;
    Ok(full(StatusCode::OK, JSON, body))
}

/// 204 to `OPTIONS`.
pub(crate) fn options(allow: &'static str) -> Response<Bytes> {
    with(empty(StatusCode::NO_CONTENT), header::ALLOW, HeaderValue::from_static(allow))
}

/// 204 to the end of a user's database.
pub(crate) fn erased() -> Response<Bytes> {
    empty(StatusCode::NO_CONTENT)
}

/// 200 with a page of notes, and a link to the next page if there is one.
pub(crate) fn list(list: List, page: Page, user: &UserId) -> Result<Response<Bytes>, Problem> {
    let response = full(StatusCode::OK, JSON, list.json);
    let Some(cursor) = list.next else { return Ok(response) };
    let limit = page.limit.map_or_else(String::new, |limit| format!("limit={limit}&"));
    let link = format!("<{}?{limit}cursor={cursor}>; rel=\"next\"", user_path(user));
    Ok(with(response, header::LINK, HeaderValue::try_from(link).map_err(Problem::internal)?))
}

/// 201 with a new note, and where it is.
pub(crate) fn created(note: &Note, user: &UserId) -> Result<Response<Bytes>, Problem> {
    let location = format!("{}/{}", user_path(user), note.id);
    let response = full(StatusCode::CREATED, JSON, note_body(note));
    Ok(with(response, header::LOCATION, HeaderValue::try_from(location).map_err(Problem::internal)?))
}

/// 200 with a note.
pub(crate) fn note(note: &Note) -> Response<Bytes> {
    full(StatusCode::OK, JSON, note_body(note))
}

/// 200 with a note and its tag.
pub(crate) fn tagged(note: &Note, tag: &Tag) -> Result<Response<Bytes>, Problem> {
    Ok(with(self::note(note), header::ETAG, tag.value()?))
}

/// 304: the client has the note with this tag.
pub(crate) fn not_modified(tag: &Tag) -> Result<Response<Bytes>, Problem> {
    Ok(with(empty(StatusCode::NOT_MODIFIED), header::ETAG, tag.value()?))
}

/// `response`, for no cache that several people share.
pub(crate) fn private(response: Response<Bytes>) -> Response<Bytes> {
    with(response, header::CACHE_CONTROL, PRIVATE)
}

/// `response` with the `x-request-id` that the request had, if it had one.
pub(crate) fn with_request_id(response: Response<Bytes>, request: &HeaderMap) -> Response<Bytes> {
    match request.get(REQUEST_ID) {
        Some(id) => with(response, REQUEST_ID, id.clone()),
        None => response,
    }
}

fn note_body(note: &Note) -> Vec<u8> {
    let mut body = Vec::with_capacity(note.text.len() + NOTE_BYTES + 9);
    body.extend_from_slice(br#"{"note":"#);
    json::push_note(&mut body, note);
    body.push(b'}');
    body
}

/// An answer with a body.
pub(crate) fn full(status: StatusCode, media_type: HeaderValue, body: Vec<u8>) -> Response<Bytes> {
    let length = HeaderValue::from(body.len());
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    with(with(response, header::CONTENT_TYPE, media_type), header::CONTENT_LENGTH, length)
}

/// An answer that HTTP gives neither body nor length.
fn empty(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::default();
    *response.status_mut() = status;
    response
}

/// `response` with one header more.
pub(crate) fn with(mut response: Response<Bytes>, name: HeaderName, value: HeaderValue) -> Response<Bytes> {
    response.headers_mut().insert(name, value);
    response
}
