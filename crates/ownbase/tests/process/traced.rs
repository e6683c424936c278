//! A server whose system calls strace writes down.

use crate::site::{PATIENCE, Server, Site};
use crate::strace;
use rustix::process::Signal;
use std::path::PathBuf;
use std::time::{Duration, Instant};

const CALLS: &str = "trace=write,writev,sendto,sendmsg,pwrite64,fdatasync";
const SLOW_SYNCS: &str = "inject=fdatasync:delay_enter=200000";

/// A server under strace.
pub(crate) struct Traced {
    pub(crate) server: Server,
    calls: PathBuf,
}

impl Traced {
    /// `ownbase up` on a disk that takes some time for each sync: so what does not wait for one is done before its end.
    pub(crate) fn up(site: &Site) -> Self {
        let calls = site.folder().join("calls");
        let server = site.command(&["up", "--listen", "127.0.0.1:0"]);
        let mut command = strace::beside(&server, &[CALLS, SLOW_SYNCS], &calls);
        Self { server: Server::start(&mut command), calls }
    }

    /// Stops the server and gives its calls, as [`strace::all`] does.
    pub(crate) fn stop(mut self) -> Vec<String> {
        self.server.signal(Signal::TERM);
        assert_eq!(self.server.wait().code(), Some(0));
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(calls) = strace::all(&self.calls, self.server.id()).unwrap() {
                return calls;
            }
            assert!(Instant::now() < deadline, "strace does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
