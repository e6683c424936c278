//! A folder with a manifest and a component, and the server that runs it.

use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Far above what anything here takes; a test that reaches it has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const MANIFEST: &str = r#"
spin_manifest_version = 2
application.name = "echo"
[[trigger.http]]
route = "/..."
component = "echo"
[component.echo]
source = "echo.wasm"
"#;

/// An application on disk.
pub(crate) struct Site {
    folder: TempDir,
}

impl Site {
    /// The echo component under the given manifest.
    pub(crate) fn new(manifest: &str) -> Self {
        Self::with_component(manifest, include_str!("component.wat"))
    }

    /// A component given as text.
    pub(crate) fn with_component(manifest: &str, text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let component = wat::parse_str(text).unwrap();
        std::fs::write(folder.path().join("echo.wasm"), component).unwrap();
        std::fs::write(folder.path().join("spin.toml"), manifest).unwrap();
        Self { folder }
    }

    /// The same, with a component that traps as soon as it is started.
    pub(crate) fn with_a_trap_at_the_start() -> Self {
        let handle = "(func (export \"handle\")";
        let text =
            include_str!("component.wat").replace(handle, &format!("(func $trap unreachable) (start $trap) {handle}"));
        Self::with_component(MANIFEST, &text)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// `ownbase` in this folder, with a clean environment as far as it concerns the program.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ownbase"));
        command.args(arguments).current_dir(self.folder());
        for name in ["OWNBASE_LOG", "RUST_LOG", "OWNBASE_SABOTAGE"] {
            command.env_remove(name);
        }
        command
    }

    /// Runs `ownbase` to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// `ownbase up` on a free port, once it serves.
    pub(crate) fn up(&self, arguments: &[&str]) -> Server {
        let mut command = self.command(&["up", "--listen", "127.0.0.1:0"]);
        Server::start(command.args(arguments))
    }
}

/// A running server; killed when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    /// What it printed until it served.
    pub(crate) announced: Vec<String>,
    log: mpsc::Receiver<String>,
}

impl Server {
    /// Runs a command that serves, and waits until it does.
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = lines_of(child.stdout.take().unwrap());
        let log = lines_of(child.stderr.take().unwrap());
        let mut announced: Vec<String> = Vec::new();
        while !announced.last().is_some_and(|line| line.starts_with("Try: ")) {
            match lines.recv_timeout(PATIENCE) {
                Ok(line) => announced.push(line),
                Err(_) => panic!("no server: {:?}", log.try_iter().collect::<Vec<_>>()),
            }
        }
        let address = announced[0].strip_prefix("Serving http://").unwrap().parse().unwrap();
        Self { child, address, announced, log }
    }

    /// The process's id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).unwrap();
    }

    /// How it ended.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "the server does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// What the log says to its end, once the server has ended.
    pub(crate) fn rest_of_log(&self) -> String {
        self.log.iter().collect::<Vec<_>>().join("\n")
    }

    /// The next line of the log for which `wanted` holds.
    pub(crate) fn log_line(&self, wanted: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = self.log.recv_timeout(left).expect("the line to come");
            if wanted(&line) {
                return line;
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads in the background, so that neither a full pipe nor a silent program stops the test.
fn lines_of(pipe: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}
