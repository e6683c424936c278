//! HTTP as bytes on a socket: what a library would not send, and what it would hide.

use crate::site::PATIENCE;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

/// An answer, its head as text.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.split_once(": ").filter(|(key, _)| *key == name)).map(|(_, value)| value)
    }

    /// The members of a problem.
    pub(crate) fn problem(&self) -> serde_json::Value {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let problem: serde_json::Value = serde_json::from_str(&self.body).unwrap();
        assert_eq!(problem["status"], self.status);
        assert_eq!(problem["request_id"].as_str(), self.header("x-request-id"));
        problem
    }
}

/// A connection on which nothing has been sent.
pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// A request without a body, on a connection of its own.
pub(crate) fn request(address: SocketAddr, method: &str, target: &str) -> Answer {
    let mut stream = connect(address);
    write!(stream, "{method} {target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
    read(&mut stream)
}

/// Sends a request that takes a second to a server of one instance and no queue, and waits until it runs: until another
/// one is refused, whose answer is returned too.
pub(crate) fn occupy(address: SocketAddr) -> (TcpStream, Answer) {
    let mut stream = connect(address);
    stream.write_all(b"GET /!wait HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = request(address, "GET", "/");
        if answer.status != 200 {
            return (stream, answer);
        }
        assert!(Instant::now() < deadline, "the server is never full");
    }
}

/// Sends bytes as they are and reads one answer.
pub(crate) fn raw(address: SocketAddr, bytes: &[u8]) -> Answer {
    let mut stream = connect(address);
    stream.write_all(bytes).unwrap();
    read(&mut stream)
}

/// One answer: by content-length where it has one, else to the end of the connection, chunks joined.
pub(crate) fn read(stream: &mut TcpStream) -> Answer {
    let head = read_until(stream, b"\r\n\r\n");
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let mut answer = Answer { status, head, body: String::new() };
    match answer.header("content-length").map(|length| length.parse::<u64>().unwrap()) {
        Some(length) => drop(stream.take(length).read_to_string(&mut answer.body).unwrap()),
        None => answer.body = read_chunks(stream),
    }
    answer
}

fn read_chunks(stream: &mut TcpStream) -> String {
    let mut body = String::new();
    loop {
        let line = read_until(stream, b"\r\n");
        let length =
            u64::from_str_radix(line.trim(), 16).unwrap_or_else(|_| panic!("no chunk: {line:?} after {body:?}"));
        stream.take(length).read_to_string(&mut body).unwrap();
        read_until(stream, b"\r\n");
        if length == 0 {
            return body;
        }
    }
}

fn read_until(stream: &mut TcpStream, end: &[u8]) -> String {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(end) && stream.read(&mut byte).unwrap() == 1 {
        bytes.push(byte[0]);
    }
    String::from_utf8(bytes).unwrap()
}
