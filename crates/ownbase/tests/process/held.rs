//! An answer that is sent in pieces: what the component writes between two of them is on disk before the second leaves.
//!
//! (That the head waits for what was written before it is shown in tests/conformance.)

use crate::client::request;
use crate::site::{MANIFEST, Site};
use crate::strace;
use crate::traced::Traced;

#[test]
fn a_piece_leaves_after_the_sync_of_what_was_written_before_it() {
    if !strace::is_there() {
        return;
    }
    let site = Site::new(&(MANIFEST.to_owned() + "sqlite_databases = [\"default\"]\n"));
    let traced = Traced::up(&site);
    let answer = request(traced.server.address, "GET", "/!insert");
    assert!(answer.status == 200 && answer.body.ends_with("/!insertend"), "{} bytes", answer.body.len());
    let calls = traced.stop();

    let sent = |text| calls.iter().position(|call| call.contains("socket:") && call.contains(text));
    let (head, end) = (sent("HTTP/1.1 200").unwrap(), sent("\"end\"").unwrap());
    let written = calls[..end].iter().rposition(|call| call.contains("pwrite64(") && is_log(call)).unwrap();
    // The component cannot run ahead by 1 MiB, so the row was written when a part had left.
    assert!(head < written, "the head was sent after the row was written");
    let between = &calls[written..end];
    assert!(syncs_within(between), "the end did not wait for the row's sync:\n{}", between.join("\n"));
}

/// Whether a call is one of a database's log.
fn is_log(call: &str) -> bool {
    call.contains(".db-wal>")
}

/// Whether a sync of a log both began and ended there.
fn syncs_within(calls: &[String]) -> bool {
    let mut syncing: Vec<&str> = Vec::new();
    calls.iter().any(|call| {
        let thread = call.split_whitespace().next().unwrap_or_default();
        if call.contains("fdatasync(") && is_log(call) {
            let is_unfinished = call.contains("unfinished");
            syncing.extend(is_unfinished.then_some(thread));
            return !is_unfinished;
        }
        call.contains("fdatasync resumed>") && syncing.contains(&thread)
    })
}
