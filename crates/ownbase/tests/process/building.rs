//! `ownbase build`.

use crate::site::{MANIFEST, Site};

fn manifest(build: &str) -> String {
    format!("{MANIFEST}\n[component.echo.build]\n{build}\n")
}

#[test]
fn commands_run_in_order_in_their_folder() {
    let site =
        Site::new(&manifest("workdir = \"sub\"\ncommand = [\"echo one >> log\", \"echo two $((1 + 1)) >> log\"]"));
    std::fs::create_dir(site.folder().join("sub")).unwrap();
    let output = site.run(&["build"]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(std::fs::read_to_string(site.folder().join("sub/log")).unwrap(), "one\ntwo 2\n");
    let expected = "Building echo: echo one >> log\nBuilding echo: echo two $((1 + 1)) >> log\n";
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
}

#[test]
fn the_first_failure_ends_the_build() {
    let site = Site::new(&manifest("command = [\"exit 3\", \"touch reached\"]"));
    let output = site.run(&["build", "--from", "spin.toml"]);
    assert_eq!(output.status.code(), Some(1));
    let expected = "error: the build of echo failed: `exit 3` ended with exit status: 3 (its output is above)\n";
    assert_eq!(String::from_utf8(output.stderr).unwrap(), expected);
    assert!(!site.folder().join("reached").exists());
}

#[test]
fn nothing_to_build_is_said() {
    let output = Site::new(MANIFEST).run(&["build"]);
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8(output.stdout).unwrap().starts_with("No component has a build command"));
}
