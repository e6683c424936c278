//! A request to be sent by either client, and how it is named in messages.

use super::answer::shortened;

/// Method, path with query, headers and body; `Host` and the body's length are the client's to add.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<Vec<u8>>,
}

impl Request {
    pub(crate) fn new(method: &str, path: &str) -> Self {
        Self { method: method.to_owned(), path: path.to_owned(), headers: Vec::new(), body: None }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// A JSON body with this text, and its media type.
    pub(crate) fn text(self, text: &str) -> Self {
        self.header("content-type", "application/json").body(text_body(text))
    }
}

/// `{"text": …}` as bytes.
pub(crate) fn text_body(text: &str) -> Vec<u8> {
    serde_json::json!({ "text": text }).to_string().into_bytes()
}

impl std::fmt::Display for Request {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} {}", self.method, shortened(self.path.as_bytes()))?;
        for (name, value) in &self.headers {
            write!(formatter, " [{name}: {}]", shortened(value.as_bytes()))?;
        }
        match &self.body {
            Some(body) => write!(formatter, " {}", shortened(body)),
            None => Ok(()),
        }
    }
}
