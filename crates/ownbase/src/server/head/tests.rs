//! Which heads are refused, and for which reason.

#![allow(clippy::unwrap_used)]
use super::*;

fn loopback_and(named: &[&str]) -> Hosts {
    Hosts::LoopbackAnd(named.iter().map(|name| HostName::parse(name).unwrap()).collect())
}

/// What becomes of a request, given as its first line and its headers.
fn checked(line: &str, headers: &[(&str, &str)], hosts: &Hosts) -> Result<(), Refusal> {
    let [method, target, version] = line.split(' ').collect::<Vec<_>>().try_into().unwrap();
    let version = match version {
        "HTTP/1.0" => Version::HTTP_10,
        "HTTP/2" => Version::HTTP_2,
        _ => Version::HTTP_11,
    };
    let mut request = Request::builder().method(method).uri(target).version(version);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    check(&request.body(()).unwrap(), hosts)
}

fn with_host(host: &str) -> Result<(), Refusal> {
    checked("GET / HTTP/1.1", &[("host", host)], &loopback_and(&["Notes.example", "192.168.1.5", "[fd00::1]"]))
}

#[test]
fn one_well_formed_host_is_asked_for() {
    let hosts = loopback_and(&[]);
    assert_eq!(checked("GET / HTTP/1.1", &[], &hosts), Err(Refusal::Host));
    assert_eq!(checked("GET / HTTP/1.1", &[("host", "localhost"), ("host", "localhost")], &hosts), Err(Refusal::Host));
    for version in ["HTTP/1.0", "HTTP/2"] {
        assert_eq!(checked(&format!("GET / {version}"), &[], &hosts), Ok(()));
        let two = [("host", "localhost"), ("host", "localhost")];
        assert_eq!(checked(&format!("GET / {version}"), &two, &hosts), Err(Refusal::Host));
    }
    for wrong in [
        "",
        ":80",
        "a b",
        "a/b",
        "a?b",
        "a#b",
        "a@b",
        "user@localhost",
        "http://localhost",
        "localhost:x",
        "localhost:80:80",
        "localhost:-1",
        "localhost:65536",
        "[::1",
        "::1",
        "[::1]x",
        "[localhost]",
        "[]",
        "a,b c",
        "\u{e9}",
        "a\\b",
        "a\tb",
    ] {
        assert_eq!(with_host(wrong), Err(Refusal::Host), "{wrong:?}");
    }
}

#[test]
fn loopback_and_what_is_named_is_answered() {
    for good in [
        "localhost",
        "LOCALHOST:3000",
        "localhost:",
        "localhost.",
        "notes.localhost:1",
        "127.0.0.1",
        "127.0.0.1:3000",
        "127.255.0.9",
        "[::1]",
        "[::1]:3000",
        "[::ffff:127.0.0.1]",
        "notes.example",
        "NOTES.example:443",
        "192.168.1.5:80",
        "[fd00::1]:3000",
    ] {
        assert_eq!(with_host(good), Ok(()), "{good}");
    }
    for foreign in [
        "evil.example",
        "evil.example:3000",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "evillocalhost",
        ".evil",
        "0.0.0.0:3000",
        "192.168.1.6",
        "[::]:3000",
        "[fd00::2]",
        "128.0.0.1",
        "127.1",
        "2130706433",
        "a.notes.example",
        "t",
    ] {
        assert_eq!(with_host(foreign), Err(Refusal::ForeignHost), "{foreign}");
    }
}

#[test]
fn an_absolute_target_counts_in_the_hosts_place() {
    let hosts = loopback_and(&[]);
    let (own, foreign) = ([("host", "localhost")], [("host", "evil.example")]);
    assert_eq!(checked("GET http://localhost/ HTTP/1.1", &foreign, &hosts), Ok(()));
    assert_eq!(checked("GET http://evil.example/ HTTP/1.1", &own, &hosts), Err(Refusal::ForeignHost));
    assert_eq!(checked("GET http://localhost/ HTTP/1.1", &[], &hosts), Err(Refusal::Host));
}

#[test]
fn who_can_be_reached_from_elsewhere_checks_what_is_named_alone() {
    let [loopback, everywhere] = ["127.0.0.1", "0.0.0.0"].map(|address| address.parse().unwrap());
    let named = [HostName::parse("notes.example").unwrap()];
    for (address, named, expected) in [
        (everywhere, &[][..], Ok(())),
        (everywhere, &named, Err(Refusal::ForeignHost)),
        (loopback, &[], Err(Refusal::ForeignHost)),
    ] {
        let hosts = Hosts::of(address, named);
        assert_eq!(checked("GET / HTTP/1.1", &[("host", "other.example")], &hosts), expected);
        assert_eq!(checked("GET / HTTP/1.1", &[("host", "localhost")], &hosts), Ok(()));
    }
}

#[test]
fn chunked_is_the_only_transfer_coding() {
    let coded = |codings: &[&str]| {
        let codings = codings.iter().map(|coding| ("transfer-encoding", *coding));
        checked("POST / HTTP/1.1", &[("host", "localhost")].into_iter().chain(codings).collect::<Vec<_>>(), &Hosts::Any)
    };
    for good in ["chunked", "Chunked", "CHUNKED"] {
        assert_eq!(coded(&[good]), Ok(()), "{good}");
    }
    for wrong in [
        &["gzip, chunked"][..],
        &["gzip,chunked"],
        &["chunked, chunked"],
        &["chunked", "chunked"],
        &["gzip", "chunked"],
        &["identity, chunked"],
        &[", chunked"],
        &["chunked,"],
        &["chunked;a=b"],
        &["xchunked"],
        &[""],
        &["chunked", ""],
    ] {
        assert_eq!(coded(wrong), Err(Refusal::TransferCoding), "{wrong:?}");
    }
}

#[test]
fn pages_from_elsewhere_change_nothing() {
    let from = |method: &str, host: &str, origins: &[&str]| {
        let origins = origins.iter().map(|origin| ("origin", *origin));
        let headers = [("host", host)].into_iter().chain(origins).collect::<Vec<_>>();
        checked(&format!("{method} / HTTP/1.1"), &headers, &Hosts::Any)
    };
    for (host, origin) in [
        ("127.0.0.1:3000", "http://127.0.0.1:3000"),
        ("localhost", "http://localhost"),
        ("localhost:80", "http://localhost"),
        ("localhost", "http://localhost:80"),
        ("[::1]:3000", "http://[::1]:3000"),
        ("notes.example", "https://notes.example"),
        ("notes.example:443", "https://Notes.example"),
    ] {
        assert_eq!(from("POST", host, &[origin]), Ok(()), "{host} {origin}");
        assert_eq!(from("POST", host, &[]), Ok(()));
        assert_eq!(from("POST", host, &[origin, "null"]), Err(Refusal::ForeignOrigin));
    }
    for foreign in [
        "null",
        "",
        "http://evil.example",
        "http://127.0.0.1:3001",
        "http://127.0.0.1",
        "http://localhost:3000",
        "https://127.0.0.1",
        "file://",
        "ftp://127.0.0.1:3000",
        "127.0.0.1:3000",
        "http://127.0.0.1:3000/",
        "http://127.0.0.1:3000 http://evil.example",
        "http://a@127.0.0.1:3000",
        "chrome-extension://abc",
    ] {
        for method in ["POST", "PATCH", "PUT", "DELETE", "PROPFIND", "get"] {
            assert_eq!(from(method, "127.0.0.1:3000", &[foreign]), Err(Refusal::ForeignOrigin), "{foreign}");
        }
        for method in ["GET", "HEAD", "OPTIONS"] {
            assert_eq!(from(method, "127.0.0.1:3000", &[foreign]), Ok(()), "{foreign}");
        }
    }
    let old = checked("POST / HTTP/1.0", &[("origin", "http://localhost")], &Hosts::Any);
    assert_eq!(old, Err(Refusal::ForeignOrigin));
}
