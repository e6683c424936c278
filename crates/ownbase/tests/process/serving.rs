//! What clients get.

use crate::client::{connect, occupy, raw, read, request};
use crate::promises;
use crate::site::{MANIFEST, Site};
use std::io::{Read, Write};
use std::time::Duration;

#[test]
fn start_says_where_and_what() {
    let server = Site::new(MANIFEST).up(&[]);
    let address = server.address;
    let expected = [
        format!("Serving http://{address}"),
        "  /... -> echo".to_owned(),
        "no authentication: whoever can connect can read and erase every user".to_owned(),
        format!("Try: curl -i http://{address}/john --json '{{\"text\": \"Buy groceries\"}}'"),
    ];
    assert_eq!(server.announced, expected);
}

#[test]
fn the_path_reaches_the_component_as_it_was_sent() {
    let server = Site::new(MANIFEST).up(&[]);
    for path in
        ["/", "//x", "/%2e%2e/x", "/../x", "/a%2Fb", "/a//b/", "/x?y=%20&z=/..", "/;a=b", "/%FF", "/~!@$&'()*+,=:"]
    {
        assert_eq!(request(server.address, "GET", path).body, path);
    }
    let absolute =
        raw(server.address, b"GET http://localhost/a/b HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    assert_eq!(absolute.body, "/a/b");
}

#[test]
fn every_answer_has_an_id_of_its_own() {
    let server = Site::new(MANIFEST).up(&["--log-format", "json"]);
    let mut seen = std::collections::HashSet::new();
    for target in ["/a", "/b", "/!trap"] {
        let bytes =
            format!("GET {target} HTTP/1.1\r\nhost: localhost\r\nx-request-id: mine\r\nconnection: close\r\n\r\n");
        let answer = raw(server.address, bytes.as_bytes());
        let id = answer.header("x-request-id").unwrap().to_owned();
        assert_ne!(id, "mine");
        let line = server.log_line(|line| line.contains("ownbase::request"));
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!((&line["request_id"], &line["path"]), (&id.as_str().into(), &target.into()));
        assert_eq!((&line["method"], &line["status"]), (&"GET".into(), &answer.status.into()));
        assert!(line["duration_ms"].is_f64() && line["labels"].is_string(), "{line}");
        assert!(seen.insert(id));
    }
}

#[test]
fn a_trap_costs_one_answer() {
    let server = Site::new(MANIFEST).up(&["--threads", "1"]);
    for _ in 0..3 {
        let answer = request(server.address, "GET", "/!trap");
        assert_eq!(answer.status, 500);
        let problem = answer.problem();
        assert_eq!((&problem["type"], &problem["title"]), (&"about:blank".into(), &"Internal Server Error".into()));
        assert!(!answer.body.contains("unreachable"), "{}", answer.body);
        assert_eq!(request(server.address, "GET", "/x").body, "/x");
    }
    server.log_line(|line| line.contains("ERROR") && line.contains("unreachable"));
}

#[test]
fn an_endless_loop_ends_with_504_and_holds_nobody_up() {
    promises::an_endless_loop_ends_with_504_and_holds_nobody_up(&Site::new(MANIFEST));
}

#[test]
fn memory_is_bounded() {
    promises::memory_is_bounded(&Site::new(MANIFEST));
}

#[test]
fn an_answer_that_breaks_off_is_no_whole_answer() {
    let server = Site::new(MANIFEST).up(&[]);
    let mut stream = connect(server.address);
    stream.write_all(b"GET /!cut HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    let mut bytes = Vec::new();
    // Closed or reset, but without the last chunk.
    let _ = stream.read_to_end(&mut bytes);
    assert!(!bytes.ends_with(b"0\r\n\r\n"), "{}", String::from_utf8_lossy(&bytes));
    assert_eq!(request(server.address, "GET", "/x").body, "/x");
}

#[test]
fn a_full_queue_is_503() {
    promises::a_full_queue_is_503(&Site::new(MANIFEST));
}

#[test]
fn a_body_over_the_limit_is_413_and_the_client_sees_it() {
    let server = Site::new(MANIFEST).up(&["--max-body-bytes", "1000"]);
    let with_length = |length: usize| {
        let head = format!("POST /x HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n\r\n");
        [head.as_bytes(), &vec![b'x'; length]].concat()
    };
    assert_eq!(raw(server.address, &with_length(1000)).status, 200);
    let answer = raw(server.address, &with_length(1001));
    assert_eq!((answer.status, &answer.problem()["detail"]), (413, &"the body is longer than 1000 bytes".into()));
    assert_eq!(raw(server.address, &with_length(1 << 20)).status, 413);

    let chunk = [b"258\r\n".as_slice(), &[b'x'; 600], b"\r\n"].concat();
    let head = b"POST /x HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n".as_slice();
    assert_eq!(raw(server.address, &[head, &chunk, b"0\r\n\r\n"].concat()).status, 200);
    assert_eq!(raw(server.address, &[head, &chunk, &chunk, b"0\r\n\r\n"].concat()).status, 413);

    // Who asks first is told no, and not asked to go on.
    let asking = b"POST /x HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1001\r\nexpect: 100-continue\r\n\r\n";
    assert_eq!(raw(server.address, asking).status, 413);
}

#[test]
fn a_connection_serves_on_after_413() {
    let server = Site::new(MANIFEST).up(&["--max-body-bytes", "10"]);
    let mut stream = connect(server.address);
    stream.write_all(b"POST /x HTTP/1.1\r\nhost: localhost\r\ncontent-length: 600000\r\n\r\n").unwrap();
    stream.write_all(&vec![b'x'; 600_000]).unwrap();
    assert_eq!(read(&mut stream).status, 413);
    stream.write_all(b"GET /y HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    assert_eq!(read(&mut stream).body, "/y");
}

#[test]
fn bodies_that_do_not_come_are_given_up() {
    let server = Site::new(MANIFEST).up(&["--request-timeout-ms", "200"]);
    let slow = raw(server.address, b"POST /x HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\n\r\nab");
    assert_eq!(
        (slow.status, &slow.problem()["detail"]),
        (504, &"the body did not arrive within the time limit".into())
    );
    let broken =
        raw(server.address, b"POST /x HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n");
    assert_eq!(broken.status, 400);
    broken.problem();
}

#[test]
fn heads_that_do_not_come_are_given_up() {
    let server = Site::new(MANIFEST).up(&["--header-timeout-ms", "100"]);
    let mut stream = connect(server.address);
    // Less than the 30 seconds that hyper allows by itself.
    stream.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
    stream.write_all(b"GET /x HTTP/1.1\r\n").unwrap();
    assert_eq!(stream.read(&mut [0; 16]).unwrap(), 0, "the connection is still open");
}

#[test]
fn a_head_of_http_1_0_without_a_host_is_served() {
    let server = Site::new(MANIFEST).up(&[]);
    let mut stream = connect(server.address);
    stream.write_all(b"GET /x HTTP/1.0\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(text.starts_with("HTTP/1.0 200 OK") && text.ends_with("\r\n\r\n/x"), "{text}");
}

#[test]
fn who_leaves_keeps_the_turn_until_the_component_is_done() {
    let server = Site::new(MANIFEST).up(&["--threads", "1", "--max-instances", "1", "--max-queued-requests", "0"]);
    let (running, _) = occupy(server.address);
    drop(running);
    server.log_line(|line| line.contains("status=499"));
    assert_eq!(request(server.address, "GET", "/").status, 503);
    let deadline = std::time::Instant::now() + crate::site::PATIENCE;
    while request(server.address, "GET", "/").status != 200 {
        assert!(std::time::Instant::now() < deadline, "the turn never comes back");
    }
}

#[test]
fn who_takes_no_answer_keeps_no_turn() {
    let limits = ["--threads", "1", "--max-instances", "1", "--max-queued-requests", "0"];
    let server = Site::new(MANIFEST).up(&[&limits[..], &["--request-timeout-ms", "1500"]].concat());
    let mut unread = connect(server.address);
    unread.write_all(b"GET /!much HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    assert_eq!(unread.peek(&mut [0]).unwrap(), 1);
    let deadline = std::time::Instant::now() + crate::site::PATIENCE;
    while request(server.address, "GET", "/x").status != 200 {
        assert!(std::time::Instant::now() < deadline, "the turn never comes back");
    }
}

#[test]
fn what_no_route_matches_is_404() {
    let server = Site::new(&MANIFEST.replace("/...", "/here/:id")).up(&[]);
    assert_eq!(request(server.address, "GET", "/here/1").body, "/here/1");
    let answer = request(server.address, "GET", "/elsewhere");
    assert_eq!((answer.status, &answer.problem()["title"]), (404, &"Not Found".into()));
}
