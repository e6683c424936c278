//! A component that takes more than it should fails alone.

use crate::client::request;
use crate::site::{MANIFEST, Server, Site};

fn up(flags: &[&str]) -> Server {
    let manifest = MANIFEST.to_owned() + "sqlite_databases = [\"default\"]\n";
    Site::with_component(&manifest, include_str!("greedy.wat")).up(&[&["--threads", "1"], flags].concat())
}

#[test]
fn an_answer_has_so_many_headers_and_no_more() {
    let server = up(&[]);
    for (target, why) in [("/headers", "this one has 30000 of"), ("/long", "this one has 1 of 70006")] {
        // All of a wrong answer would be told otherwise.
        assert_eq!(request(server.address, "GET", target).status, 500, "{target}");
        server.log_line(|line| line.contains("ERROR") && line.contains(why));
        assert_eq!(request(server.address, "GET", "/x").status, 200);
    }
}

#[test]
fn all_memories_of_an_instance_are_one_sum() {
    // Either memory would do, and so would both together with twice as much.
    for (flags, status) in [(["--max-memory-bytes", "8388608"], 500), (["--max-memory-bytes", "16777216"], 200)] {
        let server = up(&flags);
        assert_eq!(request(server.address, "GET", "/two").status, status, "{flags:?}");
        assert_eq!(request(server.address, "GET", "/x").status, 200);
    }
}

#[test]
fn an_instance_that_keeps_a_connection_is_not_picked_again() {
    let server = up(&[]);
    let served = ["/x", "/close", "/x", "/keep", "/x"].map(|target| request(server.address, "GET", target).body);
    assert_eq!(served, ["1", "2", "3", "4", "1"]);
}

#[test]
fn an_answer_by_way_of_wasi_http_has_no_more_headers_either() {
    let component = |headers: &str| {
        include_str!("component.wat")
            .replace(
                "(export \"[constructor]outgoing-response\"",
                "(type $fault (variant (case \"invalid-syntax\") (case \"forbidden\") (case \"immutable\")))
                 (export \"header-error\" (type $header-error (eq $fault)))
                 (export \"[method]fields.append\" (func (param \"self\" (borrow $fields)) (param \"name\" string)
                   (param \"value\" (list u8)) (result (result (error $header-error)))))
                 (export \"[constructor]outgoing-response\"",
            )
            .replace(
                "(core func $response (canon",
                "(core func $append (canon lower (func $types \"[method]fields.append\") (memory $mem)))
                 (core func $response (canon",
            )
            .replace(
                "(import \"host\" \"response\"",
                "(import \"host\" \"append\" (func $append (param i32 i32 i32 i32 i32 i32))) (import \"host\" \"response\"",
            )
            .replace("(export \"response\" (func $response))", "(export \"response\" (func $response)) (export \"append\" (func $append))")
            .replace(
                "(local.set $made (call $response (call $fields)))",
                "(local.set $left (call $fields))
                 (local.set $end (i64.const HEADERS))
                 (loop $more
                   (call $append (local.get $left) (i32.const 592) (i32.const 3) (i32.const 592) (i32.const 3) (i32.const 160))
                   (br_if $more (i64.ne (local.tee $end (i64.sub (local.get $end) (i64.const 1))) (i64.const 0))))
                 (local.set $made (call $response (local.get $left)))",
            )
            .replace("HEADERS", headers)
    };
    for (headers, status) in [("100", 200), ("101", 500)] {
        let server = Site::with_component(MANIFEST, &component(headers)).up(&["--threads", "1"]);
        assert_eq!(request(server.address, "GET", "/x").status, status, "{headers} headers");
    }
}
