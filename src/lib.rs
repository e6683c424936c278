//! The notes service: an SQLite database per user behind a small REST API.
//!
//! The whole service is two functions, pure and synchronous, that every engine calls in this order:
//!
//! 1. [`prepare`] brings the user's database to this build's schema, in a transaction of its own;
//! 2. [`handle`] answers the request.
//!
//! An engine on which every database is in a place of its own asks [`locate`] first where to go.
//!
//! One request reads in files as `route.rs` (what is asked) → `text.rs` (what is sent) → `etag.rs` (on which
//! condition) → `notes.rs` (SQL) → `page.rs` (lists) → `answer.rs` and `json.rs`, or `problem.rs` (what is said). The
//! contract is HTTP (RFC 9110), problems (RFC 9457) and JSON (RFC 8259).
//!
//! Limits: a body of [`MAX_BODY_BYTES`], a text of 65,536 bytes, a page of 1,000 notes, a list with 8 MiB of text.
//!
//! The service opens no file or socket, reads no clock and knows no engine: all of that comes through
//! [`Environment`]. It keeps nothing between requests.
//!
//! # Example
//! ```
//! use std::ops::ControlFlow;
//!
//! use bytes::Bytes;
//! use http::{Request, Response};
//! use ownbase_database::Environment;
//!
//! fn answer(request: &Request<Bytes>, environment: &impl Environment) -> Response<Bytes> {
//!     match notes::prepare(request, environment) {
//!         ControlFlow::Break(answer) => answer,
//!         ControlFlow::Continue(()) => notes::handle(request, environment),
//!     }
//! }
//! ```

mod answer;
mod etag;
mod json;
mod notes;
mod page;
mod problem;
mod route;
#[cfg(target_os = "wasi")]
mod spin;
mod text;

use std::ops::ControlFlow;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use ownbase_database::migration::{self, Access};
use ownbase_database::{Environment, Error, Label, UserId};

pub use problem::Cause;

use etag::Tag;
use problem::Problem;
use route::{Action, Route};

/// The longest request body that is looked into, in bytes. An entry point needs to read one byte more at most and
/// hand over what it has: the answer is then 413.
pub const MAX_BODY_BYTES: usize = 128 * 1024;

/// The header that tells one request from all others, in the log, in every problem and on every answer. It is
/// trusted: an entry point sets it itself, or calls [`identify`].
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

// `MIGRATIONS`, and the module `queries` with a function for each statement of queries/notes.sql.
include!(concat!(env!("OUT_DIR"), "/migrations.rs"));
include!(concat!(env!("OUT_DIR"), "/queries.rs"));

/// The newest migration of this build.
fn schema() -> u32 {
    MIGRATIONS.last().map_or(0, |migration| migration.version)
}

/// Where a request is to be carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The database that the request is about.
    pub label: Label,
    /// Whether it asks for the end of that database: [`handle`] then calls [`Environment::erase`] and nothing else.
    pub erases: bool,
}

/// Says which database `request` is about, without touching any. `Break` carries the answer to what is about none:
/// `GET /`, `OPTIONS`, and whatever is malformed.
pub fn locate(request: &Request<Bytes>) -> ControlFlow<Response<Bytes>, Place> {
    let elsewhere = match parse(request) {
        Ok(Route::User { user, action }) => {
            return ControlFlow::Continue(Place { label: Label::from(&user), erases: action == Action::Erase });
        }
        Ok(Route::Service) => answer::service(schema()),
        Ok(Route::Options { allow }) => Ok(answer::options(allow)),
        Err(problem) => Err(problem),
    };
    ControlFlow::Break(finish(elsewhere, request))
}

/// Brings the database that `request` is about to this build's schema, and makes it if the request is a valid `POST`.
///
/// `Break` carries the answer where the request goes no further: what it asks is malformed, or its database is not
/// one that this build can work with. A database that this environment has checked before costs no query.
pub fn prepare<E: Environment>(request: &Request<Bytes>, environment: &E) -> ControlFlow<Response<Bytes>> {
    match ready(request, environment) {
        Ok(()) => ControlFlow::Continue(()),
        Err(problem) => ControlFlow::Break(problem.response(request.headers())),
    }
}

/// Answers `request`. To be called after [`prepare`] has let it pass.
///
/// A `HEAD` is answered as the `GET` would be, body included: the HTTP server drops the body. Where an answer is the
/// fault of a database, its [`Cause`] is in the response's extensions, for the log.
pub fn handle<E: Environment>(request: &Request<Bytes>, environment: &E) -> Response<Bytes> {
    finish(respond(request, environment), request)
}

/// Why there is no answer of the service's, or none that may be sent.
#[derive(Debug)]
pub enum Failure {
    /// What came is no whole request of HTTP; in which respect, for the client to see.
    Malformed(String),
    /// Whoever asks may not; why, for the client to see.
    Forbidden(String),
    /// The body came in a transfer coding beside `chunked`, and nobody has decoded it.
    TransferCoding,
    /// The engine failed outside of [`prepare`] and [`handle`]: at a commit, or before it reached the database.
    Engine(Error),
}

/// The answer in place of the service's, to the request with these headers.
pub fn failed(failure: Failure, request: &HeaderMap) -> Response<Bytes> {
    let problem = match failure {
        Failure::Malformed(why) => Problem::Malformed(why),
        Failure::Forbidden(why) => Problem::Forbidden(why),
        Failure::TransferCoding => Problem::TransferCoding,
        Failure::Engine(error) => Problem::Database(error),
    };
    problem.response(request)
}

/// Gives `request` a new `x-request-id`, 128 random bits in hex, in place of any that the client sent: for an entry
/// point whose server has not done so.
pub fn identify(request: &mut Request<Bytes>, environment: &impl Environment) {
    let mut bytes = [0; 16];
    environment.random(&mut bytes);
    let id = format!("{:032x}", u128::from_be_bytes(bytes));
    if let Ok(id) = HeaderValue::try_from(id) {
        request.headers_mut().insert(REQUEST_ID, id);
    }
}

fn finish(answer: Result<Response<Bytes>, Problem>, request: &Request<Bytes>) -> Response<Bytes> {
    match answer {
        Ok(response) => answer::with_request_id(response, request.headers()),
        Err(problem) => problem.response(request.headers()),
    }
}

fn ready<E: Environment>(request: &Request<Bytes>, environment: &E) -> Result<(), Problem> {
    let Route::User { user, action } = parse(request)? else { return Ok(()) };
    let label = Label::from(&user);
    // Asked here too, so that the body of a warm POST is parsed once only.
    if environment.checked().contains(&label) {
        return Ok(());
    }
    let access = match action {
        Action::Create => {
            text::parse(request)?;
            Access::Create
        }
        // An erase needs no schema, but must not touch a database that belongs to a newer build.
        Action::Erase => Access::Inspect,
        Action::List(_) | Action::Get(_) | Action::Update(_) | Action::Delete(_) => Access::Open,
    };
    match migration::ready(environment, &label, MIGRATIONS, access) {
        // Whatever cannot be read belongs to no newer build, and an erase needs to read nothing.
        Err(Error::Damaged { .. } | Error::Full | Error::Failed { .. }) if action == Action::Erase => Ok(()),
        ready => Ok(ready.map(drop)?),
    }
}

fn parse(request: &Request<Bytes>) -> Result<Route, Problem> {
    let route = Route::parse(request.method(), request.uri())?;
    if request.body().len() > MAX_BODY_BYTES { Err(Problem::BodyTooLong) } else { Ok(route) }
}

fn respond<E: Environment>(request: &Request<Bytes>, environment: &E) -> Result<Response<Bytes>, Problem> {
    match parse(request)? {
        Route::Service => answer::service(schema()),
        Route::Options { allow } => Ok(answer::options(allow)),
        Route::User { user, action } => act(&user, action, request, environment).map(answer::private),
    }
}

fn act<E: Environment>(
    user: &UserId,
    action: Action,
    request: &Request<Bytes>,
    environment: &E,
) -> Result<Response<Bytes>, Problem> {
    let headers = request.headers();
    let label = Label::from(user);
    match action {
        Action::Create => {
            let text = text::parse(request)?;
            answer::created(&notes::create(environment, &label, text)?, user)
        }
        Action::Erase => {
            environment.erase(&label)?;
            Ok(answer::erased())
        }
        Action::List(page) => answer::list(page::read(&environment.open(&label)?, page)?, page, user),
        Action::Get(id) => {
            let note = notes::get(&environment.open(&label)?, &id)?.ok_or(Problem::NoSuchNote)?;
            let tag = Tag::of(&note);
            if tag.is_known(headers) { answer::not_modified(&tag) } else { answer::tagged(&note, &tag) }
        }
        Action::Update(id) => {
            let text = text::parse(request)?;
            let (database, now) = (environment.open(&label)?, environment.now());
            let update = |unchanged_since| notes::update(&database, &id, &text, now, unchanged_since);
            Ok(answer::note(&etag::change(&database, &id, headers, update)?))
        }
        Action::Delete(id) => {
            let database = environment.open(&label)?;
            let delete = |unchanged_since| notes::delete(&database, &id, unchanged_since);
            Ok(answer::note(&etag::change(&database, &id, headers, delete)?))
        }
    }
}
