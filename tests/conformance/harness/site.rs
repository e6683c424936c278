//! A server as its users see it: an address, clients, and user ids that nobody has used before.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::client::Client;
use super::raw::Connection;
use super::transport::Protocol;

/// RFC 3986: every byte outside the unreserved set is percent-encoded.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Where a server answers. Started by the suite or by somebody else.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    authority: String,
    protocol: Protocol,
    log: Option<Arc<Path>>,
}

impl Site {
    /// A server of the suite, which logs into a file.
    pub(crate) fn of_server(authority: &str, log: &Path) -> Self {
        Self { authority: authority.to_owned(), protocol: Protocol::Http1, log: Some(log.into()) }
    }

    /// Somebody's server, from `http://host:port`.
    pub(crate) fn from_url(url: &str) -> Result<Self> {
        let authority = url.strip_prefix("http://").context("OWNBASE_URL must begin with http://")?;
        let authority = authority.trim_end_matches('/');
        ensure!(!authority.contains('/') && authority.contains(':'), "OWNBASE_URL must be http://host:port");
        Ok(Self { authority: authority.to_owned(), protocol: Protocol::Http1, log: None })
    }

    /// The same server, to be asked over another version of HTTP.
    pub(crate) fn over(self, protocol: Protocol) -> Self {
        Self { protocol, ..self }
    }

    /// Host and port.
    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    /// A client with connections of its own.
    pub(crate) fn client(&self) -> Client {
        Client::new(&self.authority, self.protocol, self.log.clone())
    }

    /// A connection to send bytes of HTTP/1.1 on. Cases that share a server and need one are [`Run::Http1`].
    ///
    /// [`Run::Http1`]: super::case::Run::Http1
    pub(crate) fn connect(&self) -> Result<Connection> {
        ensure!(self.protocol == Protocol::Http1, "a case that speaks HTTP/1.1 itself is listed as one of Http");
        Connection::open(&self.authority, self.log.clone())
    }
}

/// A user id that no case and no earlier run has used: letters, digits and `-`, at most 60 bytes.
pub(crate) fn fresh_user(hint: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    static RUN: std::sync::LazyLock<u128> = std::sync::LazyLock::new(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        now.as_micros() ^ (u128::from(std::process::id()) << 64)
    });
    format!("{hint}-{:x}-{}", *RUN, COUNT.fetch_add(1, Ordering::Relaxed))
}

/// A fresh user's path: `/hint-…`.
pub(crate) fn fresh_path(hint: &str) -> String {
    path_of(&fresh_user(hint))
}

/// The path of a user id in the form that `Location` and `Link` use.
pub(crate) fn path_of(user: &str) -> String {
    format!("/{}", utf8_percent_encode(user, RESERVED))
}
