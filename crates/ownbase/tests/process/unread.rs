//! Clients that do not take their answers, or send nothing, keep no others waiting.

use crate::client::{Answer, connect, occupy, raw, read, request};
use crate::site::{MANIFEST, PATIENCE, Server, Site};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// What /!much answers with.
const MUCH_BYTES: usize = 16 << 20;
const GET_MUCH: &[u8] = b"GET /!much HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";

fn whole() -> Site {
    Site::with_component(MANIFEST, include_str!("whole.wat"))
}

/// Asks for a long answer, waits until it begins, and takes no more of it.
fn unread(address: SocketAddr) -> TcpStream {
    let mut stream = connect(address);
    stream.write_all(GET_MUCH).unwrap();
    assert_eq!(stream.peek(&mut [0]).unwrap(), 1);
    stream
}

/// Whether a connection has been closed; waits for it.
fn is_closed(stream: &mut TcpStream) -> bool {
    match stream.read(&mut [0]) {
        Ok(read) => read == 0,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    }
}

/// What a server answers in the end.
fn answered_at_last(server: &Server, target: &str, status: u16) -> Answer {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = request(server.address, "GET", target);
        if answer.status == status {
            return answer;
        }
        assert!(Instant::now() < deadline, "never {status}: {}", answer.status);
    }
}

#[test]
fn a_long_answer_frees_its_turn_before_it_is_taken() {
    let server = whole().up(&["--threads", "1", "--max-instances", "1", "--max-queued-requests", "0"]);
    let mut slow = unread(server.address);
    server.log_line(|line| line.contains("path=\"/!much\"") && line.contains("status=200"));
    assert_eq!(request(server.address, "GET", "/x").body, "/x");
    let mut all = Vec::new();
    slow.read_to_end(&mut all).unwrap();
    assert!(all.len() > MUCH_BYTES && all.ends_with(&[0; 4096]), "{} bytes", all.len());
}

#[test]
fn long_answers_wait_for_room_and_short_ones_do_not() {
    // Room for two, as a quarter of it is free for the second.
    let room = (MUCH_BYTES * 2).to_string();
    let server = whole().up(&["--threads", "1", "--max-unsent-bytes", &room, "--request-timeout-ms", "6000"]);
    let first = unread(server.address);
    let _second = unread(server.address);
    let mut third = connect(server.address);
    third.write_all(GET_MUCH).unwrap();
    for _ in 0..5 {
        assert_eq!(request(server.address, "GET", "/x").body, "/x");
    }
    third.set_nonblocking(true).unwrap();
    assert!(third.peek(&mut [0]).is_err(), "there was room for a third answer");
    third.set_nonblocking(false).unwrap();
    drop(first);
    assert_eq!(read_length(&mut third), MUCH_BYTES);
}

fn read_length(stream: &mut TcpStream) -> usize {
    let answer = read(stream);
    assert_eq!(answer.status, 200);
    answer.body.len()
}

#[test]
fn who_waits_for_room_in_vain_is_told_when_to_come_back() {
    let room = MUCH_BYTES.to_string();
    let server = whole().up(&["--threads", "1", "--max-unsent-bytes", &room, "--request-timeout-ms", "3000"]);
    let unread = unread(server.address);
    let refused = raw(server.address, GET_MUCH);
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
    assert!(refused.problem()["detail"].as_str().unwrap().contains("wait to be taken"));
    drop(unread);
    assert_eq!(answered_at_last(&server, "/!much", 200).body.len(), MUCH_BYTES);
}

#[test]
fn room_comes_back_from_who_takes_nothing() {
    let room = MUCH_BYTES.to_string();
    let server = whole().up(&["--threads", "1", "--max-unsent-bytes", &room, "--request-timeout-ms", "1000"]);
    let mut unread = unread(server.address);
    assert_eq!(answered_at_last(&server, "/!much", 200).body.len(), MUCH_BYTES);
    let mut taken = Vec::new();
    // Closed or reset, in the middle.
    let _ = unread.read_to_end(&mut taken);
    assert!(taken.len() < MUCH_BYTES);
}

#[test]
fn who_takes_little_is_cut_off_and_who_takes_enough_is_not() {
    let server = whole().up(&["--threads", "2", "--request-timeout-ms", "1000"]);
    // A small window, through which each byte that is read lets others pass.
    let narrow = || {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        socket.connect(&server.address.into()).unwrap();
        let stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    };
    let (mut little, mut enough) = (narrow(), narrow());
    little.write_all(GET_MUCH).unwrap();
    enough.write_all(GET_MUCH).unwrap();
    // What the kernel holds is not sent to the end: at this pace it would take minutes.
    let deadline = Instant::now() + PATIENCE;
    let (mut is_cut_off, mut taken_bytes, mut buffer) = (false, 0, vec![0; 16 << 10]);
    while !is_cut_off {
        assert!(Instant::now() < deadline, "a client that takes 1 KiB a second is served for ever");
        let read = little.read(&mut buffer[..100]);
        is_cut_off = !matches!(read, Ok(1..));
        for _ in 0..10 {
            taken_bytes += enough.read(&mut buffer).unwrap();
            std::thread::sleep(Duration::from_millis(10));
        }
    }
    assert!(taken_bytes < MUCH_BYTES, "the test is to see both at once");
    while taken_bytes < MUCH_BYTES {
        let read = enough.read(&mut buffer).unwrap();
        assert!(read > 0, "cut off after {taken_bytes} bytes");
        taken_bytes += read;
    }
}

#[test]
fn the_connection_that_is_idle_for_longest_gives_way() {
    let server = whole().up(&["--threads", "1", "--max-connections", "3"]);
    let ask = |stream: &mut TcpStream| {
        stream.write_all(b"GET /x HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
        assert_eq!(read(stream).body, "/x");
    };
    let mut silent = connect(server.address);
    // The server accepts in order, so it knows of the silent one.
    let [mut first, mut second] = [(); 2].map(|()| connect(server.address));
    ask(&mut first);
    ask(&mut second);
    let mut third = connect(server.address);
    ask(&mut third);
    assert!(is_closed(&mut silent));
    ask(&mut first);
    let mut fourth = connect(server.address);
    ask(&mut fourth);
    assert!(is_closed(&mut second), "the first has had a request since");
    [&mut first, &mut third, &mut fourth].into_iter().for_each(ask);
}

#[test]
fn who_takes_an_answer_does_not_give_way() {
    let server = whole().up(&["--threads", "1", "--max-connections", "1"]);
    let mut taking = unread(server.address);
    let mut waiting = connect(server.address);
    waiting.write_all(b"GET /waiting HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    let mut all = Vec::new();
    taking.read_to_end(&mut all).unwrap();
    assert!(all.len() > MUCH_BYTES, "{} bytes", all.len());
    assert_eq!(read(&mut waiting).body, "/waiting");
}

#[test]
fn a_connection_that_has_a_request_does_not_give_way() {
    let server =
        whole().up(&["--threads", "1", "--max-connections", "2", "--max-instances", "1", "--max-queued-requests", "0"]);
    let (mut running, _) = occupy(server.address);
    for _ in 0..5 {
        assert_eq!(request(server.address, "GET", "/x").status, 503);
    }
    assert_eq!(read(&mut running).body, "/!wait");
}

#[test]
fn a_connection_that_waits_for_room_gives_way() {
    let room = MUCH_BYTES.to_string();
    let server = whole().up(&["--threads", "1", "--max-connections", "3", "--max-unsent-bytes", &room]);
    let _unread = unread(server.address);
    let mut waiting = [(); 2].map(|()| {
        let mut stream = connect(server.address);
        stream.write_all(GET_MUCH).unwrap();
        stream
    });
    assert_eq!(request(server.address, "GET", "/x").body, "/x");
    let [first, _] = &mut waiting;
    assert!(is_closed(first));
}
