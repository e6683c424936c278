//! How well-formed requests travel: over HTTP/1.1, or over HTTP/2 without TLS to a server that is known to speak it.
//!
//! A run of the suite chooses by `OWNBASE_HTTP`. Over HTTP/2 the cases run that share one server; what is asked of a
//! process of its own is the same behind either, and is asked over HTTP/1.1.

use std::env;
use std::time::Duration;

use anyhow::{Result, bail};
use http::{Response, request};

mod http1;
mod http2;

/// No request of the suite may take longer, however busy the machine.
const DEADLINE: Duration = Duration::from_secs(30);
/// Below the time after which a server closes a connection on which it hears nothing.
const MAX_IDLE_AGE: Duration = Duration::from_secs(2);
/// Above the 8 MiB of text that a list may carry, escapes and frames included.
const LONGEST_BODY_BYTES: u64 = 32 << 20;

/// A version of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http1,
    Http2,
}

impl Protocol {
    /// `OWNBASE_HTTP`, `1.1` or `2`; the former if it is not set.
    pub(crate) fn from_environment() -> Result<Self> {
        match env::var("OWNBASE_HTTP").as_deref() {
            Err(env::VarError::NotPresent) | Ok("1.1") => Ok(Self::Http1),
            Ok("2") => Ok(Self::Http2),
            _ => bail!("OWNBASE_HTTP must be 1.1 or 2"),
        }
    }
}

/// A client of one version, with connections of its own. Clones share them.
#[derive(Debug, Clone)]
pub(super) enum Transport {
    Http1(http1::Agent),
    Http2(Box<http2::Agent>),
}

impl Transport {
    pub(super) fn new(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Http1 => Self::Http1(http1::agent()),
            Protocol::Http2 => Self::Http2(Box::new(http2::agent())),
        }
    }

    /// Sends a request and reads the answer whole.
    pub(super) fn send(&self, request: request::Builder, body: Option<&[u8]>) -> Result<Response<Vec<u8>>> {
        match self {
            Self::Http1(agent) => http1::send(agent, request, body),
            Self::Http2(agent) => http2::send(agent, request, body),
        }
    }
}
