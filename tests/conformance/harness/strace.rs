//! strace beside a server: how it is started, and what it has written of the server's calls.
//!
//! Also a module of crates/ownbase/tests/process, so it leans on the standard library alone.

use std::io;
use std::path::Path;
use std::process::Command;

/// Whether the program is there; says so if not.
pub(crate) fn is_there() -> bool {
    let found = Command::new("strace").arg("-V").output().is_ok();
    if !found {
        eprintln!("not run: there is no strace on this machine (install it)");
    }
    found
}

/// `server` under strace, which writes to the file `calls`. An expression says which calls, or lets some of them wait or
/// fail: strace(1), option `-e`.
pub(crate) fn beside(server: &Command, expressions: &[&str], calls: &Path) -> Command {
    let mut command = Command::new("strace");
    // -D: the server is the child and strace its grandchild, so that a signal to the child is one to the server.
    command.args(["-D", "-f", "-q", "-y", "-s", "64", "-o"]).arg(calls);
    command.args(expressions.iter().flat_map(|expression| ["-e", expression]));
    command.arg(server.get_program()).args(server.get_args());
    if let Some(folder) = server.get_current_dir() {
        command.current_dir(folder);
    }
    for (name, value) in server.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

/// The calls of a server that was process `id`, once strace has written its end: in the order in which they began, or,
/// where another call came in between, a line for the beginning and one for the end.
pub(crate) fn all(calls: &Path, id: u32) -> io::Result<Option<Vec<String>>> {
    let text = std::fs::read_to_string(calls)?;
    let last = format!("{id} +++ exited");
    // strace pads the thread's number.
    let mut lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    let has_ended = lines.any(|line| line.starts_with(&last));
    Ok(has_ended.then(|| text.lines().map(str::to_owned).collect()))
}
