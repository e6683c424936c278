//! What clients of HTTP/2 get: what those of HTTP/1.1 get.

use crate::client;
use crate::frames::{self, GO_AWAY, HEADERS, NO_ERROR, PREFACE, SETTINGS, assert_closed, frame, get, open};
use crate::http2_client::{Client, request};
use crate::site::{MANIFEST, Site};
use bytes::Bytes;
use rustix::process::Signal;
use std::collections::HashSet;
use std::io::Write;

const ONE_AT_A_TIME: [&str; 6] = ["--threads", "1", "--max-instances", "1", "--max-queued-requests", "0"];

#[test]
fn both_versions_are_served_on_one_port() {
    let server = Site::new(MANIFEST).up(&[]);
    let client = Client::connect(server.address);
    for path in ["/", "//x", "/%2e%2e/x", "/../x", "/a%2Fb", "/x?y=%20&z=/..", "/%FF", "/~!@$&'()*+,=:"] {
        let answer = client.get(path);
        assert_eq!((answer.status.as_u16(), answer.body), (200, Bytes::from(path)));
        assert_eq!(client::request(server.address, "GET", path).body, path);
    }
}

#[test]
fn requests_of_one_connection_run_side_by_side() {
    // With a thread for each of many cores, one connection's would take fewer than these.
    let server = Site::new(MANIFEST).up(&["--threads", "1", "--log-format", "json"]);
    let client = Client::connect(server.address);
    let paths: Vec<String> = (0..90).map(|index| format!("/{index}")).collect();
    let requests = paths.iter().map(|path| {
        let mut request = request("GET", path, "");
        request.headers_mut().insert("x-request-id", "mine".parse().unwrap());
        request
    });
    let mut ids = HashSet::new();
    for (answer, path) in client.all(requests.collect()).into_iter().zip(&paths) {
        assert_eq!(answer.body, path.as_bytes());
        assert!(answer.header("date").is_some() && answer.header("connection").is_none(), "{answer:?}");
        ids.insert(answer.header("x-request-id").unwrap().to_owned());
    }
    assert!(ids.len() == paths.len() && !ids.contains("mine"), "{ids:?}");
    for _ in &paths {
        let line = server.log_line(|line| line.contains("ownbase::request"));
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert!(ids.remove(line["request_id"].as_str().unwrap()), "{line}");
    }
}

#[test]
fn a_preface_may_come_in_pieces() {
    let server = Site::new(MANIFEST).up(&["--threads", "1"]);
    let mut stream = client::connect(server.address);
    let bytes = [PREFACE, &frame(SETTINGS, 0, 0, &[]), &get(1, "/x")].concat();
    for piece in [&bytes[..1], &bytes[1..20], &bytes[20..30], &bytes[30..]] {
        stream.write_all(piece).unwrap();
        // The one thread has read the piece before it answers this.
        assert_eq!(client::request(server.address, "GET", "/y").body, "/y");
    }
    assert_eq!(frames::next(&mut stream, HEADERS).unwrap().stream, 1);
    // What begins like one and is none is HTTP/1.
    let answer = client::raw(server.address, b"PRI / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    assert_eq!(answer.body, "/");
}

#[test]
fn a_request_needs_no_authority() {
    let server = Site::new(MANIFEST).up(&[]);
    let mut stream = open(server.address, &[get(1, "/x")]);
    let head = frames::next(&mut stream, HEADERS).unwrap();
    // 200 has a place of its own in the table.
    assert_eq!((head.stream, head.payload[0]), (1, 0x88));
}

#[test]
fn heads_are_answered_without_a_body() {
    let server = Site::new(&MANIFEST.replace("/...", "/here/...")).up(&[]);
    let client = Client::connect(server.address);
    for (path, status) in [("/here", 200), ("/elsewhere", 404)] {
        let answer = client.send(request("HEAD", path, ""));
        assert_eq!((answer.status.as_u16(), answer.body.len()), (status, 0));
    }
    let length = client.get("/elsewhere").body.len().to_string();
    assert_eq!(client.send(request("HEAD", "/elsewhere", "")).header("content-length"), Some(length.as_str()));
}

#[test]
fn errors_are_those_of_http_1() {
    let server = Site::new(MANIFEST).up(&["--max-body-bytes", "1000"]);
    let client = Client::connect(server.address);
    let answers = client.all(vec![
        request("GET", "/!trap", ""),
        request("POST", "/x", vec![b'x'; 1001]),
        request("POST", "/x", vec![b'x'; 1 << 20]),
        request("POST", "/x", vec![b'x'; 1000]),
    ]);
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status.as_u16()).collect();
    assert_eq!(statuses, [500, 413, 413, 200]);
    for answer in &answers[..3] {
        answer.problem();
    }
    let broken_off = client.try_all(vec![request("GET", "/!cut", ""), request("GET", "/x", "")]);
    assert!(broken_off[0].is_err() && broken_off[1].is_ok(), "{broken_off:?}");
    let mut connect = request("CONNECT", "", "");
    *connect.uri_mut() = "test:80".parse().unwrap();
    let refused = client.send(connect);
    assert_eq!((refused.status.as_u16(), &refused.problem()["title"]), (501, &"Not Implemented".into()));
}

#[test]
fn a_long_answer_comes_whole() {
    let server = Site::new(MANIFEST).up(&[]);
    let client = Client::connect(server.address);
    let answers = client.all(["/!much1", "/!much2"].map(|path| request("GET", path, "")).into());
    for (answer, path) in answers.iter().zip(["/!much1", "/!much2"]) {
        assert_eq!(answer.body.len(), (32 << 20) + path.len());
        assert!(answer.body.ends_with(path.as_bytes()));
    }
}

#[test]
fn a_full_queue_is_503() {
    let server = Site::new(MANIFEST).up(&ONE_AT_A_TIME);
    let client = Client::connect(server.address);
    let answers = client.all(["/!wait", "/x", "/y"].map(|path| request("GET", path, "")).into());
    assert_eq!(answers[0].body, "/!wait");
    for refused in &answers[1..] {
        assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (503, Some("1")));
        refused.problem();
    }
}

#[test]
fn requests_are_bounded_as_connections_are() {
    // Only the bound on requests of HTTP/2 is reached here: instances and places in the queue are left.
    let server = Site::new(MANIFEST).up(&["--threads", "1", "--max-connections", "2"]);
    let client = Client::connect(server.address);
    let answers = client.all(["/!wait", "/!wait", "/x"].map(|path| request("GET", path, "")).into());
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status.as_u16()).collect();
    assert_eq!((statuses, answers[2].header("retry-after")), (vec![200, 200, 503], Some("1")));
    answers[2].problem();
}

#[test]
fn what_runs_at_the_end_is_answered() {
    let mut server = Site::new(MANIFEST).up(&["--threads", "1", "--max-connections", "2"]);
    let mut silent = open(server.address, &[]);
    assert!(frames::next(&mut silent, SETTINGS).is_some());
    let mut running = open(server.address, &[get(1, "/!wait"), get(3, "/!wait"), get(5, "/x")]);
    // Refused, since the other two run.
    assert_eq!(frames::next(&mut running, HEADERS).unwrap().stream, 5);
    server.signal(Signal::TERM);
    let mut rest: Vec<_> = std::iter::from_fn(|| frames::next_of(&mut running, &[HEADERS, GO_AWAY])).collect();
    rest.sort_by_key(|frame| (frame.kind, frame.stream));
    let kinds: Vec<_> = rest.iter().map(|frame| (frame.kind, frame.stream)).collect();
    assert_eq!(kinds[..2], [(HEADERS, 1), (HEADERS, 3)]);
    assert!(rest.len() > 2 && rest[2..].iter().all(|goodbye| goodbye.reason() == NO_ERROR), "{rest:?}");
    assert_eq!(server.wait().code(), Some(0));
    let log = server.rest_of_log();
    assert!(log.matches("status=200").count() == 2 && !log.contains("broken off"), "{log}");
}

#[test]
fn connections_without_requests_end() {
    let server = Site::new(MANIFEST).up(&["--header-timeout-ms", "1000", "--request-timeout-ms", "3000"]);
    // Runs three times as long as a connection may be without a request.
    let mut stream = open(server.address, &[get(1, "/!loop")]);
    let first = frames::next_of(&mut stream, &[HEADERS, GO_AWAY]).unwrap();
    assert_eq!((first.kind, first.stream), (HEADERS, 1));
    assert_eq!(frames::next(&mut stream, GO_AWAY).unwrap().reason(), NO_ERROR);
    assert_closed(&mut stream);
}

#[test]
fn who_says_goodbye_is_let_go() {
    let mut server = Site::new(MANIFEST).up(&[]);
    let client = Client::connect(server.address);
    assert_eq!(client.get("/x").status, 200);
    server.signal(Signal::TERM);
    client.wait_for_the_end();
    assert_eq!(server.wait().code(), Some(0));
}
