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
        assert_eq!(request(server.address, "GET", target).problem()["status"], 500, "{target}");
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
