//! Application variables that are secrets: given by a file or the environment, and shown nowhere.

use crate::client::request;
use crate::site::{MANIFEST, Server, Site};

/// One that is required.
fn site() -> Site {
    Site::new(&MANIFEST.replace("[[trigger", "[variables]\napi_key = { required = true }\n[[trigger"))
}

const UP: [&str; 3] = ["up", "--listen", "127.0.0.1:0"];

#[test]
fn a_file_or_the_environment_gives_what_is_required() {
    let site = site();
    std::fs::write(site.folder().join("secret"), "hunter2\n").unwrap();
    let by_file = Server::start(site.command(&UP).args(["--variable", "api_key=@secret"]));
    assert_eq!(request(by_file.address, "GET", "/x").body, "/x");
    drop(by_file);
    let by_environment = Server::start(site.command(&UP).env("SPIN_VARIABLE_API_KEY", "hunter2"));
    assert_eq!(request(by_environment.address, "GET", "/x").body, "/x");
}

#[test]
fn what_is_wrong_with_a_secret_is_said_without_it() {
    let site = site();
    let folder = site.folder();
    std::fs::write(folder.join("long"), vec![b'x'; 65_537]).unwrap();
    std::fs::write(folder.join("binary"), b"hunter2\xff").unwrap();
    for (variable, code, expected) in [
        ("api_key=@long", 1, "error: --variable api_key: its file is longer than 65536 bytes\n"),
        ("api_key=@binary", 1, "error: --variable api_key: its file is not UTF-8\n"),
        (
            "api_key=@hunter2",
            1,
            "error: --variable api_key: its file cannot be read: No such file or directory (os error 2) (a value that begins \
             with @ is written @@…)\n",
        ),
        ("hunter2", 2, "error: --variable needs NAME=VALUE or NAME=@FILE, in UTF-8\n"),
    ] {
        let output = site.command(&UP).args(["--variable", variable]).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{stderr}");
        assert!(stderr.starts_with(expected) && !stderr.contains("hunter2"), "{stderr}");
    }
    let stderr = String::from_utf8(site.run(&UP).stderr).unwrap();
    assert!(stderr.contains("--variable api_key=@FILE or SPIN_VARIABLE_API_KEY"), "{stderr}");
}
