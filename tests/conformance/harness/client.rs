//! The client for well-formed requests: connections kept alive, a deadline on each request, every answer checked.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};

use super::answer::Answer;
use super::note::{Note, Page, note_of, page_of};
use super::request::Request;
use super::transport::{Protocol, Transport};

/// One client with connections of its own. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    authority: String,
    transport: Transport,
    log: Option<Arc<Path>>,
}

impl Client {
    pub(crate) fn new(authority: &str, protocol: Protocol, log: Option<Arc<Path>>) -> Self {
        Self { authority: authority.to_owned(), transport: Transport::new(protocol), log }
    }

    /// Sends a request and checks what holds for every answer.
    pub(crate) fn send(&self, request: &Request) -> Result<Answer> {
        let mut builder = http::Request::builder()
            .method(request.method.as_str())
            .uri(format!("http://{}{}", self.authority, request.path));
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        let answer = self.transport.send(builder, request.body.as_deref());
        let (head, body) = answer.with_context(|| request.to_string())?.into_parts();
        let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let answer = Answer {
            request: request.to_string(),
            status: head.status.as_u16(),
            headers: head.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect(),
            body,
            to_head: request.method == "HEAD",
            log: self.log.clone(),
        };
        answer.keeps_the_rules()
    }

    pub(crate) fn get(&self, path: &str) -> Result<Answer> {
        self.send(&Request::new("GET", path))
    }

    pub(crate) fn delete(&self, path: &str) -> Result<Answer> {
        self.send(&Request::new("DELETE", path))
    }

    pub(crate) fn post(&self, path: &str, text: &str) -> Result<Answer> {
        self.send(&Request::new("POST", path).text(text))
    }

    pub(crate) fn patch(&self, path: &str, text: &str) -> Result<Answer> {
        self.send(&Request::new("PATCH", path).text(text))
    }

    /// Makes a note and takes it from the 201.
    pub(crate) fn make(&self, user: &str, text: &str) -> Result<Note> {
        note_of(&self.post(user, text)?.must_be(201)?)
    }

    /// The list or page at `path`.
    pub(crate) fn page(&self, path: &str) -> Result<Page> {
        page_of(&self.get(path)?.must_be(200)?)
    }

    /// All notes of a user who has fewer than fill one answer.
    pub(crate) fn notes(&self, user: &str) -> Result<Vec<Note>> {
        Ok(self.page(user)?.notes)
    }

    /// The current entity tag of a note.
    pub(crate) fn tag(&self, note: &str) -> Result<String> {
        Ok(self.get(note)?.must_be(200)?.required("etag")?.to_owned())
    }
}
