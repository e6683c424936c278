//! What a request's head must say before anything else looks at the request.
//!
//! - A request of HTTP/1.1 has one Host, and any Host is well formed (RFC 9112, section 3.2). HTTP/1.0 and HTTP/2 may leave
//!   the Host out. The authority of an absolute target counts in the Host's place, and so does `:authority` (`http2.rs`).
//! - A body's only transfer coding is `chunked`. hyper refuses by itself what does not end with it, with 400.
//! - Against DNS rebinding a server on loopback answers to loopback names and to names from `--host`. Without authentication
//!   a web page whose name leads here could otherwise read every user.
//! - Against web pages elsewhere a request that may change something is refused where its Origin is not its Host. Schemes
//!   are not compared: a proxy may speak TLS for this server.
//!
//! Nothing here allocates. How long a head may be is hyper's to say (`connection.rs`).

use super::authority::{Authority, HostName, is_loopback, is_loopback_name};
use crate::problem::Refusal;
use http::header::{HOST, HeaderValue, ORIGIN, TRANSFER_ENCODING};
use http::{Method, Request, Version};
use std::net::IpAddr;

/// The names to which a server answers.
#[derive(Debug)]
pub(crate) enum Hosts {
    /// Any name.
    Any,
    /// Loopback names and addresses, and these.
    LoopbackAnd(Vec<HostName>),
}

impl Hosts {
    /// Of a server that listens on `address`. Whoever names hosts wants no others; one that can be reached from elsewhere
    /// cannot know its names.
    pub(crate) fn of(address: IpAddr, named: &[HostName]) -> Self {
        if is_loopback(address) || !named.is_empty() { Self::LoopbackAnd(named.to_vec()) } else { Self::Any }
    }

    fn include(&self, host: &str) -> bool {
        match self {
            Self::Any => true,
            Self::LoopbackAnd(named) => is_loopback_name(host) || named.iter().any(|name| name.is(host)),
        }
    }
}

/// Checks a head, of which HTTP/2's authority has become the Host.
pub(crate) fn check<B>(request: &Request<B>, hosts: &Hosts) -> Result<(), Refusal> {
    let headers = request.headers();
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    if codings.next().is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"chunked"))
        || codings.next().is_some()
    {
        return Err(Refusal::TransferCoding);
    }
    let server = server(request)?;
    if server.is_some_and(|server| !hosts.include(server.host)) {
        return Err(Refusal::ForeignHost);
    }
    let is_safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if !is_safe && headers.get_all(ORIGIN).iter().any(|origin| !is_same(origin, server)) {
        return Err(Refusal::ForeignOrigin);
    }
    Ok(())
}

/// The server that the client means, if the client says so.
fn server<B>(request: &Request<B>) -> Result<Option<Authority<'_>>, Refusal> {
    let mut hosts = request.headers().get_all(HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => Some(host.to_str().ok().and_then(Authority::parse).ok_or(Refusal::Host)?),
        (None, _) if request.version() != Version::HTTP_11 => None,
        _ => return Err(Refusal::Host),
    };
    match request.uri().authority() {
        Some(target) => Authority::parse(target.as_str()).map(Some).ok_or(Refusal::Host),
        None => Ok(host),
    }
}

/// Whether an Origin is of the server that the request is for; `null` is of none.
fn is_same(origin: &HeaderValue, server: Option<Authority<'_>>) -> bool {
    let (Ok(origin), Some(server)) = (origin.to_str(), server) else { return false };
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let default_port = match scheme {
        "http" => 80,
        "https" => 443,
        _ => return false,
    };
    Authority::parse(authority).is_some_and(|origin| {
        origin.host.eq_ignore_ascii_case(server.host)
            && origin.port.unwrap_or(default_port) == server.port.unwrap_or(default_port)
    })
}

#[cfg(test)]
mod tests;
