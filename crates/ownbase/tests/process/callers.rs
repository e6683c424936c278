//! Who is let in, and by which name the server may be called. tests/conformance asks the same of the notes.

use crate::client::{connect, raw, read, request};
use crate::frames;
use crate::http2_client::{self, Client};
use crate::site::{MANIFEST, Server, Site};
use std::io::Write;

const EVERYBODY: &str = "no authentication: whoever can connect can read and erase every user";

#[test]
fn an_address_that_others_reach_is_refused_in_one_line() {
    let site = Site::new(MANIFEST);
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:3000"] {
        let output = site.run(&["up", "--listen", address]);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(1), &b""[..]));
        assert_eq!(
            stderr,
            format!(
                "error: --listen {address} can be reached from other machines, and there is {EVERYBODY} (listen on \
                 127.0.0.1, or say --insecure-no-auth if something in front lets in only whom it should)\n"
            )
        );
        assert!(!site.folder().join(".ownbase").exists());
    }
}

#[test]
fn the_operator_may_insist() {
    let site = Site::new(MANIFEST);
    let server = Server::start(&mut site.command(&["up", "--listen", "0.0.0.0:0", "--insecure-no-auth"]));
    assert!(server.announced.iter().any(|line| line == EVERYBODY), "{:?}", server.announced);
    let address = ([127, 0, 0, 1], server.address.port()).into();
    for host in ["evil.example", "192.0.2.1:3000", "localhost"] {
        assert_eq!(called(address, host).0, 200, "{host}");
    }
}

#[test]
fn loopback_is_served_without_ado() {
    let site = Site::new(MANIFEST);
    for address in ["127.0.0.1:0", "127.0.0.2:0", "[::ffff:127.0.0.1]:0"] {
        let server = Server::start(&mut site.command(&["up", "--listen", address]));
        assert!(server.announced.iter().any(|line| line == EVERYBODY), "{:?}", server.announced);
    }
}

/// Status and detail of what a `GET` by that name gets.
fn called(address: std::net::SocketAddr, host: &str) -> (u16, String) {
    let answer = raw(address, format!("GET /x HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").as_bytes());
    let detail = if answer.status == 200 { String::new() } else { answer.problem()["detail"].to_string() };
    (answer.status, detail)
}

#[test]
fn a_foreign_name_is_refused_over_both_versions() {
    let server = Site::new(MANIFEST).up(&["--host", "notes.example"]);
    let (status, detail) = called(server.address, "evil.example");
    assert!(status == 421 && detail.contains("--host"), "{status} {detail}");
    let line = server.log_line(|line| line.contains("ownbase::request"));
    assert!(line.contains("status=421") && line.contains("path=\"/x\""), "{line}");
    assert_eq!(called(server.address, "notes.example:80"), (200, String::new()));

    let client = Client::connect(server.address);
    for (authority, status) in [("evil.example", 421), ("notes.example:80", 200), ("127.0.0.1", 200)] {
        let mut request = http2_client::request("GET", "/x", "");
        *request.uri_mut() = format!("http://{authority}/x").parse().unwrap();
        let answer = client.send(request);
        assert_eq!(answer.status, status, "{authority}");
        if status == 421 {
            assert_eq!(answer.problem()["title"], "Misdirected Request");
        }
    }
    // Without an authority it is the Host that counts.
    let mut fields = vec![0x82, 0x86, 0x84, 0x0f, 0x17, 12];
    fields.extend_from_slice(b"evil.example");
    let frame = frames::frame(frames::HEADERS, frames::END_HEADERS | frames::END_STREAM, 1, &fields);
    let head = frames::next(&mut frames::open(server.address, &[frame]), frames::HEADERS).unwrap();
    // 421, in HPACK's code.
    assert!(head.payload.starts_with(&[0x48, 0x82, 0x68, 0x41]), "{head:?}");
}

#[test]
fn off_loopback_names_count_once_they_are_given() {
    let site = Site::new(MANIFEST);
    let arguments = ["up", "--listen", "0.0.0.0:0", "--insecure-no-auth", "--host", "notes.example"];
    let server = Server::start(&mut site.command(&arguments));
    let address = ([127, 0, 0, 1], server.address.port()).into();
    for (host, status) in [("notes.example", 200), ("localhost", 200), ("evil.example", 421)] {
        assert_eq!(called(address, host).0, status, "{host}");
    }
}

#[test]
fn a_host_is_asked_for_in_http_1_1_and_looked_at_in_1_0() {
    let server = Site::new(MANIFEST).up(&[]);
    for hosts in [&b""[..], b"host: \xff\r\n", b"host: localhost\r\nhost: localhost\r\n"] {
        let head = [b"GET /x HTTP/1.1\r\n", hosts, b"connection: close\r\n\r\n"].concat();
        let refused = raw(server.address, &head);
        assert_eq!((refused.status, &refused.problem()["title"]), (400, &"Bad Request".into()));
    }
    let foreign = raw(server.address, b"GET /x HTTP/1.0\r\nhost: evil.example\r\n\r\n");
    assert_eq!(foreign.status, 421);
}

#[test]
fn a_page_of_another_server_changes_nothing_over_http_2() {
    let server = Site::new(MANIFEST).up(&[]);
    let client = Client::connect(server.address);
    for (method, origin, status) in [
        ("POST", "http://localhost", 200),
        ("POST", "http://evil.example", 403),
        ("DELETE", "null", 403),
        ("GET", "null", 200),
    ] {
        let mut request = http2_client::request(method, "/x", "");
        request.headers_mut().insert("origin", origin.parse().unwrap());
        assert_eq!(client.send(request).status, status, "{method} {origin}");
    }
}

#[test]
fn a_body_in_another_coding_is_refused_and_ends_the_connection() {
    let server = Site::new(MANIFEST).up(&[]);
    for coding in ["gzip, chunked", "chunked, chunked", "chunked\r\ntransfer-encoding: chunked"] {
        let mut stream = connect(server.address);
        let head = format!("POST /x HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: {coding}\r\n\r\n");
        stream.write_all((head + "1\r\na\r\n0\r\n\r\n").as_bytes()).unwrap();
        let refused = read(&mut stream);
        assert_eq!((refused.status, &refused.problem()["title"]), (501, &"Not Implemented".into()));
        assert_eq!(refused.header("connection"), Some("close"));
        frames::assert_closed(&mut stream);
    }
    // What has a length beside it is read by the chunks, and nothing may follow (RFC 9112, section 6.3).
    for lengths in
        ["content-length: 5\r\ntransfer-encoding: chunked", "transfer-encoding: chunked\r\ncontent-length: 5"]
    {
        let mut stream = connect(server.address);
        let head = format!("POST /x HTTP/1.1\r\nhost: localhost\r\n{lengths}\r\n\r\n");
        stream
            .write_all((head + "1\r\na\r\n0\r\n\r\nGET /hidden HTTP/1.1\r\nhost: localhost\r\n\r\n").as_bytes())
            .unwrap();
        assert_eq!(read(&mut stream).status, 200);
        frames::assert_closed(&mut stream);
    }
    assert_eq!(request(server.address, "GET", "/x").body, "/x");
}
