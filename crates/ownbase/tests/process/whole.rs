//! Components that answer whole requests: the same promises as in `serving`, kept by other code.

use crate::client::{connect, occupy, raw, request};
use crate::promises;
use crate::site::{MANIFEST, Site};
use std::io::Write;

fn site() -> Site {
    Site::with_component(MANIFEST, include_str!("whole.wat"))
}

#[test]
fn target_and_body_arrive_as_they_were_sent() {
    let server = site().up(&[]);
    for path in ["/", "//x", "/%2e%2e/x", "/../x", "/a%2Fb", "/x?y=%20&z=/..", "/%FF", "/~!@$&'()*+,=:"] {
        assert_eq!(request(server.address, "GET", path).body, path);
    }
    let absolute = raw(server.address, b"GET http://host/a/b HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    assert_eq!(absolute.body, "/a/b");
    let body =
        raw(server.address, b"POST /x HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello");
    assert_eq!(body.body, "hello");
}

#[test]
fn a_trap_costs_one_answer() {
    let server = site().up(&["--threads", "1"]);
    for _ in 0..3 {
        let answer = request(server.address, "GET", "/!trap");
        assert_eq!((answer.status, &answer.problem()["title"]), (500, &"Internal Server Error".into()));
        assert!(!answer.body.contains("unreachable"), "{}", answer.body);
        assert_eq!(request(server.address, "GET", "/x").body, "/x");
    }
    server.log_line(|line| line.contains("ERROR") && line.contains("unreachable"));
}

#[test]
fn what_is_no_http_answer_is_500_and_told_in_the_log() {
    let server = site().up(&[]);
    for (path, why) in [
        ("/!host", "may not have the header transfer-encoding"),
        ("/!count", "content-length is \"8\" and the body has 7 bytes"),
        ("/!101", "answered with status 101"),
        ("/!empty", "content-length is \"8\" and the body has 0 bytes"),
    ] {
        assert_eq!(request(server.address, "GET", path).problem()["status"], 500, "{path}");
        server.log_line(|line| line.contains("ERROR") && line.contains(why));
    }
}

#[test]
fn an_answer_to_head_has_the_length_of_a_body_that_it_lacks() {
    let server = site().up(&[]);
    let answer = raw(server.address, b"HEAD /!empty HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    assert_eq!((answer.status, answer.header("content-length"), &*answer.body), (200, Some("8"), ""));
}

#[test]
fn a_trap_that_nobody_waits_for_is_told_in_the_log() {
    let server = site().up(&["--threads", "1"]);
    let mut leaving = connect(server.address);
    leaving.write_all(b"GET /!die HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    // Served meanwhile by another instance: so the first has begun.
    assert_eq!(request(server.address, "GET", "/x").body, "/x");
    drop(leaving);
    server.log_line(|line| line.contains("ERROR") && line.contains("after its client had left"));
}

#[test]
fn an_endless_loop_ends_with_504_and_holds_nobody_up() {
    promises::an_endless_loop_ends_with_504_and_holds_nobody_up(&site());
}

#[test]
fn memory_is_bounded() {
    promises::memory_is_bounded(&site());
}

#[test]
fn an_instance_is_used_again_and_then_replaced() {
    let server = site().up(&["--threads", "1", "--max-instance-reuse-count", "3"]);
    let served: Vec<_> = (0..7).map(|_| request(server.address, "GET", "/!served").body).collect();
    assert_eq!(served.concat(), "1231231");
}

#[test]
fn an_instance_that_has_grown_is_not_kept() {
    let server = site().up(&["--threads", "1"]);
    assert_eq!(request(server.address, "GET", "/!served").body, "1");
    assert_eq!(request(server.address, "GET", "/!much").body.len(), 16 << 20);
    assert_eq!(request(server.address, "GET", "/!served").body, "1");
}

#[test]
fn a_full_queue_is_503() {
    promises::a_full_queue_is_503(&site());
}

#[test]
fn who_leaves_keeps_the_turn_until_the_component_is_done() {
    let server = site().up(&["--threads", "1", "--max-instances", "1", "--max-queued-requests", "0"]);
    let (running, _) = occupy(server.address);
    drop(running);
    server.log_line(|line| line.contains("status=499"));
    assert_eq!(request(server.address, "GET", "/").status, 503);
    let deadline = std::time::Instant::now() + crate::site::PATIENCE;
    while request(server.address, "GET", "/").status != 200 {
        assert!(std::time::Instant::now() < deadline, "the turn never comes back");
    }
    // It went on to its end, so that its instance was kept.
    assert_eq!(request(server.address, "GET", "/!served").body, "3");
}
