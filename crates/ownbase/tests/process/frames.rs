//! HTTP/2 as frames on a socket: what a library would not send, and what it would hide.
//!
//! Layouts and numbers: <https://www.rfc-editor.org/rfc/rfc9113#section-6>; header fields from HPACK's static table.

use crate::client::connect;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const GO_AWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

pub(crate) const NO_ERROR: u32 = 0;
pub(crate) const PROTOCOL_ERROR: u32 = 1;
pub(crate) const CANCEL: u32 = 8;
pub(crate) const ENHANCE_YOUR_CALM: u32 = 11;

/// `GET /`, as it stands in HEADERS: without an authority.
pub(crate) const GET: &[u8] = &[0x82, 0x86, 0x84];

/// What the server sent.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    /// The reason of a GOAWAY or RST_STREAM, which ends either.
    pub(crate) fn reason(&self) -> u32 {
        let at = if self.kind == GO_AWAY { 4 } else { 0 };
        u32::from_be_bytes(self.payload[at..at + 4].try_into().unwrap())
    }
}

/// The bytes of a frame.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A `GET` of a path without an authority.
pub(crate) fn get(stream: u32, path: &str) -> Vec<u8> {
    let mut fields = vec![0x82, 0x86, 0x04, u8::try_from(path.len()).unwrap()];
    fields.extend_from_slice(path.as_bytes());
    frame(HEADERS, END_HEADERS | END_STREAM, stream, &fields)
}

/// A connection on which the preface and the given frames have been sent.
pub(crate) fn open(address: SocketAddr, frames: &[Vec<u8>]) -> TcpStream {
    let mut stream = connect(address);
    let bytes = [PREFACE.to_vec(), frame(SETTINGS, 0, 0, &[]), frames.concat()].concat();
    // The server may close before it has read all.
    let _ = stream.write_all(&bytes);
    stream
}

/// The frame of one kind that comes next, or none before the connection is closed.
pub(crate) fn next(stream: &mut TcpStream, kind: u8) -> Option<Frame> {
    next_of(stream, &[kind])
}

/// The frame of any of these kinds that comes next.
pub(crate) fn next_of(stream: &mut TcpStream, kinds: &[u8]) -> Option<Frame> {
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        stream.read_exact(&mut payload).ok()?;
        if kinds.contains(&head[3]) {
            return Some(Frame { kind: head[3], stream: u32::from_be_bytes(head[5..].try_into().unwrap()), payload });
        }
    }
}

/// Whether the server has closed the connection; waits for it.
#[track_caller]
pub(crate) fn assert_closed(stream: &mut TcpStream) {
    let mut rest = Vec::new();
    match stream.read_to_end(&mut rest) {
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {}
        Err(error) => panic!("the connection is still open: {error}"),
    }
}
