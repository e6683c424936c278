//! What other users of the machine may do with what a server leaves on disk: nothing, whatever umask it was started with.

use crate::site::{MANIFEST, Server, Site};
use rustix::process::Signal;
use std::fs::{self, Permissions};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

/// `ownbase up` with a umask of its own.
fn up_under(site: &Site, umask: &str) -> Server {
    let server = site.command(&["up", "--listen", "127.0.0.1:0"]);
    let mut command = Command::new("sh");
    command.args(["-c", &format!("umask {umask}; exec \"$0\" \"$@\"")]).arg(server.get_program());
    Server::start(command.args(server.get_args()).current_dir(site.folder()))
}

/// A folder and all that is below it.
fn below(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![folder.to_owned()];
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(below(&path)) } else { found.push(path) }
    }
    found
}

#[track_caller]
fn check(state_dir: &Path) {
    for path in below(state_dir) {
        // A thread of wasmtime's makes and removes files meanwhile.
        let Ok(found) = fs::metadata(&path) else { continue };
        let wanted = if found.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(found.mode() & 0o7777, wanted, "{}: {:o}", path.display(), found.mode());
    }
}

#[test]
fn nobody_else_reads_what_a_server_makes() {
    for umask in ["000", "022", "777"] {
        let site = Site::new(MANIFEST);
        let state_dir = site.folder().join(".ownbase");
        let mut server = up_under(&site, umask);
        assert!(fs::metadata(state_dir.join("control.sock")).unwrap().file_type().is_socket());
        assert!(state_dir.join("compiled").is_dir() && state_dir.join("tmp").is_dir());
        check(&state_dir);
        server.signal(Signal::TERM);
        server.wait();
        check(&state_dir);
    }
}

#[test]
fn what_was_left_loose_is_tightened_at_the_next_start() {
    let site = Site::new(MANIFEST);
    let mut server = site.up(&[]);
    server.signal(Signal::TERM);
    server.wait();
    let state_dir = site.folder().join(".ownbase");
    let folders = ["", "users", "users/3f", "tmp", "compiled"].map(|name| state_dir.join(name));
    for loose in [0o755, 0o775] {
        for folder in folders.iter().filter(|folder| loose == 0o755 || !folder.ends_with("compiled")) {
            fs::set_permissions(folder, Permissions::from_mode(loose)).unwrap();
        }
        let mut server = site.up(&[]);
        for folder in &folders {
            assert_eq!(fs::metadata(folder).unwrap().mode() & 0o7777, 0o700, "{}", folder.display());
        }
        server.signal(Signal::TERM);
        server.wait();
    }
}

#[test]
fn a_state_directory_that_everybody_can_write_is_refused() {
    let site = Site::new(MANIFEST);
    let state_dir = site.folder().join("open");
    fs::create_dir(&state_dir).unwrap();
    fs::set_permissions(&state_dir, Permissions::from_mode(0o777)).unwrap();
    let output = site.run(&["up", "--listen", "127.0.0.1:0", "--state-dir", "open"]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    let expected = "error: everybody can write to the state directory open (take that from them: chmod o-w)\n";
    assert!(stderr.ends_with(expected), "{stderr}");
    assert_eq!(fs::read_dir(&state_dir).unwrap().count(), 0, "nothing is made in it");
}
