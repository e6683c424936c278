//! Starts that fail: one line that says what to do, and an exit code.

use crate::client::request;
use crate::site::{MANIFEST, Site};
use std::net::TcpListener;
use std::process::Output;

/// The whole of stderr, after a run that ended with exit code 1 and printed nothing else.
#[track_caller]
fn failure(output: &Output) -> String {
    let stderr = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert_eq!(output.stdout, b"");
    stderr
}

#[track_caller]
fn check(manifest: &str, arguments: &[&str], expected: &str) {
    let output = Site::new(manifest).run(&[&["up", "--listen", "127.0.0.1:0"], arguments].concat());
    assert_eq!(failure(&output), expected);
}

#[test]
fn a_wrong_flag_ends_with_2() {
    let output = Site::new(MANIFEST).run(&["up", "--lisen", "127.0.0.1:0"]);
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.starts_with("error: unexpected argument '--lisen' found"), "{stderr}");
}

#[test]
fn an_address_that_is_none_is_explained() {
    let output = Site::new(MANIFEST).run(&["up", "--listen", "localhost:3000"]);
    assert_eq!(output.status.code(), Some(2));
    let expected = "error: invalid value 'localhost:3000' for '--listen <ADDRESS>': \
                    write an IP address and a port, as in 127.0.0.1:3000 or [::]:3000\n";
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.starts_with(expected), "{stderr}");
}

#[test]
fn more_instances_than_the_address_space_holds_are_warned_of() {
    let server = Site::new(MANIFEST).up(&["--threads", "1", "--max-instances", "10000"]);
    server.log_line(|line| line.contains("no pool for 20000 instances") && line.contains("lower --max-instances"));
    assert_eq!(request(server.address, "GET", "/x").body, "/x");
}

#[test]
fn a_typo_in_the_manifest_is_named() {
    check(
        &MANIFEST.replace("route", "rout"),
        &[],
        "error: 2 faults keep the application from starting\n  \
         spin.toml:4: [[trigger.http]] `route` is missing (write the paths that it serves, as in \"/...\")\n  \
         spin.toml:5: [[trigger.http]] `rout` is not a known key (did you mean `route`?)\n",
    );
}

#[test]
fn faults_of_all_files_and_flags_come_at_once() {
    let manifest = MANIFEST.replace("echo.wasm", "missing.wasm") + "files = [\"x\"]";
    check(
        &manifest,
        &["--variable", "a=1", "--runtime-config-file", "missing.toml"],
        "error: 4 faults keep the application from starting\n  \
         spin.toml:9: [component.echo] `files` is not supported: a component sees no files here (embed them, or serve them from elsewhere)\n  \
         missing.toml does not exist (correct --runtime-config-file)\n  \
         --variable a: the manifest has no such variable (it has: none)\n  \
         [component.echo] ./missing.wasm does not exist (build it, or correct `source`)\n",
    );
}

#[test]
fn a_missing_manifest_is_named() {
    check(MANIFEST, &["--from", "other.toml"], "error: other.toml does not exist (say where it is by --from)\n");
}

#[test]
fn a_busy_port_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let output = Site::new(MANIFEST).run(&["up", "--listen", &address.to_string()]);
    let expected = format!(
        "error: cannot listen on {address} (choose another address by --listen, or stop what holds it): \
         Address already in use (os error 98)\n"
    );
    assert_eq!(failure(&output), expected);
}

#[test]
fn a_second_process_on_the_state_directory_is_refused() {
    let site = Site::new(MANIFEST);
    let _first = site.up(&[]);
    let stderr = failure(&site.run(&["up", "--listen", "127.0.0.1:0"]));
    assert!(stderr.starts_with("error: ") && stderr.contains(".ownbase"), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
}

#[test]
fn a_state_directory_that_cannot_be_is_refused() {
    let site = Site::new(MANIFEST);
    std::fs::write(site.folder().join("file"), "").unwrap();
    for (state_dir, reason) in [("file", "File exists (os error 17)"), ("file/below", "Not a directory (os error 20)")]
    {
        let stderr = failure(&site.run(&["up", "--listen", "127.0.0.1:0", "--state-dir", state_dir]));
        let hint = "name one that this user may write to";
        assert_eq!(stderr, format!("error: the state directory {state_dir} cannot be used ({hint}): {reason}\n"));
    }
}

#[test]
fn a_component_that_needs_more_memory_than_allowed_is_named() {
    check(
        MANIFEST,
        &["--max-memory-bytes", "65536"],
        "error: [component.echo] ./echo.wasm does not compile: module memory does not fit in pooling allocator \
         requirements: memory index 0 is unsupported in this pooling allocator configuration: memory has a minimum \
         byte size of 131072 which exceeds the limit of 0x10000 bytes (is it a component, and --max-memory-bytes enough?)\n",
    );
}

#[test]
fn a_component_that_cannot_start_is_named() {
    let stderr = failure(&Site::with_a_trap_at_the_start().run(&["up", "--listen", "127.0.0.1:0"]));
    assert!(stderr.starts_with("error: [component.echo] cannot be started: "), "{stderr}");
    assert!(stderr.ends_with("`unreachable` instruction executed (correct the component)\n"), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
}

#[test]
#[cfg(not(feature = "sabotage"))]
fn sabotage_is_refused() {
    let output = Site::new(MANIFEST).command(&["up"]).env("OWNBASE_SABOTAGE", "label").output().unwrap();
    assert_eq!(failure(&output), "error: OWNBASE_SABOTAGE is set, which only a test build obeys (unset it)\n");
}

#[test]
fn a_log_filter_that_is_none_is_refused() {
    let output = Site::new(MANIFEST).command(&["up"]).env("OWNBASE_LOG", "a=b=c").output().unwrap();
    let stderr = failure(&output);
    assert!(stderr.starts_with("error: OWNBASE_LOG=\"a=b=c\" is no filter (write a level"), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
}
