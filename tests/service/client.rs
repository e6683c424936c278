//! A client without HTTP: sends requests into the service as an engine does, and checks on every single answer what
//! the contract says of all answers.

use std::ops::ControlFlow;

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{Method, Request, Response, Uri};
use serde_json::{Value, json};

use crate::world::World;

pub(crate) struct Answer {
    pub(crate) response: Response<Bytes>,
    /// The body; null where there is none. Parsed once, as some bodies are long.
    json: Value,
}

impl Answer {
    pub(crate) fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn body(&self) -> &Bytes {
        self.response.body()
    }

    pub(crate) fn json(&self) -> &Value {
        &self.json
    }

    /// The `note` of an answer that has one.
    pub(crate) fn note(&self) -> Value {
        self.json["note"].clone()
    }

    /// The texts of a list.
    pub(crate) fn texts(&self) -> Vec<String> {
        self.json["notes"].as_array().unwrap().iter().map(|note| note["text"].as_str().unwrap().to_owned()).collect()
    }

    pub(crate) fn detail(&self) -> String {
        self.json["detail"].as_str().unwrap().to_owned()
    }
}

impl World {
    pub(crate) fn send(&self, request: Request<Bytes>) -> Answer {
        let response = match notes::prepare(&request, self) {
            ControlFlow::Break(answer) => answer,
            ControlFlow::Continue(()) => notes::handle(&request, self),
        };
        let json = check_every_answer(&request, &response);
        Answer { response, json }
    }

    /// One answer to each kind of request that reads or writes a user's database; the last request erases it.
    pub(crate) fn ask_everything(&self, user: &str, note: &str) -> [Answer; 6] {
        [
            self.get(user),
            self.get(note),
            self.post(user, "b"),
            self.patch(note, "b"),
            self.delete(note),
            self.delete(user),
        ]
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send(request("GET", path, ""))
    }

    pub(crate) fn delete(&self, path: &str) -> Answer {
        self.send(request("DELETE", path, ""))
    }

    pub(crate) fn post(&self, path: &str, text: &str) -> Answer {
        self.send(request("POST", path, json!({ "text": text }).to_string()))
    }

    pub(crate) fn patch(&self, path: &str, text: &str) -> Answer {
        self.send(request("PATCH", path, json!({ "text": text }).to_string()))
    }

    /// Creates a note and returns its path.
    pub(crate) fn create(&self, user: &str, text: &str) -> String {
        let answer = self.post(user, text);
        assert_eq!(answer.status(), 201, "{:?}", answer.response.extensions().get::<notes::Cause>());
        answer.header("location").unwrap().to_owned()
    }
}

/// A request with a raw path, as a server hands it over.
pub(crate) fn request(method: &str, path: &str, body: impl Into<Bytes>) -> Request<Bytes> {
    let mut request = Request::new(body.into());
    *request.method_mut() = Method::from_bytes(method.as_bytes()).unwrap();
    *request.uri_mut() = Uri::from(PathAndQuery::try_from(path).unwrap());
    with_header(request, "x-request-id", "id of this request")
}

pub(crate) fn with_header(mut request: Request<Bytes>, name: &'static str, value: &str) -> Request<Bytes> {
    request.headers_mut().append(name, value.parse().unwrap());
    request
}

/// What holds for every answer to every request. Returns the body.
fn check_every_answer(request: &Request<Bytes>, response: &Response<Bytes>) -> Value {
    let headers = response.headers();
    let status = response.status().as_u16();
    let body = response.body();
    assert_eq!(headers.get("x-request-id"), request.headers().get("x-request-id"));
    assert!(headers.values().all(|value| value.to_str().is_ok() || Some(value) == headers.get("x-request-id")));

    assert_eq!(headers.contains_key("allow"), status == 405 || request.method() == Method::OPTIONS && status == 204);
    assert_eq!(headers.contains_key("location"), status == 201);
    if status == 204 || status == 304 {
        assert!(body.is_empty() && !headers.contains_key("content-length") && !headers.contains_key("content-type"));
        Value::Null
    } else {
        assert_eq!(headers["content-length"], body.len().to_string());
        let json: Value = serde_json::from_slice(body).expect("every body is JSON");
        if status < 400 {
            assert_eq!(headers["content-type"], "application/json");
        } else {
            check_problem(request, response, &json);
        }
        json
    }
}

fn check_problem(request: &Request<Bytes>, response: &Response<Bytes>, problem: &Value) {
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    assert_eq!(problem["type"], "about:blank");
    assert_eq!(problem["title"], response.status().canonical_reason().unwrap());
    assert_eq!(problem["status"], response.status().as_u16());
    assert!(!problem["detail"].as_str().unwrap().is_empty());
    let id = request.headers().get("x-request-id").and_then(|id| id.to_str().ok());
    assert_eq!(problem.get("request_id").and_then(Value::as_str), id);
}
