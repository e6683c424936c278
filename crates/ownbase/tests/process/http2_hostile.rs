//! Clients of HTTP/2 that keep to no rule cost a connection, and others nothing.

use crate::client;
use crate::frames::{
    self, CANCEL, CONTINUATION, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, GET, GO_AWAY, HEADERS, PREFACE,
    PROTOCOL_ERROR, RST_STREAM, SETTINGS, WINDOW_UPDATE, assert_closed, frame, get, open,
};
use crate::http2_client::{Client, request};
use crate::site::{MANIFEST, PATIENCE, Server, Site};
use std::io::Write;
use std::time::{Duration, Instant};

/// Less than hyper, h2 and this server allow without the flag that the test sets.
const SOON: Duration = Duration::from_secs(15);

#[track_caller]
fn assert_serves(server: &Server) {
    assert_eq!(client::request(server.address, "GET", "/x").body, "/x");
    assert_eq!(Client::connect(server.address).get("/x").body, "/x");
}

#[test]
fn who_does_not_begin_is_given_up() {
    let server = Site::new(MANIFEST).up(&["--header-timeout-ms", "300"]);
    let settings = frame(SETTINGS, 0, 0, &[]);
    let half_a_request = [PREFACE, &settings, &get(1, "/x")[..10]].concat();
    let starts = [&PREFACE[..0], &PREFACE[..1], &PREFACE[..20], PREFACE, &half_a_request];
    let mut streams = starts.map(|start| {
        let mut stream = client::connect(server.address);
        stream.set_read_timeout(Some(SOON)).unwrap();
        // Who is late has been given up already.
        let _ = stream.write_all(start);
        stream
    });
    streams.iter_mut().for_each(assert_closed);
}

#[test]
fn limits_are_told() {
    let server = Site::new(MANIFEST).up(&[]);
    let mut stream = open(server.address, &[]);
    let settings = frames::next(&mut stream, SETTINGS).unwrap().payload;
    let told = |id: u8| {
        let of_id = |setting: &&[u8]| setting[..2] == [0, id];
        let setting = settings.chunks(6).find(of_id).unwrap_or_else(|| panic!("no setting {id}: {settings:?}"));
        u32::from_be_bytes(setting[2..].try_into().unwrap())
    };
    let [streams, window_bytes, head_bytes] = [3, 4, 6].map(told);
    assert_eq!((streams, window_bytes, head_bytes), (100, 65_536, 32_768));
    let more = frames::next(&mut stream, WINDOW_UPDATE).unwrap().payload;
    // What every connection begins with, and this on top of it.
    assert_eq!(65_535 + u32::from_be_bytes(more.try_into().unwrap()), 262_144);
}

#[test]
fn floods_end_the_connection() {
    let server = Site::new(MANIFEST).up(&[]);
    // CVE-2023-44487: begin and reset, many times at once.
    let resets = (0..500).flat_map(|index| {
        let stream = 2 * index + 1;
        [frame(HEADERS, END_HEADERS | END_STREAM, stream, GET), frame(RST_STREAM, 0, stream, &CANCEL.to_be_bytes())]
    });
    // A request whose head never ends.
    let continuations = std::iter::once(frame(HEADERS, END_STREAM, 1, GET))
        .chain((0..500).map(|_| frame(CONTINUATION, 0, 1, &[0x40, 1, b'x', 1, b'y'])));
    // What makes the server reset a stream: a request that breaks the rules.
    let malformed = (0..500).map(|index| frame(HEADERS, END_HEADERS | END_STREAM, 2 * index + 1, &[0x82]));
    for flood in [resets.collect::<Vec<_>>(), continuations.collect(), malformed.collect()] {
        let mut stream = open(server.address, &flood);
        assert_eq!(frames::next(&mut stream, GO_AWAY).unwrap().reason(), ENHANCE_YOUR_CALM);
        assert_closed(&mut stream);
        assert_serves(&server);
    }
}

#[test]
fn heads_are_bounded() {
    let server = Site::new(MANIFEST).up(&[]);
    let client = Client::connect(server.address);
    let with_headers = |count: usize, value: &str| {
        let mut request = request("GET", "/x", "");
        for index in 0..count {
            request
                .headers_mut()
                .insert(http::HeaderName::try_from(format!("x-{index}")).unwrap(), value.parse().unwrap());
        }
        request
    };
    // :authority becomes a header of its own.
    assert_eq!(client.send(with_headers(99, "x")).status, 200);
    let answer = client.send(with_headers(100, "x"));
    assert_eq!(
        (answer.status.as_u16(), &answer.problem()["detail"]),
        (431, &"the request has more than 100 headers".into())
    );
    assert_eq!(client.send(with_headers(30, &"x".repeat(1000))).status, 200);
    assert_eq!(client.send(with_headers(33, &"x".repeat(1000))).status, 431);
    assert_serves(&server);
}

#[test]
fn headers_of_a_connection_make_a_request_malformed() {
    let server = Site::new(MANIFEST).up(&[]);
    let connection = [GET, b"\x40\x0aconnection\x05close"].concat();
    let mut stream = open(server.address, &[frame(HEADERS, END_HEADERS | END_STREAM, 1, &connection), get(3, "/x")]);
    let reset = frames::next(&mut stream, RST_STREAM).unwrap();
    assert_eq!((reset.stream, reset.reason()), (1, PROTOCOL_ERROR));
    assert_eq!(frames::next(&mut stream, HEADERS).unwrap().stream, 3);
}

#[test]
fn who_takes_no_answer_keeps_no_turn() {
    let limits = ["--threads", "1", "--max-instances", "1", "--max-queued-requests", "0"];
    let server = Site::new(MANIFEST).up(&[&limits[..], &["--request-timeout-ms", "1500"]].concat());
    let no_window = frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]);
    let mut unread = open(server.address, &[no_window, get(1, "/!much")]);
    assert_eq!(frames::next(&mut unread, HEADERS).unwrap().stream, 1);
    let deadline = Instant::now() + PATIENCE;
    while client::request(server.address, "GET", "/x").status != 200 {
        assert!(Instant::now() < deadline, "the turn never comes back");
    }
    assert_eq!(frames::next(&mut unread, RST_STREAM).unwrap().stream, 1);
    assert_serves(&server);
}

#[test]
fn answers_that_nobody_takes_keep_their_places() {
    let site = Site::with_component(MANIFEST, include_str!("whole.wat"));
    let server = site.up(&["--threads", "1", "--max-connections", "2"]);
    let no_window = frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]);
    let mut unread = open(server.address, &[no_window, get(1, "/x"), get(3, "/x")]);
    /// `:status: 200` in HPACK's static table.
    const OK: u8 = 0x88;
    let mut answer_begins = || frames::next(&mut unread, HEADERS).unwrap().payload[0];
    assert_eq!([answer_begins(), answer_begins()], [OK; 2]);
    // Nothing of a body can have left, so both have their places still.
    assert_eq!(Client::connect(server.address).get("/x").status, 503);
    drop(unread);
    let deadline = Instant::now() + PATIENCE;
    while Client::connect(server.address).get("/x").status != 200 {
        assert!(Instant::now() < deadline, "the places never come back");
    }
}

#[test]
fn bodies_that_do_not_come_are_given_up() {
    let server = Site::new(MANIFEST).up(&["--request-timeout-ms", "200"]);
    let mut stream = open(server.address, &[frame(HEADERS, END_HEADERS, 1, &[0x83, 0x86, 0x84])]);
    assert_eq!(frames::next(&mut stream, HEADERS).unwrap().stream, 1);
    server.log_line(|line| line.contains("status=504"));
}
