//! An answer, the rules that hold for every one, and expectations whose failure shows request, expected and got.

use std::fmt::{Display, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::wait::wait_for;

const LOG_DEADLINE: Duration = Duration::from_secs(2);

/// What a server answered, with what is needed to explain it when it is wrong.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    /// The request in short, for messages.
    pub(crate) request: String,
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// The body of an answer to HEAD is not there, though its headers speak of it.
    pub(crate) to_head: bool,
    /// Where the server logs, so that a failure can quote the lines about this request.
    pub(crate) log: Option<Arc<Path>>,
}

impl Answer {
    /// The value of a header that must not be repeated.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    /// The value of a header that must be there.
    pub(crate) fn required(&self, name: &str) -> Result<&str> {
        self.header(name).with_context(|| self.wrong(format_args!("a header {name}")))
    }

    /// This answer, if it has `status`.
    pub(crate) fn must_be(self, status: u16) -> Result<Self> {
        ensure!(self.status == status, self.wrong(format_args!("status {status}")));
        Ok(self)
    }

    /// This answer, if its status is among `statuses`.
    pub(crate) fn must_be_one_of(self, statuses: &[u16]) -> Result<Self> {
        ensure!(statuses.contains(&self.status), self.wrong(format_args!("a status of {statuses:?}")));
        Ok(self)
    }

    /// The body as JSON.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body).map_err(anyhow::Error::from).with_context(|| self.wrong("another body"))
    }

    /// The `detail` of a problem.
    pub(crate) fn detail(&self) -> Result<String> {
        let problem: Map<String, Value> = self.json()?;
        let detail = problem.get("detail").and_then(Value::as_str).map(str::to_owned);
        detail.with_context(|| self.wrong("a problem with a detail"))
    }

    /// The message of a failed expectation.
    pub(crate) fn wrong(&self, expected: impl Display) -> String {
        let mut text = format!("\n  request:  {}\n  expected: {expected}\n  got:      {}", self.request, self.status);
        for (name, value) in &self.headers {
            let _ = write!(text, "\n            {name}: {value}");
        }
        let _ = write!(text, "\n            {}", shortened(&self.body));
        for line in self.logged() {
            let _ = write!(text, "\n  logged:   {line}");
        }
        text
    }

    /// The log's lines about this request, which may be written a little after the answer.
    fn logged(&self) -> Vec<String> {
        let (Some(log), Some(id)) = (&self.log, self.header("x-request-id")) else { return Vec::new() };
        let lines = || {
            let text = std::fs::read_to_string(log)?;
            let lines: Vec<String> = text.lines().filter(|line| line.contains(id)).map(str::to_owned).collect();
            Ok((!lines.is_empty()).then_some(lines))
        };
        wait_for("the log", LOG_DEADLINE, lines).unwrap_or_default()
    }

    /// What api.md promises of every answer, whatever the request.
    pub(crate) fn keeps_the_rules(self) -> Result<Self> {
        for name in
            ["x-request-id", "content-length", "content-type", "location", "etag", "allow", "link", "cache-control"]
        {
            let times = self.headers.iter().filter(|(header, _)| header == name).count();
            ensure!(times <= 1, self.wrong(format_args!("{name} once at most")));
        }
        ensure!(!self.required("x-request-id")?.is_empty(), self.wrong("an x-request-id that is not empty"));
        match (self.status, self.header("content-length")) {
            (204, None) | (304, _) => {}
            (204, Some(_)) => bail!(self.wrong("no content-length on 204")),
            (_, None) => bail!(self.wrong("a content-length")),
            (_, Some(length)) if self.to_head => {
                ensure!(length.parse::<u64>().is_ok(), self.wrong("a content-length that is a number"));
            }
            (_, Some(length)) => {
                ensure!(*length == self.body.len().to_string(), self.wrong("content-length as long as the body"));
            }
        }
        if self.to_head || matches!(self.status, 204 | 304) {
            ensure!(self.body.is_empty(), self.wrong("no body"));
        }
        if self.status >= 400 {
            self.is_a_problem()?;
        } else if !self.body.is_empty() {
            ensure!(self.required("content-type")? == "application/json", self.wrong("content-type application/json"));
        }
        Ok(self)
    }

    /// RFC 9457: the form of every error, which gives away nothing of the inside.
    fn is_a_problem(&self) -> Result<()> {
        let content_type = self.required("content-type")?;
        ensure!(content_type == "application/problem+json", self.wrong("content-type application/problem+json"));
        // A cache may keep a 404 as long as it likes unless it is told otherwise.
        ensure!(self.required("cache-control")? == "private, no-cache", self.wrong("cache-control: private, no-cache"));
        if self.to_head {
            return Ok(());
        }
        let problem: Map<String, Value> = self.json()?;
        let text = |name: &str| problem.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        for name in ["type", "title", "detail"] {
            ensure!(text(name).is_some(), self.wrong(format_args!("a problem with a text as {name}")));
        }
        let status = problem.get("status").and_then(Value::as_u64);
        ensure!(status == Some(u64::from(self.status)), self.wrong("a problem with the answer's own status"));
        let id = self.required("x-request-id")?;
        ensure!(text("request_id") == Some(id), self.wrong("a problem with request_id as in x-request-id"));
        let body = String::from_utf8_lossy(&self.body);
        for inside in ["SQLITE_", "sqlite", "SELECT ", "INSERT ", "UPDATE ", "DELETE FROM", "/tmp/", ".db", "panicked"]
        {
            let quoted = self.request.contains(inside);
            ensure!(quoted || !body.contains(inside), self.wrong(format_args!("nothing of the inside: no {inside:?}")));
        }
        Ok(())
    }
}

/// At most 300 bytes of a body, for messages.
pub(crate) fn shortened(body: &[u8]) -> String {
    match body.get(..300) {
        Some(start) => format!("{}… ({} bytes)", String::from_utf8_lossy(start), body.len()),
        None => String::from_utf8_lossy(body).into_owned(),
    }
}
