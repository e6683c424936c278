//! A server whose system calls strace writes down.

use crate::site::{PATIENCE, Server, Site};
use rustix::process::Signal;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

/// A server under strace.
pub(crate) struct Traced {
    pub(crate) server: Server,
    calls: PathBuf,
}

/// Whether the program is there; says so if not.
pub(crate) fn is_there() -> bool {
    let found = Command::new("strace").arg("-V").output().is_ok();
    if !found {
        eprintln!("not run: there is no strace on this machine (install it)");
    }
    found
}

impl Traced {
    /// `ownbase up` on a disk that takes some time for each sync: so what does not wait for one is done before its end.
    pub(crate) fn up(site: &Site) -> Self {
        let calls = site.folder().join("calls");
        let traced = site.command(&["up", "--listen", "127.0.0.1:0"]);
        let mut command = Command::new("strace");
        // -D: the server is the child and strace its grandchild, so that a signal to the child is one to the server.
        command.args([
            "-D",
            "-f",
            "-q",
            "-y",
            "-s",
            "64",
            "-e",
            "trace=write,writev,sendto,sendmsg,pwrite64,fdatasync",
        ]);
        command.args(["-e", "inject=fdatasync:delay_enter=200000", "-o"]).arg(&calls);
        command.arg(traced.get_program()).args(traced.get_args()).current_dir(site.folder());
        for (name, value) in traced.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        Self { server: Server::start(&mut command), calls }
    }

    /// Stops the server and gives its calls, in the order in which they began; where another call came in between, there is
    /// a line for the beginning and one for the end.
    pub(crate) fn stop(mut self) -> Vec<String> {
        let last = format!("{} +++ exited", self.server.id());
        self.server.signal(Signal::TERM);
        assert_eq!(self.server.wait().code(), Some(0));
        let deadline = Instant::now() + PATIENCE;
        loop {
            let text = std::fs::read_to_string(&self.calls).unwrap();
            // strace pads the thread's number.
            let mut lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
            if lines.any(|line| line.starts_with(&last)) {
                return text.lines().map(str::to_owned).collect();
            }
            assert!(Instant::now() < deadline, "strace does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
