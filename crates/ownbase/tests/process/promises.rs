//! What is promised of every component, however it is called: `serving` and `whole` hold one of each kind to it.
//!
//! Both components know the targets `/!loop`, `/!fill` and `/!wait`.

use crate::client::{connect, occupy, read, request};
use crate::site::Site;
use std::io::Write;

pub(crate) fn an_endless_loop_ends_with_504_and_holds_nobody_up(site: &Site) {
    let server = site.up(&["--threads", "1", "--request-timeout-ms", "6000"]);
    let mut endless = connect(server.address);
    endless.write_all(b"GET /!loop HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    endless.set_nonblocking(true).unwrap();
    for _ in 0..5 {
        assert_eq!(request(server.address, "GET", "/x").body, "/x");
    }
    assert!(endless.peek(&mut [0]).is_err(), "the loop ended before the others were served");
    endless.set_nonblocking(false).unwrap();
    let answer = read(&mut endless);
    assert_eq!((answer.status, &answer.problem()["title"]), (504, &"Gateway Timeout".into()));
    assert_eq!(request(server.address, "GET", "/x").body, "/x");
}

pub(crate) fn memory_is_bounded(site: &Site) {
    let server = site.up(&["--max-memory-bytes", "8388608"]);
    assert_eq!(request(server.address, "GET", "/!fill").status, 500);
    assert_eq!(request(server.address, "GET", "/x").body, "/x");
}

pub(crate) fn a_full_queue_is_503(site: &Site) {
    let limits = ["--threads", "1", "--max-instances", "1", "--max-queued-requests", "0"];
    let server = site.up(&limits);
    let (mut running, refused) = occupy(server.address);
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
    refused.problem();
    assert_eq!(read(&mut running).body, "/!wait");
}
