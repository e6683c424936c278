//! Who a server is to a client: host and port of RFC 3986, section 3.2, and which of them are this machine.
//!
//! User information is refused, and so is an address of a later version than IPv6. Nothing here allocates but for names
//! that the operator gives.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Host and port of RFC 3986, section 3.2, without user information. The host has its brackets where it has any.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Authority<'a> {
    pub(super) host: &'a str,
    pub(super) port: Option<u16>,
}

impl<'a> Authority<'a> {
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let host_end = match text.strip_prefix('[') {
            Some(_) => text.find(']')? + 1,
            None => text.find(':').unwrap_or(text.len()),
        };
        let (host, rest) = text.split_at(host_end);
        let port = match rest.strip_prefix(':') {
            None if rest.is_empty() => None,
            Some("") => None,
            Some(digits) if digits.bytes().all(|digit| digit.is_ascii_digit()) => Some(digits.parse().ok()?),
            _ => return None,
        };
        is_host(host).then_some(Self { host, port })
    }
}

fn is_host(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[') {
        return address.strip_suffix(']').is_some_and(|address| address.parse::<Ipv6Addr>().is_ok());
    }
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=".contains(&byte);
    !host.is_empty() && host.bytes().all(is_allowed)
}

/// A host's name or address, without a port.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct HostName(String);

impl HostName {
    /// Reads a value of `--host`.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        match Authority::parse(text) {
            Some(Authority { host, port: None }) if !host.contains('*') => Ok(Self(host.to_owned())),
            _ => Err("write a name or an address without scheme and port, as in notes.example or [fd00::1]"),
        }
    }

    /// Whether `host` is this one.
    pub(super) fn is(&self, host: &str) -> bool {
        self.0.eq_ignore_ascii_case(host)
    }
}

/// Whether an address is reached from this machine alone.
pub(crate) fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// Whether a host is this machine wherever its name is looked up (RFC 6761, section 6.3).
pub(super) fn is_loopback_name(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        return address.parse::<Ipv6Addr>().is_ok_and(|address| is_loopback(address.into()));
    }
    if host.ends_with(|last: char| last.is_ascii_digit()) {
        return host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback());
    }
    let labels = host.strip_suffix('.').unwrap_or(host);
    labels.rsplit('.').next().is_some_and(|last| last.eq_ignore_ascii_case("localhost"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_given_without_scheme_and_port() {
        for good in ["notes.example", "192.168.1.5", "[fd00::1]", "localhost"] {
            assert_eq!(HostName::parse(good), Ok(HostName(good.to_owned())));
        }
        for wrong in
            ["", "notes.example:80", "http://notes.example", "notes.example/", "*", "a b", "fd00::1", "*.example"]
        {
            assert!(HostName::parse(wrong).is_err(), "{wrong}");
        }
    }
}
