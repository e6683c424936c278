//! `ownbase migrate` before it begins: what it refuses, each in one line; and what a server says on its control socket.

use crate::site::{MANIFEST, PATIENCE, Site};
use rustix::process::Signal;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};

/// The one line of a run that ended with exit code 1.
#[track_caller]
fn refusal(site: &Site, arguments: &[&str]) -> String {
    let output = site.run(&[&["migrate"], arguments].concat());
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), stderr.lines().count()), (Some(1), 1), "{stderr}");
    assert_eq!(output.stdout, b"");
    stderr
}

/// The echo component with these migrations, as JSON.
fn site(manifest: &str, migrations: &str) -> Site {
    let site = Site::new(manifest);
    build(&site, migrations);
    site
}

fn build(site: &Site, migrations: &str) {
    let section =
        format!("(component (core module (@custom \"ownbase:migrations\" \"{}\"))", migrations.escape_default());
    let text = include_str!("component.wat").replacen("(component", &section, 1);
    std::fs::write(site.folder().join("echo.wasm"), wat::parse_str(text).unwrap()).unwrap();
}

fn migrations() -> String {
    format!("[{}]", migration(1))
}

/// One that needs builds which have it too.
fn migration(version: u32) -> String {
    let checksum = "0".repeat(64);
    format!(
        "{{\"version\":{version},\"name\":\"a\",\"checksum\":\"{checksum}\",\"compatible_with\":{version},\"statements\":[\"CREATE TABLE a{version} (b)\"]}}"
    )
}

fn users_manifest() -> String {
    MANIFEST.to_owned() + "[component.echo.tool.ownbase]\nsqlite_databases = [\"user-*\"]\n"
}

#[test]
fn wrong_flags_end_with_2() {
    let site = Site::new(MANIFEST);
    for flags in [
        &["--jobs", "0"][..],
        &["--canary", "0"],
        &["--canary", "101%"],
        &["--on-error", "ignore"],
        &["--status", "--dry-run"],
        &["--status", "--canary", "1"],
        &["--statement-timeout-ms", "0"],
    ] {
        assert_eq!(site.run(&[&["migrate"], flags].concat()).status.code(), Some(2), "{flags:?}");
    }
}

#[test]
fn what_cannot_be_rolled_out_is_said_in_one_line() {
    let echo = Site::new(MANIFEST);
    assert_eq!(
        refusal(&echo, &[]),
        "error: no component of spin.toml carries migrations (build one with ownbase-sql's `embed_migrations`)\n"
    );
    assert_eq!(refusal(&echo, &["--from", "x.toml"]), "error: x.toml does not exist (say where it is by --from)\n");
    let missing = Site::new(&MANIFEST.replace("echo.wasm", "missing.wasm"));
    assert_eq!(
        refusal(&missing, &[]),
        "error: [component.echo] ./missing.wasm cannot be read: No such file or directory (os error 2) (build it, or \
         correct `source`)\n"
    );
    let faulty = site(MANIFEST, "[]");
    assert_eq!(refusal(&faulty, &[]), "error: [component.echo] ./echo.wasm has 0 migrations, not 1 to 9999\n");
    let stderr = String::from_utf8(faulty.run(&["up", "--listen", "127.0.0.1:0"]).stderr).unwrap();
    assert!(stderr.contains("[component.echo] ./echo.wasm has 0 migrations"), "{stderr}");
    let twice = users_manifest()
        + "[component.other]\nsource = \"echo.wasm\"\n[component.other.tool.ownbase]\n\
                                    sqlite_databases = [\"user-a*\"]\n";
    assert_eq!(
        refusal(&site(&twice, &migrations()), &[]),
        "error: [component.echo] and [component.other] both carry migrations and may open the same database (give them \
         `sqlite_databases` that have none in common)\n"
    );
}

#[test]
fn a_folder_without_databases_stays_as_it_is() {
    let site = site(&users_manifest(), &migrations());
    std::fs::create_dir(site.folder().join("empty")).unwrap();
    for state_dir in ["missing", "empty", "spin.toml"] {
        assert_eq!(
            refusal(&site, &["--state-dir", state_dir]),
            format!(
                "error: {state_dir} holds no users' databases (say by --state-dir where they are; `ownbase up` makes the \
                 first)\n"
            )
        );
    }
    assert!(!site.folder().join("missing").exists());
    assert_eq!(site.folder().join("empty").read_dir().unwrap().count(), 0);
}

#[test]
fn what_is_no_user_s_is_passed_over_and_counted() {
    let site = site(&users_manifest(), &migrations());
    let folder = site.folder().join(".ownbase/users/00");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("user-bob (copy).db"), "").unwrap();
    let output = site.run(&["migrate", "--status"]);
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "no database yet\n1 name is passed over: no user's database is called so\n"
    );
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_holder_without_a_socket_is_named() {
    let site = site(&users_manifest(), &migrations());
    let mut server = site.up(&[]);
    std::fs::remove_file(site.folder().join(".ownbase/control.sock")).unwrap();
    let stderr = refusal(&site, &[]);
    assert!(stderr.starts_with("error: another process holds ./.ownbase, and it cannot be asked over "), "{stderr}");
    server.signal(Signal::TERM);
    assert!(server.wait().success());
}

#[test]
fn a_server_without_databases_rolls_out_to_nobody() {
    let site = site(&users_manifest(), &migrations());
    let mut server = site.up(&[]);
    let socket = site.folder().join(".ownbase/control.sock");
    assert_eq!(socket.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let output = site.run(&["migrate", "--statement-timeout-ms", "100"]);
    let note = "note: a server does the work, within its own --statement-timeout-ms\n";
    assert_eq!(String::from_utf8(output.stderr).unwrap(), note);
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "0 databases migrated to version 1\n0 databases already current\n"
    );
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(site.run(&["migrate", "--status"]).stdout, b"no database yet\n");
    server.signal(Signal::TERM);
    assert!(server.wait().success());
    assert!(!socket.exists());
}

#[test]
fn what_the_served_build_cannot_work_with_may_be_tried() {
    let site = site(&users_manifest(), &migrations());
    let _server = site.up(&[]);
    build(&site, &format!("[{},{}]", migration(1), migration(2)));
    assert!(refusal(&site, &[]).contains("migration 2 needs builds with migration 2 or later"));
    let output = site.run(&["migrate", "--dry-run"]);
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "0 databases would be migrated to version 2\n0 databases already current\n"
    );
}

#[test]
fn an_error_is_json_where_machines_listen() {
    let output = Site::new(MANIFEST).run(&["migrate", "--json", "--from", "x.toml"]);
    assert_eq!(output.status.code(), Some(1));
    let why = "x.toml does not exist (say where it is by --from)";
    assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("{{\"error\":\"{why}\"}}\n"));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), format!("error: {why}\n"));
}

#[test]
fn a_record_that_cannot_be_kept_is_a_warning() {
    let site = site(&users_manifest(), &migrations());
    let state_dir = site.folder().join(".ownbase");
    std::fs::create_dir_all(state_dir.join("users")).unwrap();
    std::fs::create_dir(state_dir.join("rollout.json.new")).unwrap();
    let warning = "rollout.json for --status (the roll-out itself is done): Is a directory";
    let stderr_of_a_good_one = || {
        let output = site.run(&["migrate", "--json"]);
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((report["ended"].as_str(), output.status.code()), (Some("complete"), Some(0)));
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(stderr_of_a_good_one().contains(warning));
    let server = site.up(&[]);
    assert_eq!(stderr_of_a_good_one(), "");
    server.log_line(|line| line.contains(warning));
}

#[test]
fn a_socket_that_a_killed_server_left_is_replaced() {
    let site = site(&users_manifest(), &migrations());
    let mut server = site.up(&[]);
    server.signal(Signal::KILL);
    server.wait();
    assert!(site.folder().join(".ownbase/control.sock").exists());
    let _second = site.up(&[]);
    assert_eq!(site.run(&["migrate", "--status"]).status.code(), Some(0));
}

#[test]
fn what_is_no_socket_stays() {
    let site = site(&users_manifest(), &migrations());
    let socket = site.folder().join(".ownbase/control.sock");
    std::fs::create_dir(site.folder().join(".ownbase")).unwrap();
    std::fs::write(&socket, "mine").unwrap();
    let server = site.up(&[]);
    let line = server.log_line(|line| line.contains("control socket"));
    assert!(line.contains("control.sock is no socket (move it away)"), "{line}");
    assert_eq!(std::fs::read(&socket).unwrap(), b"mine");
}

#[test]
fn what_a_killed_dry_run_left_goes_soon() {
    let site = site(&users_manifest(), &migrations());
    let left = site.folder().join(".ownbase/dry-run");
    let leave = || std::fs::create_dir_all(left.join("users")).unwrap();
    leave();
    let server = site.up(&[]);
    assert!(!left.exists(), "a server's start leaves it");
    leave();
    assert!(site.run(&["migrate"]).status.success() && !left.exists(), "a roll-out in a server leaves it");
    drop(server);
    leave();
    assert!(site.run(&["migrate"]).status.success() && !left.exists(), "a roll-out leaves it");
}

#[test]
fn a_path_that_is_too_long_for_a_socket_is_a_warning() {
    let site = site(&users_manifest(), &migrations());
    let long = format!("{}/{}", "d".repeat(60), "e".repeat(60));
    let server = site.up(&["--state-dir", &long]);
    let line = server.log_line(|line| line.contains("control socket"));
    assert!(line.contains("cannot listen on") && line.contains("bytes long"), "{line}");
}

#[test]
fn what_is_no_request_is_refused_and_others_go_on() {
    let site = site(&users_manifest(), &migrations());
    let _server = site.up(&[]);
    let answer = |bytes: &[u8]| {
        let mut stream = UnixStream::connect(site.folder().join(".ownbase/control.sock")).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // The server may have closed it before it took all.
        let _ = stream.write_all(bytes);
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        answer
    };
    assert!(answer(b"GET / HTTP/1.1\n").starts_with("{\"refused\":\"this is no request to ownbase: "));
    assert_eq!(
        answer(b"{\"protocol\":2}\n"),
        "{\"refused\":\"the server speaks version 1 of the control protocol and this command version 2 (use the ownbase \
         that serves)\"}\n"
    );
    assert_eq!(answer(&vec![b'x'; 5 << 20]), "", "a line without end ends the connection");
    // Clients that say nothing take no place from a later one for long, and none from HTTP.
    assert_eq!(site.run(&["migrate", "--status"]).status.code(), Some(0));
}

#[test]
fn a_server_that_speaks_otherwise_is_named() {
    let site = site(&users_manifest(), &migrations());
    drop(site.up(&[]));
    let state_dir = site.folder().join(".ownbase");
    let lock = std::fs::File::open(state_dir.join("lock")).unwrap();
    lock.lock().unwrap();
    std::fs::remove_file(state_dir.join("control.sock")).unwrap();
    let listener = UnixListener::bind(state_dir.join("control.sock")).unwrap();
    for (says, expected) in [
        ("{\"refused\":\"why\"}\n", "error: the server refused: why\n"),
        ("", "error: the server ended before the roll-out did (run again to go on)\n"),
        (
            "{\"pong\":1}\n",
            "error: the server speaks otherwise: unknown variant `pong`, expected one of `progress`, `report`, `refused` \
             at line 1 column 7 (use the ownbase that serves)\n",
        ),
    ] {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let (stream, _) = listener.accept().unwrap();
                let mut request = String::new();
                BufReader::new(&stream).read_line(&mut request).unwrap();
                assert!(request.starts_with("{\"protocol\":1,"), "{request}");
                (&stream).write_all(says.as_bytes()).unwrap();
            });
            assert_eq!(refusal(&site, &[]), expected);
        });
    }
}
