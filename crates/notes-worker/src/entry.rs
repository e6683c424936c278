//! The checks that a request passes while there is no authentication. Clients of this machine alone are answered, unless
//! the operator lets anybody in. A web page of another server may change nothing. A body in a transfer coding other than
//! `chunked` is refused, since workerd does not decode it.
//!
//! The Host decides: Cloudflare finds the Worker by the Host. On workerd a client may write any Host, and the address that
//! workerd listens on keeps other machines out. An Origin is compared by host and port, not by scheme.

use std::net::{IpAddr, Ipv6Addr};

use bytes::Bytes;
use http::uri::{Authority, Scheme, Uri};
use http::{HeaderValue, Method, Request, header};
use notes::Failure;

/// Why the request goes no further, if it does not.
pub(crate) fn refusal(request: &Request<Bytes>, lets_anybody_in: bool) -> Option<Failure> {
    let host = request.headers().get(header::HOST).and_then(|host| Authority::try_from(host.as_bytes()).ok());
    if !lets_anybody_in && !host.as_ref().is_some_and(is_loopback) {
        let why = "there is no authentication: whoever can connect can read and erase every user; a Worker whose variable \
                   INSECURE_NO_AUTH is set serves all the same";
        return Some(Failure::Forbidden(why.to_owned()));
    }
    let is_safe = [Method::GET, Method::HEAD, Method::OPTIONS].contains(request.method());
    let mut origins = request.headers().get_all(header::ORIGIN).iter();
    if !is_safe && !origins.all(|origin| host.as_ref().is_some_and(|host| is_of(origin, host))) {
        let why = "a web page may change something on its own server only: the Origin is not the Host";
        return Some(Failure::Forbidden(why.to_owned()));
    }
    // workerd makes one header of several.
    let coding = request.headers().get(header::TRANSFER_ENCODING);
    let is_offered = coding.is_none_or(|coding| coding.as_bytes().eq_ignore_ascii_case(b"chunked"));
    (!is_offered).then_some(Failure::TransferCoding)
}

/// Whether the host is the machine that asks.
fn is_loopback(host: &Authority) -> bool {
    let host = host.host();
    let address = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<Ipv6Addr>().map(IpAddr::from),
        None => host.parse(),
    };
    let labels = host.strip_suffix('.').unwrap_or(host);
    match address {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => labels.rsplit('.').next().is_some_and(|last| last.eq_ignore_ascii_case("localhost")),
    }
}

/// Whether an Origin is of the server with this host; `null` is of none.
fn is_of(origin: &HeaderValue, host: &Authority) -> bool {
    let Ok(origin) = Uri::try_from(origin.as_bytes()) else { return false };
    let (Some(scheme), Some(authority)) = (origin.scheme(), origin.authority()) else { return false };
    let default_port = if *scheme == Scheme::HTTPS { 443 } else { 80 };
    authority.host().eq_ignore_ascii_case(host.host())
        && authority.port_u16().unwrap_or(default_port) == host.port_u16().unwrap_or(default_port)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_refused(method: &str, host: &str, origin: Option<&str>, lets_anybody_in: bool) -> bool {
        let request = Request::builder().method(method).uri("/john").header("host", host);
        let request = origin.into_iter().fold(request, |request, origin| request.header("origin", origin));
        request.body(Bytes::new()).is_ok_and(|request| refusal(&request, lets_anybody_in).is_some())
    }

    #[test]
    fn others_are_let_in_by_the_operator_alone() {
        for own in
            ["127.0.0.1:3000", "localhost", "LocalHost:1", "notes.localhost", "localhost.", "[::1]:80", "127.9.9.9"]
        {
            assert!(!is_refused("GET", own, None, false), "{own}");
        }
        for other in
            ["notes.example", "localhost.evil.example", "evillocalhost", "192.168.1.5", "[::]", "127.0.0.1.nip.io"]
        {
            assert!(is_refused("GET", other, None, false), "{other}");
            assert!(!is_refused("GET", other, None, true), "{other}");
        }
    }

    #[test]
    fn chunked_is_the_only_transfer_coding() {
        let is_refused = |coding: &str| {
            let request = Request::post("/john").header("host", "localhost").header("transfer-encoding", coding);
            request.body(Bytes::new()).is_ok_and(|request| refusal(&request, false).is_some())
        };
        assert!(!is_refused("chunked") && !is_refused("Chunked"));
        for coding in ["gzip, chunked", "chunked, chunked", ",chunked", "gzip", ""] {
            assert!(is_refused(coding), "{coding}");
        }
    }

    #[test]
    fn pages_from_elsewhere_change_nothing() {
        for (host, origin) in [
            ("127.0.0.1:3000", "http://127.0.0.1:3000"),
            ("localhost", "http://localhost"),
            ("notes.example", "https://notes.example"),
            ("notes.example:443", "https://Notes.example"),
        ] {
            assert!(!is_refused("POST", host, Some(origin), true), "{origin}");
        }
        for foreign in
            ["null", "", "http://evil.example", "http://127.0.0.1", "http://127.0.0.1:3001", "https://127.0.0.1"]
        {
            for method in ["POST", "PATCH", "DELETE", "PUT"] {
                assert!(is_refused(method, "127.0.0.1:3000", Some(foreign), false), "{method} {foreign}");
            }
            assert!(!is_refused("GET", "127.0.0.1:3000", Some(foreign), false), "{foreign}");
        }
    }
}
