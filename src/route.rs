//! What a request asks for, parsed once from its method and raw path; after this no raw path travels.
//!
//! The path is split at its slashes before anything is decoded, and never goes through a URL parser, which would
//! resolve dots: so `/%2e%2e` is a user id (a refused one) and `/a%2Fb` is one user. The order of refusals is: user
//! id, path, method, note id, query. `HEAD` is `GET` here; the HTTP server leaves the body out.
//!
//! | path | methods |
//! | --- | --- |
//! | `/` | `GET` |
//! | `/:userId` | `GET`, `POST`, `DELETE` |
//! | `/:userId/:noteId` | `GET`, `PATCH`, `DELETE` |

use http::{Method, Uri};
use ownbase_database::UserId;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::notes::NoteId;
use crate::page::Page;
use crate::problem::Problem;

const SERVICE_METHODS: &str = "GET, HEAD, OPTIONS";
const USER_METHODS: &str = "GET, HEAD, POST, DELETE, OPTIONS";
const NOTE_METHODS: &str = "GET, HEAD, PATCH, DELETE, OPTIONS";

/// A request's path and method, understood.
#[derive(Debug, PartialEq)]
pub(crate) enum Route {
    /// `GET /`: what this service is.
    Service,
    /// `OPTIONS` on any path that exists: which methods it has.
    Options { allow: &'static str },
    /// Something to do in one user's database.
    User { user: UserId, action: Action },
}

/// What to do in a user's database.
#[derive(Debug, PartialEq)]
pub(crate) enum Action {
    /// `GET /:userId`
    List(Page),
    /// `POST /:userId`
    Create,
    /// `DELETE /:userId`
    Erase,
    /// `GET /:userId/:noteId`
    Get(NoteId),
    /// `PATCH /:userId/:noteId`
    Update(NoteId),
    /// `DELETE /:userId/:noteId`
    Delete(NoteId),
}

impl Route {
    /// Parses a request line.
    pub(crate) fn parse(method: &Method, uri: &Uri) -> Result<Self, Problem> {
        let path = uri.path().strip_prefix('/').ok_or(Problem::NoSuchPath)?;
        if path.is_empty() {
            return service(method);
        }
        let (user, note) = match path.split_once('/') {
            Some((user, note)) => (user, Some(note)),
            None => (path, None),
        };
        let user = UserId::parse(user)?;
        match note {
            None => on_user(method, user, uri.query()),
            Some(note) if note.is_empty() || note.contains('/') => Err(Problem::NoSuchPath),
            Some(note) => on_note(method, user, note),
        }
    }
}

fn service(method: &Method) -> Result<Route, Problem> {
    match method {
        &Method::GET | &Method::HEAD => Ok(Route::Service),
        &Method::OPTIONS => Ok(Route::Options { allow: SERVICE_METHODS }),
        _ => Err(Problem::MethodNotAllowed { allow: SERVICE_METHODS }),
    }
}

fn on_user(method: &Method, user: UserId, query: Option<&str>) -> Result<Route, Problem> {
    let action = match method {
        &Method::GET | &Method::HEAD => Action::List(Page::parse(query.unwrap_or_default())?),
        &Method::POST => Action::Create,
        &Method::DELETE => Action::Erase,
        &Method::OPTIONS => return Ok(Route::Options { allow: USER_METHODS }),
        _ => return Err(Problem::MethodNotAllowed { allow: USER_METHODS }),
    };
    Ok(Route::User { user, action })
}

fn on_note(method: &Method, user: UserId, segment: &str) -> Result<Route, Problem> {
    let action = match method {
        &Method::GET | &Method::HEAD => Action::Get,
        &Method::PATCH => Action::Update,
        &Method::DELETE => Action::Delete,
        &Method::OPTIONS => return Ok(Route::Options { allow: NOTE_METHODS }),
        _ => return Err(Problem::MethodNotAllowed { allow: NOTE_METHODS }),
    };
    let note = NoteId::parse(segment).ok_or(Problem::NoSuchNote)?;
    Ok(Route::User { user, action: action(note) })
}

/// RFC 3986's unreserved set stays as it is, every other byte is percent-encoded.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The path `/:userId`, for `Location` and `Link`: ASCII, and read back by [`Route::parse`] to the same user.
pub(crate) fn user_path(user: &UserId) -> String {
    format!("/{}", utf8_percent_encode(user.as_str(), RESERVED))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use http::uri::PathAndQuery;
    use proptest::prelude::*;

    use super::*;

    fn route(method: &str, path: &str) -> Result<Route, Problem> {
        let uri = Uri::from(PathAndQuery::try_from(path).unwrap());
        Route::parse(&method.parse().unwrap(), &uri)
    }

    fn user(segment: &str, action: Action) -> Route {
        Route::User { user: UserId::parse(segment).unwrap(), action }
    }

    #[test]
    fn every_path_and_method_of_the_api_has_its_route() {
        let id = || NoteId::parse("note_jxqegmbonzvdstpy").unwrap();
        let cases = [
            ("GET", "/", Route::Service),
            ("HEAD", "/", Route::Service),
            ("GET", "/john", user("john", Action::List(Page::default()))),
            ("HEAD", "/john", user("john", Action::List(Page::default()))),
            ("GET", "/john?", user("john", Action::List(Page::default()))),
            ("GET", "/john?limit=2", user("john", Action::List(Page { limit: Some(2), cursor: None }))),
            ("POST", "/john", user("john", Action::Create)),
            ("DELETE", "/john", user("john", Action::Erase)),
            ("GET", "/john/note_jxqegmbonzvdstpy", user("john", Action::Get(id()))),
            ("HEAD", "/john/note_jxqegmbonzvdstpy", user("john", Action::Get(id()))),
            ("GET", "/john/note%5Fjxqegmbonzvdstpy", user("john", Action::Get(id()))),
            ("PATCH", "/john/note_jxqegmbonzvdstpy", user("john", Action::Update(id()))),
            ("DELETE", "/john/note_jxqegmbonzvdstpy", user("john", Action::Delete(id()))),
            ("OPTIONS", "/", Route::Options { allow: SERVICE_METHODS }),
            ("OPTIONS", "/john", Route::Options { allow: USER_METHODS }),
            ("OPTIONS", "/john/anything", Route::Options { allow: NOTE_METHODS }),
        ];
        for (method, path, expected) in cases {
            assert_eq!(route(method, path).unwrap(), expected, "{method} {path}");
        }
    }

    #[test]
    fn the_query_counts_for_a_list_alone() {
        assert!(route("GET", "/john?limit=0").is_err());
        assert!(route("POST", "/john?limit=0").is_ok());
        assert!(route("DELETE", "/john/note_jxqegmbonzvdstpy?limit=0").is_ok());
    }

    #[test]
    fn a_slash_in_a_user_id_is_no_separator() {
        assert_eq!(route("POST", "/a%2Fb").unwrap(), user("a%2Fb", Action::Create));
    }

    fn check_refusal(method: &str, path: &str, expected: fn(&Problem) -> bool) {
        let problem = route(method, path).unwrap_err();
        assert!(expected(&problem), "{method} {path}: {problem:?}");
    }

    #[test]
    fn what_is_refused_is_refused_for_the_right_reason() {
        for path in ["//", "//x", "/%2e%2e", "/../etc", "/%zz", "/%zz/note_jxqegmbonzvdstpy", "//a/b/c"] {
            check_refusal("GET", path, |problem| matches!(problem, Problem::UserId(_)));
        }
        for path in ["/john/", "/john/a/b", "/john//", "/john/note_jxqegmbonzvdstpy/"] {
            check_refusal("PUT", path, |problem| matches!(problem, Problem::NoSuchPath));
        }
        check_refusal("OPTIONS", "*", |problem| matches!(problem, Problem::NoSuchPath));
        for (method, path) in [("POST", "/"), ("PUT", "/john"), ("PATCH", "/john"), ("POST", "/john/x"), ("get", "/")] {
            check_refusal(method, path, |problem| matches!(problem, Problem::MethodNotAllowed { .. }));
        }
        for note in ["x", "note_", "note_jxqegmbonzvdstp", "note_jxqegmbonzvdstpyy", "note_JXQEGMBONZVDSTPY", "%ff"] {
            check_refusal("GET", &format!("/john/{note}"), |problem| matches!(problem, Problem::NoSuchNote));
        }
    }

    proptest! {
        #[test]
        fn a_users_path_leads_back_to_the_user(id in "\\PC{1,40}") {
            prop_assume!(id != "." && id != ".." && id.len() <= 128);
            let encoded: String = id.bytes().map(|byte| format!("%{byte:02x}")).collect();
            let known = user(&encoded, Action::Create);
            let Route::User { user, .. } = &known else { unreachable!() };
            let path = user_path(user);
            prop_assert!(path[1..].bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte)));
            prop_assert_eq!(route("POST", &path).unwrap(), known);
        }
    }
}
