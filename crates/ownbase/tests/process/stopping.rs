//! Signals.

use crate::client::{connect, occupy, read, request};
use crate::site::{MANIFEST, Site};
use rustix::process::Signal;
use std::io::Write;
use std::net::TcpStream;

const ONE_AT_A_TIME: [&str; 6] = ["--threads", "1", "--max-instances", "1", "--max-queued-requests", "0"];

#[test]
fn a_running_request_is_finished_first() {
    for signal in [Signal::TERM, Signal::INT] {
        let site = Site::new(MANIFEST);
        let mut server = site.up(&ONE_AT_A_TIME);
        let (mut running, _) = occupy(server.address);
        server.signal(signal);
        let answer = read(&mut running);
        assert_eq!((answer.status, answer.body.as_str()), (200, "/!wait"));
        assert_eq!(server.wait().code(), Some(0));
        assert!(TcpStream::connect(server.address).is_err(), "the port is still open");
        let _again = site.up(&[]);
    }
}

#[test]
fn idle_connections_do_not_hold_up_the_end() {
    let mut server = Site::new(MANIFEST).up(&[]);
    let mut idle = connect(server.address);
    idle.write_all(b"GET /x HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    assert_eq!(read(&mut idle).status, 200);
    let _silent = connect(server.address);
    server.signal(Signal::TERM);
    assert_eq!(server.wait().code(), Some(0));
    let log = server.rest_of_log();
    assert!(log.contains("all databases are closed") && !log.contains("broken off"), "{log}");
}

#[test]
fn a_second_signal_ends_at_once() {
    let mut server = Site::new(MANIFEST).up(&ONE_AT_A_TIME);
    let (mut running, _) = occupy(server.address);
    server.signal(Signal::INT);
    server.log_line(|line| line.contains("SIGINT: finishing what runs"));
    server.signal(Signal::INT);
    assert_eq!(server.wait().code(), Some(1));
    let mut nothing = Vec::new();
    // The connection is closed or reset, without an answer.
    let _ = std::io::Read::read_to_end(&mut running, &mut nothing);
    assert_eq!(nothing, b"");
}

#[test]
fn a_killed_server_leaves_a_state_directory_that_serves_again() {
    let site = Site::new(MANIFEST);
    let mut server = site.up(&[]);
    server.signal(Signal::KILL);
    assert_eq!(server.wait().code(), None);
    let server = site.up(&[]);
    assert_eq!(request(server.address, "GET", "/x").body, "/x");
}
